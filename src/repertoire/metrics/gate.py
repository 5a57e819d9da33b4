"""Whether a model may be used: the rules that params.yaml states."""

from collections.abc import Iterator, Mapping

REAL = "real_"  # begins the name of what real data reach: a floor, which no model need beat
BUDGETS = ("optimised_",)  # begin names of what takes its time for each input: a scale


def margin_over(better: str, value: float, other: float) -> float:
    """By how much ``value`` beats ``other``, in their unit; negative if it does not."""
    return other - value if better == "lower" else value - other


def alike(
    metric: str, metrics: Mapping[str, float], baselines: Mapping[str, float]
) -> Iterator[str]:
    """Every baseline in this metric: what is called <model>_<metric>.

    A longer metric of the model that ends alike is another one, as that of one direction alone.
    """
    longer = [other for other in metrics if other.endswith(f"_{metric}")]
    for key in baselines:
        if key.endswith(f"_{metric}") and not any(key.endswith(f"_{other}") for other in longer):
            yield key


def strongest(
    metric: str, better: str, metrics: Mapping[str, float], baselines: Mapping[str, float]
) -> str | None:
    """The name of the best baseline in this metric, floors and scales aside; None if there is none.

    Of equal ones the first.
    """
    rivals = [
        key for key in alike(metric, metrics, baselines) if not key.startswith((REAL, *BUDGETS))
    ]
    sign = 1 if better == "lower" else -1
    return min(rivals, key=lambda key: sign * baselines[key], default=None)
