"""What a data set of words in running text says of itself."""

from typing import Literal, NotRequired, TypedDict

from repertoire.data.facts import CommonFacts, Counts, LeftOut


class Coverage(TypedDict):
    """Rows of a set of judgements, and those of valid and test whose words are all known."""

    all: int
    valid: int
    test: int


class Facts(CommonFacts):
    """``judged``: without judgements of people it is not there."""

    kind: Literal["word_vectors"]
    vocabulary: int  # words, and the ids of end and unknown
    tokens: Counts
    unknown_share_test: float  # of tokens, 0 to 1
    words: list[str]  # by id
    judged: NotRequired[dict[str, Coverage]]  # by set of pairs or questions
    rows: NotRequired[Counts]  # of the table: passages
    left_out: NotRequired[LeftOut]
