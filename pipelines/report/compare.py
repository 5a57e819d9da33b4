"""Each model against what it must beat, and against the references beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.report.words import listed, lowered, number
from pipelines.verdict import SAID
from repertoire.measured import Baseline, Declared, Metric, strongest
from repertoire.metrics.gate import Verdict, margin_over, verdict_of


@dataclass(frozen=True)
class Comparison:
    """One value of a model beside one value of a baseline; ``passed`` only at the gate.

    ``error`` is the standard error of the model's value, None where it has none; ``margin_error``
    that of the margin, which the same test rows make smaller where both were measured on them.
    """

    metric: Metric
    value: float
    error: float | None
    baseline: Baseline
    baseline_value: float
    margin_error: float | None
    passed: bool | None = None

    @property
    def margin(self) -> float:
        """By how much the model is ahead, in the metric's unit; negative if it is behind."""
        return margin_over(self.metric.better, self.value, self.baseline_value)

    @property
    def ratio(self) -> str:
        """How many times better the model is: above 1 it beats the baseline."""
        pair = (self.baseline_value, self.value)
        above, below = pair if self.metric.better == "lower" else pair[::-1]
        return f"{above / below:.2f}" if below > 0 else "–"

    @property
    def outcome(self) -> Verdict:
        """The same words as ``evaluate`` writes."""
        return verdict_of(self.margin, self.margin_error)

    @property
    def verdict(self) -> str:
        """The last cell of the row: the outcome, marked where it decides; of a bound the side."""
        if self.baseline.role == "real":
            bound = "floor" if self.metric.better == "lower" else "ceiling"
            return f"{'above' if self.value > self.baseline_value else 'below'} the {bound}"
        if self.passed is None:
            return self.outcome
        return f"{'✓' if self.passed else '✗'} {self.outcome}"


def comparisons(
    gate: Mapping[str, Any],
    results: Mapping[str, Any],
    baselines: Mapping[str, Any],
    config: Mapping[str, Any],
    means: Declared,
) -> list[Comparison]:
    """The gate first, then every baseline in its metric, then the best one in each other metric.

    Bounds and scales stand beside them. ``results`` holds the metrics of the ``test`` split, their
    ``standard_errors``, and the ``verdicts`` on the gate's metric.
    """
    metrics, errors = results["test"], results["standard_errors"]
    margins = {verdict["baseline"]: verdict["error"] for verdict in results["verdicts"]}
    rows: list[Comparison] = []
    for key in sorted(metrics, key=lambda key: key != gate["metric"]):
        first = key == gate["metric"]
        metric = means.shown(key, gate["better"]) if first else means.find(key)
        if metric is None:  # nobody says which value is better
            continue
        beside = means.beside(metric, baselines, config, gate["baseline"] if first else "")
        best = strongest(beside)
        if first:
            best = str(gate["baseline"])
            beside.setdefault(best, Baseline(best, best))  # older code called it so
        shown = [k for k, b in beside.items() if k != best and (first or b.role != "baseline")]
        for other in [best, *shown] if best else shown:
            error = errors.get(key)
            rows.append(
                Comparison(
                    metric,
                    metrics[key],
                    error,
                    beside[other],
                    baselines[other],
                    margins.get(other, error) if first else error,
                    None if rows else gate["passed"],
                )
            )
    return rows


def verdicts(models: list[tuple[str, list[Comparison]]]) -> list[str]:
    """Plain sentences for one data set: which nets are better than what, and which are not."""
    groups: dict[tuple[str, str], list[tuple[str, Comparison]]] = {}
    for title, rows in models:
        for row in rows:
            groups.setdefault((row.metric.label, row.baseline.label), []).append((title, row))
    return [
        _bound_sentence(found) if found[0][1].baseline.role == "real" else _sentence(found)
        for found in groups.values()
    ]


def _sentence(found: list[tuple[str, Comparison]]) -> str:
    first = found[0][1]
    unit = "\u00a0%" if first.metric.unit == "%" else ""
    value = f"{lowered(first.metric.label)} {number(first.baseline_value)}{unit}"
    against = f"the {first.baseline.label} ({value})"
    if len(found) > 1 and all(row.outcome == "better" for _, row in found):
        return f"Every net is better than {against}."
    parts = []
    for outcome, words in SAID.items():
        if titles := [title for title, row in found if row.outcome == outcome]:
            parts.append(f"{listed(titles)} {'are' if len(titles) > 1 else 'is'} {words} {against}")
            against = "it"
    return f"{'; '.join(parts)}."


def _bound_sentence(found: list[tuple[str, Comparison]]) -> str:
    parts = [f"{title} is {number(row.value)}" for title, row in found]
    first = found[0][1]
    # A distance lies between two sets; any other metric belongs to one.
    of = "between" if "istance" in first.metric.label else "of"
    floor = first.metric.better == "lower"
    least = ", and zero is out of reach with samples this small" if floor else ""
    return (
        f"The {'floor' if floor else 'ceiling'} is {number(first.baseline_value)}, the "
        f"{lowered(first.metric.label)} {of} {first.baseline.label}; {listed(parts)}{least}."
    )
