"""The verdict of a recipe in words; the manifest keeps it, and whoever shows it reads it there."""

from collections.abc import Mapping
from typing import Any

from pipelines.report.words import lowered, number
from repertoire.measured import Baseline, Metric
from repertoire.metrics.gate import Verdict

SAID: dict[Verdict, str] = {
    "better": "better than",
    "within noise": "within noise of",
    "worse": "worse than",
}


def verdict_sentence(
    verdict: Mapping[str, Any], value: float, metric: Metric, baseline: Baseline
) -> str:
    """Against the baseline of the gate, with the numbers that this rests on."""
    margin = verdict["margin"]
    ahead = "behind" if margin < 0 else "ahead"
    return (
        f"{SAID[verdict['verdict']].capitalize()} the {baseline.label}: "
        f"{lowered(metric.label)} {number(value)} against {number(verdict['baseline_value'])}"
        f"{' ' + metric.unit if metric.unit else ''}, {ahead} by {number(abs(margin))} ± "
        f"{number(verdict['error'])} ({verdict['test']})."
    )
