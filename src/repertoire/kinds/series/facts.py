"""What a data set of one series says of itself, and what it shares with one of several."""

from typing import Literal, NotRequired, TypedDict

from repertoire.data.facts import CommonFacts, Counts


class Starts(TypedDict):
    """The time at which each part begins, as the data write it."""

    train: str
    valid: str
    test: str


From = TypedDict("From", {"from": Starts})  # a word that no class may use as a name


class CourseFacts(CommonFacts, From):
    """Of any data over time; times are counted in steps, and ``unit`` is that of the values."""

    unit: str
    low: float  # the least value that is admissible
    high: float
    season: int  # 1 for none
    lookback: int
    horizon: int
    levels: list[float]  # of the quantiles, 0 to 1, rising
    values: Counts  # times of a split
    stride: NotRequired[int]  # each so many-th origin counts; 1 where it is not said
    step_words: NotRequired[str]  # how long a step is
    filled: NotRequired[int]  # values that were interpolated


class Facts(CourseFacts):
    """Moments are of the training part, on the scale that ``scale`` names."""

    kind: Literal["series"]
    scale: Literal["linear", "root", "log"]
    largest_order: int  # of the autoregressions that are tried
    mean: float
    deviation: float
    change_deviation: float  # of changes over a step
    seasonal_change: float  # mean absolute change over a season, in the unit of the values
    example: list[float]  # the last values before the test part
    persistence: NotRequired[float]  # near 0: never returns to its seasonal means; 1: at once
    seasonal_lags: NotRequired[int]  # seasons whose mean a forecast starts from; 0 for none
    seasonal_deviation: NotRequired[float]  # of values from that mean
