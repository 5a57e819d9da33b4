"""What a data set of signals says of itself."""

from typing import Literal

from repertoire.data.facts import CommonFacts, Counts


class Facts(CommonFacts):
    """Of a decoded signal 1 is ``scale``, the largest absolute value of training in ``unit``."""

    kind: Literal["waveforms"]
    rate: float  # samples a second
    levels: int
    scale: float
    unit: str
    samples: Counts
    recordings: Counts
    rows: Counts  # of the table: up to ten seconds of a recording
    clipped: dict[str, float]  # split -> share of its samples that are louder than ``scale``
    deviation: float  # of the decoded training part
    change_deviation: float  # of its changes from one sample to the next
    example: list[float]  # samples in ``unit``, the last of validation
