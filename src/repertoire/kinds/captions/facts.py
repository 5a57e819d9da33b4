"""What a data set of captioned images says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts, LeftOut
from repertoire.kinds.captions.wording import CaptionLevel
from repertoire.metrics.bleu import Unit


class Facts(CommonFacts):
    """Counts of images are called by what they are: scenes, photographs or images."""

    kind: Literal["captions"]
    side: int  # pixels
    channels: NotRequired[int]  # 1 where it is not said, unless there is an encoder
    vocabulary: int  # tokens, special ones too
    end: int  # the id that ends a caption
    level: NotRequired[CaptionLevel]
    unit: NotRequired[Unit]  # what n-grams consist of; words where it is not said
    longest: NotRequired[int]  # ids of a caption of training, the end too
    unknown_share_test: NotRequired[float]  # of ids, 0 to 1
    scenes: NotRequired[Counts]
    photographs: NotRequired[Counts]
    images: NotRequired[Counts]
    captions: NotRequired[Counts]
    encoder: NotRequired[str]  # the trained net through which photographs are seen, in words
    encoder_source: NotRequired[str]  # where its weights are from
    left_out: NotRequired[LeftOut]
