"""Nats per sample and the one-step forecast of whole recordings, and what goes on after them."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Measurement, Run
from repertoire.families.waveforms import drawing
from repertoire.families.waveforms.config import Config
from repertoire.kinds.waveforms.facts import Facts
from repertoire.kinds.waveforms.metrics import sample_measurement
from repertoire.runtime.companding import MIDDLES, SILENCE, decoded
from repertoire.runtime.inference.waveforms import continued, log_probs

SIDE_BY_SIDE = 16  # recordings in a scoring call
DRAWN = 256  # samples that are drawn after each epoch, at most
SHOWN, CLOSE = 540, 96  # samples of the signal in figures, and of a close look at it
SPECTRUM = (8, 1024)  # continuations, and samples of each, whose spectrum is shown


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Every sample of the split scored once, each recording from silence and a state of zeros."""
    arrays = data.arrays(split)
    starts = arrays["starts"][arrays["starts"] < len(arrays["levels"])]
    log_probs, means = np.empty((2, len(arrays["levels"])))
    for place, found in scored(run, config, arrays["levels"], starts):
        chosen = np.take_along_axis(found, arrays["levels"][place, None].astype(np.int64), 1)
        log_probs[place] = chosen[:, 0]
        means[place] = np.exp(found) @ MIDDLES
    actual = decoded(arrays["levels"])
    return (sample_measurement(log_probs, actual, means, starts, data.facts["rate"]),)


def scored(run: Run, config: Config, levels: Array, starts: Array) -> Iterator[tuple[slice, Array]]:
    """Pieces of the signal: their place, and the log-probabilities (samples, LEVELS) there.

    Recordings of like length are scored side by side, ``chunk`` samples in a call; the state goes
    on from call to call.
    """
    ends = np.append(starts[1:], len(levels))
    order = np.argsort(ends - starts, kind="stable")
    for first in range(0, len(order), SIDE_BY_SIDE):
        group = order[first : first + SIDE_BY_SIDE]
        lengths = (ends - starts)[group]
        before = np.full((len(group), lengths.max()), SILENCE, np.uint8)
        for row, number in enumerate(group):
            known = levels[starts[number] : ends[number] - 1]
            before[row, 1 : 1 + len(known)] = known
        step = max(1, config.chunk // len(group))
        for piece, found in enumerate(log_probs(run, before, step)):
            begin = piece * step
            for row, number in enumerate(group):
                count = min(step, lengths[row] - begin)
                if count > 0:
                    place = slice(starts[number] + begin, starts[number] + begin + count)
                    yield place, found[row, :count].astype(np.float64)


def drawn_after(run: Run, levels: Array, count: int, seed: int) -> Array:
    """``count`` new levels after each of the signals ``levels`` (batch, time): (batch, count)."""
    return np.stack(list(islice(continued(run, levels, 1.0, seed), count)), axis=1)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """What goes on after the last second of validation at temperature 1, always the same draw."""
    second = max(2, round(data.facts["rate"]))
    before = data.arrays("valid")["levels"][-second:]
    return {"drawn": drawn_after(run, before[None], min(DRAWN, second), seed=1)[0]}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Forecasts and continuations of the test part, its spectrum, calibration, and training."""
    facts, arrays = data.facts, data.arrays("test")
    levels, starts = arrays["levels"], arrays["starts"]
    shown = _shown(starts, len(levels))
    given = levels[shown.start : (shown.start + shown.stop) // 2]
    count = shown.stop - shown.start - len(given)
    more = drawn_after(run, np.tile(given, (3, 1)), count, seed=0)
    means, ranks = np.empty((2, len(levels)))
    quantiles = np.empty((len(levels), len(drawing.QUANTILES)))
    for place, found in scored(run, config, levels, starts):
        chances = np.exp(found)
        means[place] = chances @ MIDDLES
        quantiles[place] = drawing.quantiles(chances)
        ranks[place] = drawing.ranks(chances, levels[place], place.start)
    signal = decoded(levels)
    close = _sharpest(signal, shown)
    return (
        drawing.forecast(facts, signal[close], means[close], quantiles[close], close.start),
        drawing.continuations(facts, signal[shown], decoded(more)),
        drawing.spectra(facts, levels, starts, _long(run, levels)),
        drawing.calibration(ranks),
        drawing.training(facts, decoded(snapshots["drawn"])),
    )


def _shown(starts: Array, samples: int) -> slice:
    """The middle of the recording that is in the middle of the test part."""
    ends = np.append(starts[1:], samples)
    number = len(starts) // 2
    begin = max(int(starts[number]), (int(starts[number] + ends[number]) - SHOWN) // 2)
    return slice(begin, min(int(ends[number]), begin + SHOWN))


def _sharpest(signal: Array, shown: slice) -> slice:
    """Around the largest change of what is shown."""
    change = np.abs(np.diff(signal[shown]))
    middle = shown.start + (int(change.argmax()) if len(change) else 0)
    begin = max(shown.start, min(middle - CLOSE // 2, shown.stop - CLOSE))
    return slice(begin, min(shown.stop, begin + CLOSE))


def _long(run: Run, levels: Array) -> Array:
    """Continuations (rows, samples) of pieces that lie evenly in the test part."""
    rows, samples = SPECTRUM
    size = min(samples, len(levels) // 2)
    begins = np.linspace(0, len(levels) - size, rows).astype(int)
    given = np.stack([levels[begin : begin + size] for begin in begins])
    return decoded(drawn_after(run, given, samples, seed=2))
