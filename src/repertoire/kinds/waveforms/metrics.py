"""How well the next sample is predicted, by blocks of about a second.

Neighbouring samples depend on each other: what was drawn are seconds, not samples. A block never
holds samples of two recordings.
"""

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric

METRICS = (
    Metric("nats_per_sample", "Negative log-likelihood", "nats per sample", "lower"),
    Metric("snr_db", "Signal-to-noise ratio of the forecast", "dB", "higher"),
)


def blocks(starts: Array, samples: int, rate: float) -> Array:
    """The first sample of each block, int64: every ``rate`` samples of each recording.

    What is left at the end of a recording joins its last block; a single block is halved.
    """
    size = max(1, round(rate))
    ends = np.append(starts[1:], samples)
    found = np.concatenate(
        [
            np.arange(first, max(first + 1, end - size + 1), size)
            for first, end in zip(starts, ends, strict=True)
        ]
    )
    if len(found) == 1 and samples > 1:
        found = np.array([0, samples // 2])
    return found.astype(np.int64)


def sample_measurement(
    log_probs: Array, actual: Array, predicted: Array, starts: Array, rate: float
) -> Measurement:
    """Both metrics over (samples,): nats per sample, and the signal-to-noise ratio.

    The first sample of a recording, before which nothing is known, is not counted: a recording that
    sets in at a peak would decide the ratio alone.

    The ratio is 10 log10 of the variance of ``actual`` about its mean over the mean square of its
    distance from ``predicted``: about its mean, because a constant offset, such as that of an
    electrode, carries no information and would only flatter.
    """
    first = blocks(starts, len(actual), rate)
    counted = np.ones(len(actual))
    counted[starts] = 0
    sums = np.stack(
        [
            np.add.reduceat(counted * each, first)
            for each in (-log_probs, actual, actual**2, (actual - predicted) ** 2, 1)
        ],
        axis=1,
    )

    def measure(rows: Array) -> dict[str, float]:
        *sizes, count = sums[rows].sum(0)
        nats, mean, square, noise = np.array(sizes) / max(1, count)
        return {"nats_per_sample": float(nats), "snr_db": ratio_db(square - mean**2, noise)}

    return Measurement(len(first), measure)


def ratio_db(signal: float, noise: float) -> float:
    """Ten times the decimal logarithm; nan of a constant signal, infinity without noise."""
    if signal <= 0:
        return float("nan")
    return float(10 * np.log10(signal / noise)) if noise else float("inf")
