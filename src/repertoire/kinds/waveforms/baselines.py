"""Signals without nets: linear prediction, and the last sample, with a density of the error.

Both see what a net sees, the decoded past, and are scored as it is: by the probability of the
quantised sample. All that is chosen is chosen on validation: the order by squared error; then by
nats per sample the family of the density, whether its spread follows recent errors and the width of
the intervals, weights of the levels, the floor. ``lpc_squares`` is that, the linear predictor of
the least squared error; ``lpc`` goes on to the likeliest, by fits in which samples count by the
inverse of the variance that the density gives them. Longer contexts that are not linear are nets.
Of long signals pieces at even distances are fitted to: far more samples than there are weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from repertoire.config import Count, Share
from repertoire.contract import Array, Arrays, Data
from repertoire.data.dataset import SPLITS
from repertoire.kinds.waveforms.densities import FAMILIES, FLOORS, Density, Forecast, fitted
from repertoire.kinds.waveforms.facts import Facts
from repertoire.kinds.waveforms.metrics import sample_measurement
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores
from repertoire.runtime.companding import LEVELS, decoded

BASELINES = (
    Baseline("last_sample", "last sample"),
    Baseline("lpc", "likeliest linear prediction of order {lpc_order:.0f}"),
    Baseline("lpc_squares", "least-squares linear prediction of order {lpc_squares_order:.0f}"),
)
RIDGE = 1e-9  # of the mean square, so that silence and pure tones have a solution
ROUNDS = 4  # of reweighting
CHUNK = 16_384  # samples whose lags are in memory at a time
FITTED, CHOSEN = 200_000, 100_000  # samples of training and validation that are used at most


@dataclass(frozen=True)
class Config:
    """``orders`` of linear prediction that are tried, ``decays`` of the recent squared error."""

    orders: tuple[Count, ...]
    decays: tuple[Share, ...]


@dataclass(frozen=True)
class Course:
    """A split: the ``levels``, the ``signal`` that they decode to, and where recordings start."""

    levels: Array
    signal: Array
    starts: Array

    @staticmethod
    def of(arrays: Arrays) -> "Course":
        return Course(arrays["levels"], decoded(arrays["levels"]), arrays["starts"])

    def thinned(self, most: int) -> "Course":
        """The course, or of a longer one pieces at even distances, as recordings of their own."""
        if len(self.levels) <= most:
            return self
        pieces = [
            (start, min(end, start + CHUNK))
            for first, end in self.spans
            for start in range(first, end, CHUNK)
        ]
        kept = max(1, most * len(pieces) // len(self.levels))
        some = [pieces[n * len(pieces) // kept] for n in range(kept)]
        sizes = [end - start for start, end in some]
        levels = np.concatenate([self.levels[start:end] for start, end in some])
        starts = np.cumsum([0, *sizes[:-1]]).astype(self.starts.dtype)
        return Course(levels, decoded(levels), starts)

    @property
    def spans(self) -> list[tuple[int, int]]:
        ends = [*self.starts[1:].tolist(), len(self.levels)]
        return list(zip(self.starts.tolist(), ends, strict=True))


@dataclass(frozen=True)
class Model:
    """A linear forecast and the density of its error; ``weights`` are a constant, then lags 1, ….

    ``usual`` is the mean squared error of the training part, from which the recent one starts.
    """

    weights: Array
    density: Density
    decay: float
    usual: float

    def forecast(self, course: Course) -> Forecast:
        """What is known before each sample."""
        return forecast(course, self.weights, self.decay, self.usual)

    def nats(self, course: Course) -> float:
        """A sample, without weights of the levels and floor."""
        return self.density.nats(self.forecast(course), course.levels)

    def scored(self, course: Course) -> tuple[Array, Array]:
        """Log-probability of each sample, and the mean of its distribution."""
        return self.density.scored(self.forecast(course), course.levels)


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Both metrics of each on the test part; orders and nats of validation stand beside them."""
    train, valid, test = (Course.of(data.arrays(split)) for split in SPLITS)
    train, valid = train.thinned(FITTED), valid.thinned(CHOSEN)
    squares = least_squares(usable(config.orders, train), train, valid)
    plain = dressed(squares, config.decays, train, valid)
    models = {
        "last_sample": dressed(np.array([0.0, 1.0]), config.decays, train, valid),
        "lpc_squares": plain,
        "lpc": likeliest(plain, train, valid),
    }
    found, rate = Scores(), data.facts["rate"]
    for name, model in models.items():
        done = finished(model, train, valid)
        log_probs, means = done.scored(test)
        found.measure(name, sample_measurement(log_probs, test.signal, means, test.starts, rate))
        found[f"{name}_valid_nats_per_sample"] = -float(done.scored(valid)[0].mean())
        found[f"{name}_density"] = done.density.family
        found[f"{name}_order"] = float(len(model.weights) - 1)
    return found


def usable(orders: Sequence[int], train: Course) -> list[int]:
    """Those with ten training samples a weight or more; the first order at least."""
    return [order for order in orders if 10 * (order + 1) <= len(train.levels)] or [1]


def least_squares(orders: Sequence[int], train: Course, valid: Course) -> Array:
    """Weights of the order with the least squared error on validation."""
    moments = lag_moments(train, max(orders), np.ones(len(train.levels)))
    fits = [solved(moments, order) for order in orders]
    return min(
        fits, key=lambda fit: ((valid.signal - forecast(valid, fit, 0, 0).point) ** 2).mean()
    )


def likeliest(model: Model, train: Course, valid: Course) -> Model:
    """Iteratively reweighted least squares; kept is the round with the least nats on validation.

    A sample's weight is the inverse of its variance; under Student's t an error far out counts
    less.
    """
    rounds = [model]
    for _ in range(ROUNDS):
        last = rounds[-1]
        known, density = last.forecast(train), last.density
        variance = density.spread(known) ** 2
        if density.family == "student":
            error = train.signal - known.point
            variance *= (density.freedom + error**2 / variance) / (density.freedom + 1)
        order = len(last.weights) - 1
        weights = solved(lag_moments(train, order, 1 / variance), order)
        rounds.append(refitted(last, weights, train))
    return min(rounds, key=lambda each: each.nats(valid))


def bare(weights: Array, train: Course, family: str) -> Model:
    """With a density of constant spread."""
    made = forecast(train, weights, 0.0, 0.0)
    return Model(weights, fitted(family, made, train.levels, adaptive=False), 0.0, 0.0)


def dressed(weights: Array, decays: Sequence[float], train: Course, valid: Course) -> Model:
    """With the density that validation likes best: its family, and what its spread follows."""
    tried = [bare(weights, train, family) for family in FAMILIES]
    usual = float(((train.signal - tried[0].forecast(train).point) ** 2).mean())
    for decay in decays:
        for plain in tried[: len(FAMILIES)]:
            tried.append(refitted(replace(plain, decay=decay, usual=usual), weights, train))
    return min(tried, key=lambda model: model.nats(valid))


def refitted(model: Model, weights: Array, train: Course) -> Model:
    """Other weights, and a density of the same family fitted to what they leave over."""
    known = forecast(train, weights, model.decay, model.usual)
    first = model.density if model.density.moved else None
    density = fitted(
        model.density.family, known, train.levels, adaptive=model.usual > 0, start=first
    )
    return replace(model, weights=weights, density=density)


def finished(model: Model, train: Course, valid: Course) -> Model:
    """With weights of the levels, if validation prefers them, and the floor that it likes best."""
    known = model.forecast(train)
    best, least = model, np.inf
    for density in (model.density, model.density.weighted(known, train.levels)):
        plain = np.exp(replace(model, density=density).scored(valid)[0])
        for floor in FLOORS:
            nats = -float(np.log((1 - floor) * plain + floor / LEVELS).mean())
            if nats < least:
                best, least = replace(model, density=replace(density, floor=floor)), nats
    return best


def designs(course: Course, order: int) -> Iterator[tuple[slice, Array]]:
    """Pieces of the course: their place, and lags 1 to ``order`` (samples, order), newest first.

    Before a recording is silence; from its second sample on, lags before it count as its first.
    """
    for first, end in course.spans:
        yield slice(first, first + 1), np.zeros((1, order))
        padded = np.concatenate(
            (np.full(order - 1, course.signal[first]), course.signal[first:end])
        )
        windows = np.lib.stride_tricks.sliding_window_view(padded, order)[:, ::-1]
        for start in range(first + 1, end, CHUNK):
            place = slice(start, min(end, start + CHUNK))
            yield place, windows[place.start - first - 1 : place.stop - first - 1]


def lag_moments(course: Course, order: int, weights: Array) -> tuple[Array, Array]:
    """Weighted products of a constant and the lags with each other, and with the sample itself."""
    square, product = np.zeros((order + 1, order + 1)), np.zeros(order + 1)
    for place, lagged in designs(course, order):
        design = np.column_stack((np.ones(len(lagged)), lagged))
        weighted = design * weights[place, None]
        square += weighted.T @ design
        product += weighted.T @ course.signal[place]
    return square, product


def solved(moments: tuple[Array, Array], order: int) -> Array:
    """Least squares of that order: a constant, then lags 1 to ``order``."""
    square, product = (each[: order + 1] for each in moments)
    square = square[:, : order + 1]
    ridge = RIDGE * np.trace(square) / len(square)
    return np.linalg.solve(square + ridge * np.eye(len(square)), product)


def forecast(course: Course, weights: Array, decay: float, usual: float) -> Forecast:
    """Points, and the exponentially weighted mean of squared errors known before each sample."""
    from scipy.signal import lfilter

    points = np.empty(len(course.levels))
    for place, lagged in designs(course, len(weights) - 1):
        points[place] = weights[0] + lagged @ weights[1:]
    recent = np.zeros(len(points))
    if usual:
        for first, end in course.spans:
            squares = (course.signal[first : end - 1] - points[first : end - 1]) ** 2
            known = np.concatenate(([usual], squares))
            start = [decay * usual]
            recent[first:end] = lfilter([1 - decay], [1, -decay], known, zi=start)[0]
    return Forecast(points, recent)
