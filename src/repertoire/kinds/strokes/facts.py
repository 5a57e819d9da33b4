"""What a data set of drawings by a pen says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts


class Facts(CommonFacts):
    """Drawings are called ``words`` where a text goes with them, and else ``sketches``."""

    kind: Literal["strokes"]
    unit: str  # of lengths, in words
    scale: float  # what offsets were divided by
    vocabulary: int  # of the texts, special ids too; 0 without texts
    points: Counts
    words: NotRequired[Counts]
    sketches: NotRequired[Counts]
    alphabet: NotRequired[str]
    fonts: NotRequired[list[str]]
    points_a_letter: NotRequired[float]  # mean of training
    usual_points: NotRequired[int]  # median of a drawing of training
    drawn: NotRequired[dict[str, int]]  # what is drawn -> drawings
