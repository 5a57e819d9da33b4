"""Nats per frame of whole pieces, and music from the model; numpy alone."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.polyphony.config import Config
from repertoire.kinds.piano_rolls.facts import Facts
from repertoire.kinds.piano_rolls.metrics import frame_measurement
from repertoire.metrics.pictures import thinned
from repertoire.runtime.inference.music import composed

THRESHOLD = 0.5  # a note is predicted if it is likelier than not
PROMPT = 16  # frames of a test piece that a continuation starts from
SHOWN = 48  # columns of the heatmap
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Every frame of the split scored once, each row from silence and a state of zeros.

    What was drawn are pieces, which may have been cut into several rows.
    The frame accuracy compares the notes predicted from the true frames before: those above
    ``THRESHOLD``, lowest first where a note depends on the lower ones.
    """
    arrays = data.arrays(split)
    nats = piece_outputs(run, "score", "nats", config, arrays)
    predicted = piece_outputs(run, "predict", "probabilities", config, arrays)
    guessed = [chances > THRESHOLD for chances in predicted]
    return (frame_measurement(arrays, nats, guessed),)


def piece_outputs(run: Run, graph: str, output: str, config: Config, arrays: Arrays) -> list[Array]:
    """An output of ``score`` or ``predict`` for each piece, without what is padding."""
    found: dict[int, Array] = {}
    for rows in _by_length(arrays["lengths"], config.chunk):
        rolls = arrays["rolls"][rows, : arrays["lengths"][rows].max()]
        silence = np.zeros_like(rolls[:, 0])
        outputs = run(graph, output, rolls=rolls, last=silence)[output]
        for row, values in zip(rows, outputs, strict=True):
            found[int(row)] = values[: arrays["lengths"][row]]
    return [found[row] for row in range(len(found))]


def _by_length(lengths: Array, chunk: int) -> Iterator[Array]:
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), chunk):
        yield order[start : start + chunk]


def compose(run: Run, prompt: Array, frames: int, temperature: float, seed: int) -> Array:
    """``frames`` new frames after a prompt (time, notes), uint8: (frames, notes)."""
    return np.stack(list(islice(composed(run, prompt, temperature, seed), frames)))


def picture(roll: Array, length: int) -> Array:
    """A roll (time, notes) as a grey image, highest note above, two pixels a note and frame."""
    canvas = np.zeros((length, roll.shape[1]), np.uint8)
    canvas[: len(roll)] = 255 * roll[:length]
    return np.kron(canvas.T[::-1], np.ones((2, 2), np.uint8))


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """What is composed from silence at temperature 1, the same draw every epoch."""
    silence = np.zeros((1, data.facts["notes"]), np.uint8)
    return {"composed": compose(run, silence, config.sample_frames, 1.0, seed=1)}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Composed beside real music, the course of training, and what is predicted of a test piece."""
    test = data.arrays("test")
    first = test["rolls"][0, : test["lengths"][0]]
    epochs = thinned(snapshots["composed"])
    return (
        _composed(run, config, first),
        Figure(
            "while-training",
            Kind.IMAGES,
            "The same draw from silence (temperature 1, seed 1) after each epoch, from top to "
            "bottom: pitch upwards, time to the right.",
            images=np.stack([picture(roll, config.sample_frames) for roll in epochs])[:, None],
        ),
        _predicted(run, config, data, first),
        _by_change(run, config, test),
    )


def _composed(run: Run, config: Config, first: Array) -> Figure:
    length = config.sample_frames
    prompt = first[: min(PROMPT, length - 1)]
    silence = np.zeros_like(prompt[:1])
    more = compose(run, prompt, length - len(prompt), 1.0, seed=0)
    rolls = [
        first,
        compose(run, silence, length, 1.0, seed=0),
        compose(run, silence, length, 0.7, seed=0),
        np.concatenate((prompt, more)),
    ]
    return Figure(
        "composed",
        Kind.IMAGES,
        "From top to bottom: the first test piece; composed from silence at temperature 1, then "
        f"0.7; the first test piece continued after its first {len(prompt)} frames. Draws of "
        f"seed 0, the first {length} frames; pitch upwards, time to the right.",
        images=np.stack([picture(roll, length) for roll in rolls])[:, None],
    )


def _predicted(run: Run, config: Config, data: Data[Facts], first: Array) -> Figure:
    arrays = {"rolls": first[None, :SHOWN], "lengths": np.array([min(SHOWN, len(first))])}
    [chances] = piece_outputs(run, "predict", "probabilities", config, arrays)
    sounding = np.flatnonzero(first.any(0))
    notes = np.arange(sounding.min(initial=0), sounding.max(initial=0) + 1)[::-1]
    lowest = data.facts["lowest"]
    return Figure(
        "predicted",
        Kind.HEATMAP,
        f"The first {len(chances)} frames of the first test piece: how probable each note is "
        "given the true frames before. A column is a frame.",
        values=chances[:, notes].T,
        rows=[f"{NAMES[(n + lowest) % 12]}{(n + lowest) // 12 - 1}" for n in notes],
        columns=[str(frame + 1) for frame in range(len(chances))],
    )


def _by_change(run: Run, config: Config, test: Arrays) -> Figure:
    nats = np.concatenate(piece_outputs(run, "score", "nats", config, test))
    changed = []
    for roll, length in zip(test["rolls"], test["lengths"], strict=True):
        before = np.concatenate((np.zeros_like(roll[:1]), roll[: length - 1]))
        changed.append(((before == 0) & (roll[:length] == 1)).sum(1))
    new = np.minimum(np.concatenate(changed), 4)
    cells = [
        (label, f"{100 * (new == k).mean():.1f} %", f"{nats[new == k].mean():.2f}")
        for k, label in enumerate(("0", "1", "2", "3", "4 or more"))
        if (new == k).any()
    ]
    return Figure(
        "by-change",
        Kind.TABLE,
        "Loss of the test frames by how many notes sound that did not sound in the frame before.",
        columns=("new notes", "share of frames", "nats per frame"),
        cells=cells,
    )
