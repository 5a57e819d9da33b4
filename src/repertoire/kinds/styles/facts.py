"""What a data set of photographs and styles says of itself."""

from typing import Literal, TypedDict

from repertoire.data.facts import CommonFacts, Counts


class Compared(TypedDict):
    """Layers of the judge, and what style weighs against content: ``repertoire.nn.measure``."""

    content: str
    style: list[str]
    style_weight: float


class Facts(CommonFacts):
    """``widths``: channels before and after each convolution of the judge."""

    kind: Literal["styles"]
    side: int  # pixels
    styles: list[str]  # names
    photographs: Counts
    measure: Compared
    widths: list[int]
    judge: str  # in words
