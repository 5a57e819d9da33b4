"""What a data set of sentences says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts, LeftOut


class Facts(CommonFacts):
    """``known`` are sentences of training that a client can be shown."""

    kind: Literal["sentences"]
    vocabulary: int  # tokens, special ones too
    end: int  # the id that ends a sentence
    unknown: int  # the id of tokens that training does not hold often enough
    lines: Counts
    unknown_share_test: float  # of tokens, 0 to 1
    known: list[str]
    known_ids: list[list[int]]  # of the same, the end too
    left_out: NotRequired[LeftOut]
