"""Figures of signals; numpy alone."""

from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array, Figure, Kind, Line
from repertoire.kinds.waveforms.facts import Facts
from repertoire.metrics.pictures import thinned
from repertoire.runtime.companding import LEVELS, MIDDLES, decoded

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SEGMENT = 256  # samples of a periodogram
LOWEST = 1e-12  # of the largest power that is drawn


def quantiles(chances: Array) -> Array:
    """chances (time, LEVELS) -> the lowest signal with at least each of ``QUANTILES`` below it."""
    summed = chances.cumsum(1)
    places = [(summed < level).sum(1) for level in QUANTILES]
    return MIDDLES[np.minimum(np.stack(places, axis=1), LEVELS - 1)]


def ranks(chances: Array, levels: Array, seed: int) -> Array:
    """Where each level lies in its distribution, chances (time, LEVELS): (time,) from 0 to 1.

    A place within the level's own share is drawn at random, so that the ranks of a calibrated model
    are spread evenly although levels are whole (Smith 1985).
    """
    places = np.asarray(levels, np.int64)[:, None]
    share = np.take_along_axis(chances, places, 1)[:, 0]
    upto = np.take_along_axis(chances.cumsum(1), places, 1)[:, 0]
    return upto - np.random.default_rng(seed).random(len(share)) * share


def _axes(facts: Facts) -> tuple[str, str]:
    return "seconds", f"{facts['dataset'].replace('_', ' ')}, {facts['unit']}"


def _line(
    facts: Facts,
    label: str,
    signal: Array,
    first: int = 0,
    low: Sequence[float] = (),
    high: Sequence[float] = (),
) -> Line:
    times = (first + np.arange(len(signal))) / facts["rate"]
    return Line(label, times.tolist(), (facts["scale"] * signal).tolist(), low, high)


def forecast(facts: Facts, actual: Array, means: Array, bounds: Array, first: int) -> Figure:
    """One-step forecasts of a stretch of the test part: bounds (time, QUANTILES)."""
    low, high = (facts["scale"] * bounds[:, place] for place in (0, -1))
    lines = (
        _line(facts, "recorded", actual, first),
        _line(
            facts, "forecast and 90 % interval", means, first, low=low.tolist(), high=high.tolist()
        ),
    )
    return Figure(
        "forecast",
        Kind.LINES,
        "The sharpest change in the middle of the test part: each sample, and its prediction "
        "from those before it.",
        columns=_axes(facts),
        lines=lines,
    )


def continuations(facts: Facts, actual: Array, drawn: Array) -> Figure:
    """What is drawn (rows, time) after the first part of ``actual``."""
    given = len(actual) - drawn.shape[1]
    lines = [_line(facts, f"drawn, {number}", row, given) for number, row in enumerate(drawn, 1)]
    return Figure(
        "continued",
        Kind.LINES,
        f"The same stretch, recorded, and three draws (temperature 1, seed 0) of what follows its "
        f"first {given} samples. The net was given no more than those.",
        columns=_axes(facts),
        lines=(_line(facts, "recorded", actual), *lines),
    )


def spectra(facts: Facts, levels: Array, starts: Array, drawn: Array) -> Figure:
    """Power of the test part and of what is drawn, drawn (rows, time)."""
    pieces = np.split(decoded(levels), starts[1:])
    found = {"test part": power(pieces, facts), "drawn": power(list(drawn), facts)}
    size = 2 * (len(found["drawn"]) - 1)
    frequencies = np.fft.rfftfreq(size, 1 / facts["rate"])[1:].tolist()
    lines = [Line(name, frequencies, each[1:].tolist()) for name, each in found.items()]
    return Figure(
        "spectrum",
        Kind.LINES,
        f"Power by frequency (Welch 1967) of the test part and of {len(drawn)} draws of "
        f"{drawn.shape[1]} samples each, which go on from stretches of it (temperature 1, seed 2).",
        columns=("Hz", f"{facts['unit']}² per Hz"),
        lines=lines,
        logarithmic="y",
    )


def power(signals: Sequence[Array], facts: Facts) -> Array:
    """Welch's estimate (1967) of the power density: Hann windows that overlap by half."""
    size = SEGMENT
    window = np.hanning(size + 1)[:-1]
    segments = [
        signal[start : start + size]
        for signal in signals
        for start in range(0, len(signal) - size + 1, size // 2)
    ]
    if not segments:  # signals shorter than a window
        segments = [np.resize(signal, size) for signal in signals]
    rows = np.stack(segments)
    rows = facts["scale"] * (rows - rows.mean(1, keepdims=True)) * window
    density = (np.abs(np.fft.rfft(rows)) ** 2).mean(0) / (facts["rate"] * (window**2).sum())
    density[1:-1] *= 2
    return np.maximum(density, LOWEST * density.max())


def calibration(found: Array) -> Figure:
    """How often samples lie below quantiles, of their ``ranks`` (time,)."""
    return Figure(
        "calibration",
        Kind.TABLE,
        "How often a test sample was below each quantile of its forecast; well calibrated ones "
        "repeat their level. Within its level a sample's place is drawn at random.",
        columns=("quantile", "below"),
        cells=[
            (f"{100 * level:g} %", f"{100 * (found < level).mean():.1f} %") for level in QUANTILES
        ],
    )


def training(facts: Facts, drawn: Array) -> Figure:
    """What was drawn after each epoch: (epochs, time)."""
    numbers = thinned(np.arange(1, len(drawn) + 1), 4)
    return Figure(
        "while-training",
        Kind.LINES,
        "What goes on after the last second of the validation part, by epoch: the same draw "
        "(temperature 1, seed 1) each time.",
        columns=_axes(facts),
        lines=[_line(facts, f"epoch {n}", drawn[n - 1]) for n in numbers],
    )
