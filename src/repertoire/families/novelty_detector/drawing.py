"""Rows at both ends of a ranking, with where their error lies."""

from typing import NamedTuple

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Run
from repertoire.families.novelty_detector.config import Config
from repertoire.kinds.novelty.columns import LIMIT, OTHER, by_column, decoded
from repertoire.kinds.novelty.facts import Facts
from repertoire.kinds.novelty.metrics import Trial
from repertoire.runtime.inference.detection import apart, detected


class End(NamedTuple):
    """One end of the ranking of a detector's normal pictures or of its anomalies."""

    name: str
    anomalous: bool
    place: int
    words: str


ENDS = (
    End("false-alarms-first", False, -1, "the normal picture of the highest score"),
    End("missed-first", True, 0, "the anomaly of the lowest score"),
    End("surest-anomaly", True, -1, "the anomaly of the highest score"),
    End("most-normal", False, 0, "the normal picture of the lowest score"),
)
COLUMNS = 3  # of a table that are named for a row


def extremes(run: Run, names: list[str], images: Array, parts: list[Trial]) -> list[Figure]:
    """For each detector the test pictures at both ends of its normal ones and of its anomalies."""
    return [_pictures_at(run, names, images, parts, end) for end in ENDS]


def _pictures_at(run: Run, names: list[str], images: Array, parts: list[Trial], end: End) -> Figure:
    nets, rows = [], []
    for net, part in enumerate(parts):
        own = np.flatnonzero(part.anomaly == end.anomalous)
        if len(own):
            nets.append(net)
            ranked = own[np.argsort(part.scores[own], kind="stable")]
            rows.append(int(part.rows[ranked[end.place]]))
    shown = images[rows]
    found = detected(run, shown, np.array(nets, np.int64), len(nets))
    return Figure(
        end.name,
        Kind.IMAGES,
        f"For the detector of each class ({', '.join(names[net] for net in nets)}): {end.words} in "
        "the test split, chosen by rank; below it what the net gives back, and the difference.",
        images=np.stack((shown, found["expected"], apart(shown, found["expected"]))),
    )


def record_table(run: Run, config: Config, data: Data, arrays: Arrays, part: Trial) -> list[Figure]:
    """The same of somebody's table, by its own columns; an empty cell is shown as a dash."""
    columns = data.encodings["rows"]["columns"]
    order = np.argsort(-part.scores, kind="stable")[: max(1, config.grid)]
    values = arrays["rows"][part.rows[order]]
    found = detected(run, values, np.zeros(len(order), np.int64), config.chunk)
    cells = []
    for place, row in enumerate(order):
        cell, expected = (decoded(columns, v[place]) for v in (values, found["expected"]))
        error = by_column(columns, found["error"][place])
        ranked = [columns[c]["name"] for c in np.argsort(-error, kind="stable")]
        most = [name for name in ranked if cell[name] != expected[name]][:COLUMNS]
        told = ", ".join(f"{n} {_cell(cell[n])} for {_cell(expected[n])}" for n in most)
        kind = "anomaly" if part.anomaly[row] else "normal"
        cells.append((kind, f"{found['score'][place]:.3g}", told))
    example = decoded(columns, values[0])
    return [
        Figure(
            "highest-scores",
            Kind.TABLE,
            "The test rows of the highest scores, chosen by rank, with the "
            f"{COLUMNS} columns of the largest error: the value, and what the net gave back. A "
            f"number beyond {LIMIT:g} deviations is cut there; a category that training does not "
            f"know is called {OTHER}.",
            columns=("the row is", "score", "largest errors"),
            cells=cells,
        ),
        Figure(
            "example-record",
            Kind.TABLE,
            "The first of these rows, as a client sends it.",
            columns=tuple(example),
            cells=[tuple(example.values())],
        ),
    ]


def _cell(value: float | str | None) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else value


def row_table(
    run: Run, config: Config, facts: Facts, arrays: Arrays, parts: list[Trial]
) -> list[Figure]:
    """The rows of the highest scores with the columns that speak most, and a row to send."""
    order = [
        (net, int(part.rows[row]), bool(part.anomaly[row]))
        for net, part in enumerate(parts)
        for row in np.argsort(-part.scores, kind="stable")[: max(1, config.grid // len(parts))]
    ]
    nets, rows, anomalies = zip(*order, strict=True)
    values, normal = arrays["rows"][list(rows)], np.array(nets, np.int64)
    found = detected(run, values, normal, config.chunk)
    cells = []
    for place, net in enumerate(nets):
        columns = facts["columns"][net]
        error = found["error"][place, : len(columns)]
        most = np.argsort(-error, kind="stable")[:COLUMNS]
        told = ", ".join(
            f"{columns[c]} {values[place, c]:.4g} for {found['expected'][place, c]:.4g}"
            for c in most
        )
        kind = "anomaly" if anomalies[place] else "normal"
        cells.append((facts["names"][net], kind, f"{found['score'][place]:.3g}", told))
    example = [float(f"{v:.5g}") for v in values[0, : len(facts["columns"][nets[0]])]]
    return [
        Figure(
            "highest-scores",
            Kind.TABLE,
            "The test rows of the highest scores, chosen by rank, with the "
            f"{COLUMNS} columns of the largest error: the value, and what the net gave back.",
            columns=("normal", "the row is", "score", "largest errors"),
            cells=cells,
        ),
        Figure(
            "example-row",
            Kind.TABLE,
            "The first of these rows, as a client sends it.",
            columns=tuple(facts["columns"][nets[0]]),
            cells=[tuple(example)],
        ),
    ]
