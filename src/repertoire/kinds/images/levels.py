"""Likelihoods of 8-bit levels without nets: Gaussians, in bits per dimension.

A dimension is a value of an image: a pixel, or one of its three channels. A Gaussian is fitted to
levels plus uniform noise in [0, 1); its mean log-density there is at most the log-probability of
the levels themselves (Theis et al. 2016, section 3.1), as a net's bound is at most its own.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from repertoire.contract import Array
from repertoire.metrics.principal import NUMBERS, Principal, pixel_rows
from repertoire.metrics.uncertainty import Scores, mean_measurement

NOISE = 1 / 12  # variance of the uniform noise, levels squared
SEED = 0  # of the noise on the images that are measured


def level_bits(train: Array, test: Array, widths: Sequence[int]) -> Scores:
    """Of independent values, and with so many principal components (``ppca_*``).

    The latter have one variance in all other directions: probabilistic principal component
    analysis, Tipping and Bishop 1999, whose maximum likelihood is closed.
    """
    seen = pixel_rows(train)
    components = Principal(seen)
    variances = 255**2 * seen.var(0, dtype=np.float64) + NOISE
    means = 255 * seen.mean(0, dtype=np.float64) + 0.5
    single = partial(_independent, means=means, variances=variances)
    nats = {"gaussian_pixels": _each(test, single)}
    for width in widths:
        kept = min(width, len(components.variances), seen.shape[1] - 1)
        nats[f"ppca_{width}"] = _each(test, partial(_ppca, components=components, width=kept))
    scale = math.log(2) * seen.shape[1]
    found = Scores()
    for name, each in nats.items():
        found.measure(name, mean_measurement("bits_per_dimension", each / scale))
    return found


def _each(images: Array, nats: Callable[[Array], Array]) -> Array:
    """``nats`` of noisy levels (rows, values) of each image."""
    rng, values = np.random.default_rng(SEED), images[:1].size
    some = max(1, NUMBERS // 8 // values)
    found = []
    for start in range(0, len(images), some):
        part = images[start : start + some].reshape(-1, values)
        found.append(nats(part + rng.random(part.shape)))
    return np.concatenate(found)


def _independent(rows: Array, means: Array, variances: Array) -> Array:
    gaps = rows - means
    return 0.5 * (gaps**2 / variances + np.log(2 * np.pi * variances)).sum(1)


def _ppca(rows: Array, components: Principal, width: int) -> Array:
    values = rows.shape[1]
    kept = 255**2 * components.variances[:width] + NOISE
    rest = 255**2 * (components.total - components.variances[:width].sum()) / (values - width)
    rest = max(float(rest), 0.0) + NOISE
    gaps = rows - (255 * components.mean + 0.5)
    codes = gaps @ components.directions[:, :width]
    outside = (gaps**2).sum(1) - (codes**2).sum(1)
    logs = np.log(kept).sum() + (values - width) * math.log(rest)
    return 0.5 * ((codes**2 / kept).sum(1) + outside / rest + logs + values * math.log(2 * np.pi))
