"""What a data set of running text says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts, HeldOutCounts, LeftOut
from repertoire.data.text import Level


class Facts(CommonFacts):
    """``nbest_lists``: how many lists of alternatives there are to rescore."""

    kind: Literal["running_text"]
    level: Level  # what a token is
    vocabulary: int  # tokens, special ones too
    tokens: Counts
    nbest_lists: HeldOutCounts
    unknown_share_test: float  # of tokens, 0 to 1
    rows: NotRequired[Counts]  # of the table: passages
    prompt: NotRequired[str]  # what texts for the report begin with
    left_out: NotRequired[LeftOut]
