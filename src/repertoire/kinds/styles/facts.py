"""What a data set of photographs and styles says of itself."""

from typing import Literal, TypedDict

from repertoire.data.facts import CommonFacts, Counts


class Compared(TypedDict):
    """Layers of the loss network, and the weight of style: ``repertoire.nn.measure``."""

    content: str
    style: list[str]
    style_weight: float


class Facts(CommonFacts):
    """``widths``: channels before and after each convolution of the loss network."""

    kind: Literal["styles"]
    side: int  # pixels
    styles: list[str]  # names
    photographs: Counts
    measure: Compared
    widths: list[int]
    loss_network: str  # in words
