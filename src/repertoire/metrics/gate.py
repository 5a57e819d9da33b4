"""Whether a model may be used: the rules that params.yaml states."""

import math
from dataclasses import dataclass
from typing import Literal

from repertoire.metrics.uncertainty import Drawn


def margin_over(better: str, value: float, other: float) -> float:
    """By how much ``value`` beats ``other``, in their unit; negative if it does not."""
    return other - value if better == "lower" else value - other


Verdict = Literal["better", "within noise", "worse"]
SURE = 2.0  # standard errors of a difference from which on it is no noise


def verdict_of(margin: float, error: float | None) -> Verdict:
    """What a margin of this standard error says; without one, whether it is ahead or not."""
    if margin == 0 or (error is not None and abs(margin) < SURE * error):
        return "within noise"
    return "better" if margin > 0 else "worse"


@dataclass(frozen=True)
class Comparison:
    """A net's metric beside that of one baseline on the same test rows.

    ``margin`` is above 0 where the net is ahead. ``error`` is the standard error of the margin:
    by the paired bootstrap where both were measured on the same rows, else that of the net alone.
    """

    baseline: str
    baseline_value: float
    margin: float
    error: float
    test: Literal["paired bootstrap", "bootstrap of the model alone"]

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.margin, self.error)


def compare(
    better: str, value: float, drawn: Drawn, baseline: tuple[str, float], other: Drawn | None
) -> Comparison:
    """``drawn`` are the bootstrap values of the net, ``other`` those of the baseline."""
    name, beside = baseline
    paired = drawn.minus(other)
    error = (paired or drawn).error
    return Comparison(
        name,
        beside,
        margin_over(better, value, beside),
        error if error is not None else math.inf,
        "paired bootstrap" if paired else "bootstrap of the model alone",
    )
