"""What a data set of images says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts, LeftOut


class Facts(CommonFacts):
    """``features``: in which space images are compared; of their classes where it is not said."""

    kind: Literal["images"]
    side: int  # pixels
    channels: int  # 1 or 3
    classes: int  # 0 for none
    names: list[str]  # of the classes
    images: Counts
    features: NotRequired[Literal["classes", "rotations", "pixels"]]
    classifier: NotRequired[
        str
    ]  # the evaluation classifier, in words; none where pixels are compared
    classifier_valid_accuracy: NotRequired[float]  # 0 to 1
    ink: NotRequired[bool]  # whether grey images are drawn dark on paper; so where it is not said
    left_out: NotRequired[LeftOut]
