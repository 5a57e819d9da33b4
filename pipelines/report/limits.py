"""What the numbers of a model card do not show, said before somebody asks."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.params import Recipe
from repertoire.kinds import load_limits
from repertoire.measured import Declared


def limits(
    facts: Mapping[str, Any], metrics: Mapping[str, float], recipe: Recipe, means: Declared
) -> list[str]:
    """One sentence of the seed, those of the kind of data, and what was not measured and why."""
    seed = (
        f"One training run with seed {recipe.seed}: standard errors are those of the test sample; "
        "how much the result varies between seeds was not measured."
    )
    of_kind = load_limits(facts["kind"])
    return [seed, *of_kind(facts, metrics, recipe.training.epochs), *_left_out(facts, means)]


def _left_out(facts: Mapping[str, Any], means: Declared) -> Iterator[str]:
    """Metrics of this family, and baselines of this kind, that would mean nothing on these data."""
    reasons: dict[str, list[str]] = {}
    for key, reason in facts.get("left_out", {}).items():
        if label := means.label(key):
            reasons.setdefault(reason, []).append(label)
    for reason, labels in reasons.items():
        yield f"Not measured: {', '.join(labels)} ({reason})."
