"""What a data set of pairs of images says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts


class Facts(CommonFacts):
    """``source`` and ``target`` say in words what the images of either side are."""

    kind: Literal["image_pairs"]
    side: int  # pixels
    colours: int  # channels: 1 or 3
    pairs: Counts
    source: str
    target: str
    shift: NotRequired[int]  # pixels by which training moves pairs at most
    mirrored: NotRequired[bool]  # whether training mirrors half of them
    ink: NotRequired[bool]  # whether grey images are drawn dark on paper; so where it is not said
