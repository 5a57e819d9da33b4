"""Which column of anybody's table says what an anomaly is, and which of its labels is normal."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from repertoire.config import ConfigError
from repertoire.data.doors import OptionNeeded
from repertoire.data.tables import Reading, Table, read_tables
from repertoire.readers.helpers.tables import columns as tables

if TYPE_CHECKING:
    import pandas as pd

LABELS = (
    *("isanomaly", "anomaly", "isoutlier", "outlier", "isfraud", "fraud", "label", "labels"),
    *("class", "target", "attack", "defect", "isdefect", "failure", "machinefailure", "abnormal"),
    *("groundtruth", "y"),
)
NORMAL = (
    *("0", "normal", "false", "no", "n", "f", "good", "ok", "benign", "legit", "legitimate"),
    *("inlier", "negative", "healthy", "genuine", "정상"),
)
ANOMALY = (
    *("1", "-1", "anomaly", "true", "yes", "y", "t", "abnormal", "outlier", "fraud", "fraudulent"),
    *("bad", "attack", "defect", "malignant", "malicious", "positive", "failure", "ng", "이상"),
)
MOST_CATEGORIES = 30  # different values of a column


def label_columns(
    files: Sequence[Path], table: Table, reading: Reading, options: Mapping[str, str]
) -> "pd.DataFrame":
    """All rows of the columns that could be the label: anomalies may lie behind the sample."""
    known = [c for name in LABELS for c in table.columns if tables.plain(c) == name]
    if "label" in options:
        known = [tables.named(table.columns, "label", options["label"])]
    if not table.sampled or not known:
        return table.frame[known]
    return read_tables(files, replace(reading, include=tuple(known))).frame[known]


def label_column(table: Table, whole: "pd.DataFrame", options: Mapping[str, str]) -> str:
    columns = table.columns
    if "label" in options:
        return str(whole.columns[0])
    fitting = [c for c in whole.columns if 2 <= whole[c].nunique() <= MOST_CATEGORIES]
    if len(fitting) == 1 or (fitting and tables.plain(fitting[0]) in LABELS[:6]):
        return fitting[0]
    if fitting:
        raise OptionNeeded(
            f"{' and '.join(fitting)} could say which rows are anomalies; say which: --label NAME"
        )
    two = [c for c in columns if table.frame[c].nunique() == 2][:5]
    hint = f" (with two values: {', '.join(two)})" if two else ""
    raise OptionNeeded(
        "no column says which rows are anomalies: without a few labelled rows no test would be "
        f"honest; name the column{hint} with --label NAME, or add one of 0 and 1"
    )


def normal_labels(
    column: str, labels: "pd.Series[str]", options: Mapping[str, str]
) -> tuple[list[str], str]:
    """The labels of normal rows, and a sentence. Raises OptionNeeded and ConfigError."""
    counts = labels[labels != ""].value_counts()
    values = [str(value) for value in counts.index]
    told = ", ".join(f"{value} ({count:,})" for value, count in list(counts.items())[:6])
    if "normal" in options:
        normal = [v for v in values if v.lower() == options["normal"].strip().lower()]
        if not normal:
            raise ConfigError(f"--normal {options['normal']}: no such {column}; there are: {told}")
    else:
        normal = _known_normal(values)
        if not normal:
            raise OptionNeeded(
                f"which {column} is normal is not plain: {told}; say which: --normal VALUE"
            )
    count = int(counts[normal].sum())
    others = int(counts.sum()) - count
    sentence = f"{column} = {' or '.join(normal)} is normal ({count:,} rows), all else an anomaly"
    sentence += f" ({others:,})"
    if options.get("label", column) != column:
        sentence += f"; the column {column} is taken for --label {options['label']}"
    if others > count:
        sentence += "; anomalies are more than half: if it is the other way round, --normal VALUE"
    return normal, sentence


def _known_normal(values: Sequence[str]) -> list[str]:
    lower = {value.lower().strip(" ."): value for value in values}
    if set(lower) == {"1", "-1"}:  # as scikit-learn's detectors answer
        return [lower["1"]]
    named = [lower[name] for name in NORMAL if name in lower]
    others = [name for name in lower if lower[name] not in named]
    plain = len(named) == 1 and (len(others) > 1 or set(others) <= set(ANOMALY) or named[0] != "0")
    # Numbers of classes, as 0 to 9, do not say which of them is normal.
    numbered = len(others) > 1 and all(name.lstrip("-").isdecimal() for name in others)
    return named if plain and not numbered else []
