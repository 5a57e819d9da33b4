"""What a data set of several series over one time says of itself."""

from typing import Literal, NotRequired

from repertoire.kinds.series.facts import CourseFacts


class Facts(CourseFacts):
    """Numbers by series are in the order of ``series``."""

    kind: Literal["panel"]
    series: list[str]
    ridge_lookback: int  # steps that the linear baseline sees
    mean: list[float]  # by series, of the training part
    deviation: list[float]
    example: list[list[float]]  # values by time and series, the last before the test part
    drawn: NotRequired[list[list[float]]]  # least and largest by series that the export is tried on
