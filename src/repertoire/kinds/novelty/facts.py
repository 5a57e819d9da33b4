"""What a data set of normal things and anomalies says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts, LeftOut
from repertoire.kinds.novelty.columns import Cell


class Facts(CommonFacts):
    """Each of ``names`` counts as normal for a detector of its own; a table has one name."""

    kind: Literal["novelty"]
    shape: list[int]  # of an image, or the width of a row of the widest table
    names: list[str]
    contaminated: bool  # whether training holds anomalies
    side: NotRequired[int]  # pixels of an image
    images: NotRequired[Counts]
    rows: NotRequired[Counts]
    columns: NotRequired[list[list[str]]]  # by table
    center: NotRequired[list[list[float]]]  # by table and column: what is taken off a value
    scale: NotRequired[list[list[float]]]  # what it is then divided by
    anomalies_in_training: NotRequired[int]
    anomalies: NotRequired[Counts]
    known_share_test: NotRequired[float]  # of rows that training holds, too, 0 to 1
    groups: NotRequired[list[str]]  # what images may show, the normal one first
    example: NotRequired[dict[str, Cell]]  # a normal row by column, as a client sends it
    left_out: NotRequired[LeftOut]
