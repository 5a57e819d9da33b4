"""Likelihood of held-out words or sketches, and drawings by the model; numpy alone."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.handwriting.config import Config, texts
from repertoire.families.handwriting.drawing import picture, sketch
from repertoire.kinds.strokes.facts import Facts
from repertoire.kinds.strokes.metrics import point_measurement
from repertoire.metrics.pictures import thinned
from repertoire.runtime.inference.handwriting import movements

DRAWINGS = (0.0, 0.0, None)  # the bias of each column of drawings; None stands for the recipe's
COLUMNS = 60  # the most points that the map of the window shows


def _groups(config: Config, arrays: Arrays) -> Iterator[tuple[Array, int]]:
    """Rows of about equal length, and the length of the longest."""
    order = np.argsort(arrays["lengths"], kind="stable")
    for start in range(0, len(order), config.chunk):
        rows = order[start : start + config.chunk]
        yield rows, int(arrays["lengths"][rows].max())


def _score(run: Run, config: Config, points: Array, text: Array) -> Arrays:
    read = {"text": text.astype(np.int64)} if config.conditional else {}
    return run("score", points=points, **read)


def scored(run: Run, config: Config, arrays: Arrays, text: Array) -> tuple[Array, Array]:
    """Of each row given ``text`` its nats, and how many of its points have their pen bit right."""
    nats, right = np.zeros((2, len(arrays["lengths"])))
    for rows, longest in _groups(config, arrays):
        points = arrays["points"][rows, :longest]
        found = _score(run, config, points, text[rows])
        real = np.arange(longest) < arrays["lengths"][rows, None]
        nats[rows] = -np.where(real, found["log_likelihood"], 0).sum(1, dtype=np.float64)
        same = (found["end_probability"] > 0.5) == (points[:, :, 2] > 0.5)
        right[rows] = (same & real).sum(1)
    return nats, right


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Nats per point: density of an offset in the data's unit (``facts["unit"]``) and the pen bit.

    ``text_gain_nats``: how many nats per point more the text of the next row of the split costs
    than the right one.
    """
    arrays = data.arrays(split)
    nats, right = scored(run, config, arrays, texts(arrays))
    sums = {"nats_per_point": nats, "end_of_stroke_accuracy_percent": 100 * right}
    if config.conditional:
        other = scored(run, config, arrays, np.roll(arrays["text"], -1, axis=0))[0]
        sums["text_gain_nats"] = other - nats
    return (point_measurement(sums, arrays["lengths"]),)


def write(run: Run, config: Config, text: Array, first_seed: int, bias: float) -> Array:
    """Points (rows, ``draw_points``, 3) drawn one after another, zeros after the end of a text.

    A net with windows ends where they weigh the place past the text more than any letter. Row n
    draws the numbers that a request with the seed ``first_seed`` + n would draw.
    """
    seeds = range(first_seed, first_seed + len(text))
    read = text.astype(np.int64) if config.conditional else None
    drawn = np.zeros((len(text), config.draw_points, 3), np.float32)
    alive = np.ones(len(text), bool)
    moved = islice(movements(run, seeds, bias, read), config.draw_points)
    for time, (points, past) in enumerate(moved):
        drawn[alive, time] = points[alive]
        alive &= ~past
        if not alive.any():
            break
    return drawn


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The first validation words, written with the same seeds after every epoch."""
    text = texts(data.arrays("valid"))[: config.examples]
    return {"drawn": write(run, config, text, 1, config.bias)}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Real words beside drawn ones, drawings over training, and the window on a text."""
    arrays = data.arrays("test")
    beside = _beside(run, config, data, arrays)
    frames = thinned(snapshots["drawn"])
    what = "The first validation words" if config.conditional else "Drawings"
    training = Figure(
        "while-training",
        Kind.IMAGES,
        f"{what} after each epoch, from top to bottom: the same seeds from 1 on in every row, "
        f"bias {config.bias:g}.",
        images=np.stack([_pictures(frame, data) for frame in frames]),
    )
    if not config.conditional:
        return (beside, training)
    return (beside, training, _window(run, config, data, arrays))


def _pictures(points: Array, data: Data[Facts]) -> Array:
    if not data.facts["vocabulary"]:
        return np.stack([sketch(row) for row in points])
    return np.stack([picture(row, data.facts["scale"]) for row in points])


def _beside(run: Run, config: Config, data: Data[Facts], arrays: Arrays) -> Figure:
    count = config.examples
    text = texts(arrays)[:count]
    columns, notes = [_pictures(arrays["points"][:count], data)], []
    for place, asked in enumerate(DRAWINGS, 1):
        bias, seed = config.bias if asked is None else asked, 100 * place
        columns.append(_pictures(write(run, config, text, seed, bias), data))
        notes.append(f"seeds {seed} to {seed + len(text) - 1} with bias {bias:g}")
    return Figure(
        "written",
        Kind.IMAGES,
        f"Left: {_asked(config, data)}: {'; '.join(notes)}.",
        images=np.stack(columns, axis=1),
    )


def _asked(config: Config, data: Data[Facts]) -> str:
    if not data.facts["vocabulary"]:
        return (
            "the first test sketches. Right of them what the model draws, each "
            f"{config.draw_points} points long, because it knows no end"
        )
    words = ", ".join(data.texts("test")["text"][: config.examples])
    whose = "the same words" if config.conditional else "no text is read, so other words"
    return f"the first test words ({words}). Right of them what the model draws, {whose}"


def _window(run: Run, config: Config, data: Data[Facts], arrays: Arrays) -> Figure:
    length = int(arrays["lengths"][0])
    points, text = arrays["points"][:1, :length], arrays["text"][:1]
    text = text[:, text[0] != 0]
    weights = _score(run, config, points, text)["window"][0].T
    stride = -(-length // COLUMNS)
    shown = weights[:, ::stride]
    word = data.texts("test")["text"][0]
    return Figure(
        "window",
        Kind.HEATMAP,
        f"Where the window lies on the letters (rows) while the first test word, “{word}”, is "
        f"written (columns: every {stride}. point); weights divided by the largest.",
        values=shown / max(float(weights.max()), 1e-9),
        rows=list(word),
        columns=[str(n * stride + 1) if n % 5 == 0 else "" for n in range(shown.shape[1])],
    )
