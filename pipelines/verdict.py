"""The verdict of a recipe in words; the manifest keeps it, and whoever shows it reads it there."""

from collections.abc import Mapping
from typing import Any

from pipelines.report.words import lowered, number
from repertoire.measured import Baseline, Metric


def verdict_sentence(
    verdict: Mapping[str, Any], value: float, metric: Metric, baseline: Baseline
) -> str:
    """Against the baseline of the gate, with the numbers that this rests on."""
    said = {"better": "Better than", "within noise": "Within noise of", "worse": "Worse than"}
    return (
        f"{said[verdict['verdict']]} the {baseline.label}: "
        f"{lowered(metric.label)} {number(value)} against {number(verdict['baseline_value'])}"
        f"{' ' + metric.unit if metric.unit else ''}, ahead by {number(verdict['margin'])} ± "
        f"{number(verdict['error'])} ({verdict['test']})."
    )
