"""What a data set of labelled texts says of itself."""

from typing import Literal

from repertoire.data.facts import CommonFacts, Counts
from repertoire.data.text import Level


class Facts(CommonFacts):
    """Shares are numbers from 0 to 1."""

    kind: Literal["labelled_texts"]
    classes: list[str]  # by number
    vocabulary: int  # tokens, special ones too
    end: int  # the id that ends a text
    unknown: int  # the id of tokens that training does not hold often enough
    level: Level  # what a token is
    texts: Counts
    unknown_share_test: float  # of tokens
    known_share_test: float  # of texts that training holds, too
