"""What a data set of stacked images says of itself."""

from typing import Literal

from repertoire.data.facts import CommonFacts, Counts


class Facts(CommonFacts):
    """Three grey images of ``classes`` each are the channels of one."""

    kind: Literal["stacked_images"]
    side: int  # pixels
    channels: int
    classes: int
    names: list[str]  # of the classes
    images: Counts
    classifier: str  # the evaluation classifier, in words
    classifier_valid_accuracy: float  # of single images, 0 to 1
