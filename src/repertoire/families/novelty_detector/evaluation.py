"""Areas under curves, and what a threshold set on validation rows does on others; numpy alone."""

from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.novelty_detector.config import Config
from repertoire.families.novelty_detector.drawing import extremes, record_table, row_table
from repertoire.kinds.novelty.facts import Facts
from repertoire.kinds.novelty.metrics import Trial, ranking_metrics, trials
from repertoire.metrics.classification import roc_auc, roc_curve
from repertoire.runtime.inference.rows import over_rows

GRID = np.linspace(0, 1, 51)  # of false alarms at which curves are averaged


def scored(run: Run, config: Config, arrays: Arrays) -> tuple[list[Trial], list[Array]]:
    """Of each net the rows that test it with their scores, and what it decides of them."""
    name = "images" if "images" in arrays else "rows"
    said = over_rows(run, "scores", config.chunk, **{name: arrays[name]})
    found = trials(arrays, said["scores"].astype(np.float64))
    return found, [said["decisions"][part.rows, net] for net, part in enumerate(found)]


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Means over nets: areas, and shares of normal rows and of anomalies above the threshold.

    The unit is a row, with what all nets that it tests say of it.
    """
    arrays = data.arrays(split)
    parts, decisions = scored(run, config, arrays)
    units = len(arrays["labels"])
    tests = list(zip(parts, decisions, strict=True))

    def measure(rows: Array) -> dict[str, float]:
        often = np.bincount(rows, minlength=units)
        chosen = [np.repeat(np.arange(len(part.rows)), often[part.rows]) for part in parts]
        shares = [
            [_share(said[own][part.anomaly[own] == kind]) for kind in (False, True)]
            for (part, said), own in zip(tests, chosen, strict=True)
        ]
        alarms, found = (_mean(each) for each in zip(*shares, strict=True))
        areas = ranking_metrics(
            [Trial(*(a[own] for a in part)) for part, own in zip(parts, chosen, strict=True)]
        )
        return {**areas, "false_alarm_percent": 100 * alarms, "detection_percent": 100 * found}

    return (Measurement(units, measure),)


def _mean(shares: Sequence[float]) -> float:
    """Over the nets of which something is known; nan where that is none."""
    known = [share for share in shares if np.isfinite(share)]
    return float(np.mean(known)) if known else float("nan")


def _share(decisions: Array) -> float:
    return float(decisions.mean()) if len(decisions) else float("nan")


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The area under each net's ROC curve on validation rows."""
    parts, _ = scored(run, config, data.arrays("valid"))
    return {"areas": np.array([roc_auc(part.scores, part.anomaly) for part in parts])}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Curves, false alarms, the way there, and the rows at both ends of the ranking."""
    arrays = data.arrays("test")
    parts, decisions = scored(run, config, arrays)
    names = data.facts["names"]
    figures = [
        _curves(parts),
        _alarms(config, names, parts, decisions),
        _course(snapshots["areas"]),
    ]
    if "images" in arrays:
        if "group" in arrays:
            figures.append(_flagged_groups(data.facts["groups"], arrays["group"], decisions[0]))
        else:
            figures.append(_flagged(names, arrays, decisions))
        figures += extremes(run, names, arrays["images"], parts)
    elif data.encodings["rows"]["kind"] == "table":
        figures += record_table(run, config, data, arrays, parts[0])
    else:
        figures += row_table(run, config, data.facts, arrays, parts)
    return tuple(figures)


def _curves(parts: list[Trial]) -> Figure:
    curves = [
        np.interp(GRID, *roc_curve(part.scores, part.anomaly))
        for part in parts
        if 0 < part.anomaly.sum() < len(part.anomaly)
    ]
    x, mean = (100 * GRID).tolist(), (100 * np.mean(curves, axis=0)).tolist()
    low, high = (100 * f(curves, axis=0) for f in (np.min, np.max))
    band = {} if len(curves) == 1 else {"low": low.tolist(), "high": high.tolist()}
    what = "" if len(curves) == 1 else f", mean of {len(curves)} detectors and a band of them all"
    return Figure(
        "roc",
        Kind.LINES,
        f"Share of the test anomalies found against the share of normal test rows taken for "
        f"anomalies, over all thresholds{what}.",
        columns=("false-positive rate, %", "recall, %"),
        lines=[Line("detector", x, mean, **band), Line("chance", [0.0, 100.0], [0.0, 100.0])],
    )


def _alarms(config: Config, names: list[str], parts: list[Trial], decisions: list[Array]) -> Figure:
    rows = []
    for name, part, said in zip(names, parts, decisions, strict=True):
        cells = [f"{100 * roc_auc(part.scores, part.anomaly):.2f}"]
        for chosen in (~part.anomaly, part.anomaly):
            cells += [f"{100 * _share(said[chosen]):.1f} % of {chosen.sum():,}"]
        rows.append((name, *cells))
    return Figure(
        "false-alarms",
        Kind.TABLE,
        "By the threshold that at most "
        f"{100 * config.false_alarms:g} % of the normal validation rows exceed: what share of the "
        "normal test rows exceeds it, and what share of the anomalies.",
        columns=("normal", "area under the ROC curve, %", "false alarms", "found"),
        cells=rows,
    )


def _course(areas: Array) -> Figure:
    known = np.where(np.isfinite(areas), areas, 0.5)
    epochs = [float(epoch) for epoch in range(1, len(known) + 1)]
    mean, low, high = (100 * f(known, axis=1) for f in (np.mean, np.min, np.max))
    band = {} if known.shape[1] == 1 else {"low": low.tolist(), "high": high.tolist()}
    what = "" if known.shape[1] == 1 else ": the mean of all detectors, and a band from the least"
    return Figure(
        "while-training",
        Kind.LINES,
        f"Area under the ROC curve on validation rows after each epoch{what}.",
        columns=("epoch", "area under the ROC curve, %"),
        lines=[Line("detector", epochs, mean.tolist(), **band)],
    )


def _flagged(names: list[str], arrays: Arrays, decisions: list[Array]) -> Figure:
    labels = arrays["labels"]
    values = np.array(
        [[_share(said[labels == number]) for said in decisions] for number in range(len(names))]
    )
    return Figure(
        "flagged",
        Kind.HEATMAP,
        "Share of the test pictures of each class (rows) that the detector of each class "
        "(columns) takes for anomalies: on the diagonal false alarms, elsewhere what it finds.",
        values=np.nan_to_num(values),
        rows=names,
        columns=names,
    )


def _flagged_groups(groups: Sequence[str], shown: Array, decisions: Array) -> Figure:
    cells = []
    for number, group in enumerate(groups):
        own = decisions[shown == number]
        if len(own):
            cells.append((group, f"{len(own):,}", f"{100 * own.mean():.1f}"))
    return Figure(
        "flagged",
        Kind.TABLE,
        "Share of the test images of each folder that are taken for anomalies: of the first, the "
        "normal ones, false alarms.",
        columns=("folder", "test images", "flagged, %"),
        cells=cells,
    )
