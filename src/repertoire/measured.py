"""What a measured number means, whichever model it is of: metrics, and the baselines beside a net.

Both are declared where they are computed. Their keys may hold fields: ``{n:d}`` stands for digits,
``{label}`` for a word. ``Metric("bleu_{n:d}_percent", "BLEU-{n}", "%", "higher")`` describes
``bleu_4_percent`` as BLEU-4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from repertoire.config import RepertoireError

Role = Literal["baseline", "real", "scale"]
DIGITS, WORD = r"\d+", r"\w+"
FIELD = re.compile(r"\\\{(\w+)(:d)?\\\}")  # in an escaped template


@dataclass(frozen=True)
class Metric:
    """``better`` says which value is; ``unit`` is empty where there is none.

    ``against`` is the key of what baselines measure where that is another: an exact likelihood
    stands beside the bounds of one.
    """

    key: str
    label: str
    unit: str
    better: Literal["lower", "higher"]
    against: str = ""

    def named(self, key: str) -> "Metric | None":
        """This metric with its fields as in ``key``; None if it is not the metric of that key."""
        fields = _fields(self.key, key)
        if fields is None:
            return None
        against = re.sub(":d}", "}", self.against).format(**fields) or key
        words = {field: value.replace("_", " ") for field, value in fields.items()}
        return replace(self, key=key, label=self.label.format(**words), against=against)


@dataclass(frozen=True)
class Baseline:
    """A model without a net: its metrics are called <name>_<key of the metric>.

    A field of ``name`` that is a key of a recipe's config has to agree with it. ``label`` may hold
    the fields of ``name`` and measured numbers: "autoregression of order {ar_order:.0f}". What
    ``real`` data reach is a bound that no net need beat; a ``scale`` takes its time for each input,
    which a net in one pass has not.
    """

    name: str
    label: str
    role: Role = "baseline"


@dataclass(frozen=True)
class Declared:
    """What the keys of a model's results mean: its family's metrics, its kind of data's baselines.

    Of several declarations that fit a key the first counts.
    """

    metrics: tuple[Metric, ...]
    baselines: tuple[Baseline, ...]

    def find(self, key: str) -> Metric | None:
        """The metric that is called so, its fields filled; None if none is declared."""
        named = (metric.named(key) for metric in self.metrics)
        return next((metric for metric in named if metric), None)

    def metric(self, key: str) -> Metric:
        """The metric that is called so. Raises RepertoireError."""
        if found := self.find(key):
            return found
        known = ", ".join(metric.key for metric in self.metrics)
        raise RepertoireError(f"no metric {key!r}; there are: {known}")

    def shown(self, key: str, better: Literal["lower", "higher"] = "lower") -> Metric:
        """The metric that is called so; results of older code may have others, named by the key."""
        return self.find(key) or Metric(key, key, "", better)

    def baseline(
        self, key: str, metric: Metric, config: Mapping[str, Any] | None = None
    ) -> Baseline | None:
        """The baseline whose value in this metric has this key, of the settings of ``config``."""
        name = key.removesuffix(f"_{metric.against}")
        for baseline in self.baselines if name != key else ():
            fields = _fields(baseline.name, name)
            if fields is not None and all(
                str((config or {}).get(field, value)) == value for field, value in fields.items()
            ):
                return replace(baseline, name=name, label=_partly(baseline.label, fields))
        return None

    def label(self, key: str) -> str | None:
        """What a metric or a baseline of that name is called; None if neither is declared."""
        named = (metric.named(key) for metric in self.metrics)
        labels = [metric.label for metric in named if metric]
        # Of a baseline that was not measured there are no numbers to fill in.
        labels += [re.split("[,({]", b.label)[0].strip() for b in self.baselines if b.name == key]
        return labels[0] if labels else None

    def beside(
        self,
        metric: Metric,
        values: Mapping[str, Any],
        config: Mapping[str, Any],
        gate: str = "",
    ) -> dict[str, Baseline]:
        """The baselines measured in this metric, by the keys of their ``values``, best first.

        ``config`` is that of the recipe: baselines of other settings are left out, but for that
        which its ``gate`` names.
        """
        sign = 1 if metric.better == "lower" else -1
        found = {
            key: replace(baseline, label=baseline.label.format(**values))
            for key in values
            if (baseline := self.baseline(key, metric, None if key == gate else config))
        }
        return dict(sorted(found.items(), key=lambda item: sign * values[item[0]]))


def strongest(beside: Mapping[str, Baseline]) -> str | None:
    """The key of the first that is neither a bound nor a scale: the best of those ``beside``."""
    return next((key for key, baseline in beside.items() if baseline.role == "baseline"), None)


def _partly(label: str, fields: Mapping[str, str]) -> str:
    """The label with these fields filled, and others left as they are."""
    for field, value in fields.items():
        label = label.replace(f"{{{field}}}", value)
    return label


def _fields(template: str, text: str) -> dict[str, str] | None:
    found = _pattern(template).fullmatch(text)
    return found.groupdict() if found else None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    def group(field: re.Match[str]) -> str:
        return f"(?P<{field[1]}>{DIGITS if field[2] else WORD})"

    return re.compile(FIELD.sub(group, re.escape(template)))
