"""The verdict of a recipe in words; the manifest keeps it, and whoever shows it reads it there."""

from collections.abc import Mapping
from typing import Any

from pipelines.report.words import baseline_words, lowered, metric_words, number


def verdict_sentence(verdict: Mapping[str, Any], value: float, baselines: Mapping[str, Any]) -> str:
    """Against the baseline of the gate, with the numbers that this rests on."""
    metric, unit = metric_words(verdict["metric"])
    said = {"better": "Better than", "within noise": "Within noise of", "worse": "Worse than"}
    return (
        f"{said[verdict['verdict']]} the {baseline_words(verdict['baseline'], baselines)}: "
        f"{lowered(metric)} {number(value)} against {number(verdict['baseline_value'])}"
        f"{' ' + unit if unit else ''}, ahead by {number(verdict['margin'])} ± "
        f"{number(verdict['error'])} ({verdict['test']})."
    )
