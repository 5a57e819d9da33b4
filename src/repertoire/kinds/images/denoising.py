"""Restoring spoiled pictures without nets: filters and projections, and linear maps.

Filters are the classical ones. A filter and its size are chosen for each kind of corruption by
validation: unlike a net, a filter is told the kind. The linear map from a spoiled picture to the
clean one is the least-squares estimator, of all kinds at once (``linear_map``) or of each kind
(``linear_map_by_kind``). No linear map is told the kind: the latter recognises it by grey levels
and by how neighbours differ, so that it sees what a net sees. It is the strongest of these and the
fair rival of a net. Stronger ones that learn nothing (BM3D, Dabov et al. 2007) are made for
Gaussian noise in photographs, and must be told its strength.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from repertoire.contract import Array
from repertoire.kinds.images import filters
from repertoire.kinds.images.corruption import corrupted
from repertoire.measured import Baseline
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.pictures import gain_measurement, squared_errors, unit
from repertoire.metrics.principal import Principal
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("best_filter", "best filter of each kind of noise"),
    Baseline("linear_map", "linear map of pixels, ridge"),
    Baseline(
        "linear_map_by_kind", "linear map of pixels for each kind of noise, which it recognises"
    ),
    Baseline("median", "median filter"),
    Baseline("pca", "projection onto principal components"),
    Baseline("wiener", "Wiener filter"),
)
FILTERS = ("median", "wiener", "pca")
SIZES = (3, 5, 7)  # of a filter's window, pixels a side
SHARES = (0.01, 0.02, 0.04, 0.08, 0.16)  # of the components that a projection keeps
CHUNK = 250  # pictures that are filtered at once
LARGEST = 2304  # values of an image of which linear maps are fitted: they grow with the square
DRAWS = 2  # of noise on each training picture
BINS = 16  # of grey levels, by which a kind is recognised


def filter_gains(
    components: Principal, corruption: Mapping[str, float], valid: Array, test: Array
) -> Scores:
    """Gains in decibels of each filter, and of the best of all.

    Which of them, and its size, is chosen for each kind of corruption by the same pictures of
    validation: unlike a net, a filter is told the kind.
    """
    names = sorted(corruption)
    known, asked = (
        (images, *corrupted(images, corruption, np.random.default_rng(0)))
        for images in (valid, test)
    )
    tried = {kind: list(_candidates(components, kind)) for kind in FILTERS}
    before, result = squared_errors(test, asked[1]), Scores()
    for label in ("best_filter", *FILTERS):
        allowed = [
            f for kind, found in tried.items() if label in ("best_filter", kind) for f in found
        ]
        restored = np.empty_like(test)
        for number in range(len(names)):
            clean, noisy = (part[known[2] == number] for part in known[:2])
            best = min(allowed, key=lambda f: np.square(unit(f(noisy)) - unit(clean)).mean())
            restored[asked[2] == number] = best(asked[1][asked[2] == number])
        after = squared_errors(test, restored)
        result.measure(label, gain_measurement(before, after, asked[2], names))
    return result


def _candidates(components: Principal, kind: str) -> Iterator[Callable[[Array], Array]]:
    """uint8 pictures to uint8 pictures, by every size of one kind of filter."""
    if kind == "pca":
        for share in SHARES:
            width = max(1, round(share * len(components.mean)))
            yield partial(_projected, components, width=width)
        return
    for size in SIZES:
        yield partial(_filtered, getattr(filters, kind), size=size)


def _filtered(kind: Callable[[Array, int], Array], noisy: Array, size: int) -> Array:
    if noisy.ndim == 4:  # each channel by itself
        channels = [_filtered(kind, noisy[..., c], size) for c in range(noisy.shape[3])]
        return np.stack(channels, axis=-1)
    # A window a pixel is much memory for all pictures at once.
    starts = range(0, len(noisy), CHUNK)
    return np.concatenate([_grey(kind(unit(noisy[s : s + CHUNK]), size)) for s in starts])


def _projected(components: Principal, noisy: Array, width: int) -> Array:
    rebuilt = components.rebuilt(unit(noisy).reshape(len(noisy), -1), width)
    return _grey(rebuilt.reshape(noisy.shape))


def _grey(values: Array) -> Array:
    return (255 * values).clip(0, 255).round().astype(np.uint8)


def _by_kind(restorers: Sequence[Callable[[Array], Array]], kinds: Array, pictures: Array) -> Array:
    """Each picture as the map of its kind restores it."""
    restored = np.empty_like(pictures)
    for kind, restore in enumerate(restorers):
        restored[kinds == kind] = restore(pictures[kinds == kind])
    return restored


def linear_gains(
    corruption: Mapping[str, float],
    penalties: Sequence[float],
    seed: int,
    train: Array,
    valid: Array,
    test: Array,
) -> Scores:
    """Gains in decibels of the linear map of all kinds, and of those of each; their penalties.

    Each training picture is spoiled anew ``DRAWS`` times in each kind.
    """
    names = sorted(corruption)
    rng = np.random.default_rng(seed)
    spoiled = [
        [corrupted(train, {name: corruption[name]}, rng)[0] for _ in range(DRAWS)] for name in names
    ]
    apart = [Moments.of(pictures, train) for pictures in spoiled]
    known, asked = (
        (images, *corrupted(images, corruption, np.random.default_rng(0)))
        for images in (valid, test)
    )
    whole, penalty = _fitted(Moments.total(apart), penalties, *known[:2])
    own, chosen = zip(
        *(
            _fitted(part, penalties, *(images[known[2] == kind] for images in known[:2]))
            for kind, part in enumerate(apart)
        ),
        strict=True,
    )
    kinds = np.repeat(np.arange(len(names)), len(train))
    seen = np.concatenate([_signs(pictures[0]) for pictures in spoiled])
    recognised = linear_probe(seen, kinds, _signs(asked[1]))
    by_kind = _by_kind(own, recognised, asked[1])
    before = squared_errors(test, asked[1])
    found = Scores()
    found["linear_map_penalty"] = penalty
    for name, value in zip(names, chosen, strict=True):
        found[f"linear_map_by_kind_{name}_penalty"] = value
    restored = {"linear_map": whole(asked[1]), "linear_map_by_kind": by_kind}
    for model, pictures in restored.items():
        after = squared_errors(test, pictures)
        found.measure(model, gain_measurement(before, after, asked[2], names))
    return found


class Moments:
    """Sums that least squares needs, of spoiled pictures and a constant, and of clean pictures."""

    def __init__(self, squares: Array, products: Array) -> None:
        self.squares, self.products = squares, products

    @classmethod
    def of(cls, spoiled: Sequence[Array], clean: Array) -> "Moments":
        """Means over the draws ``spoiled``, each of uint8 pictures as many as are clean."""
        wanted, draws = _row(clean), [_with_constant(pictures) for pictures in spoiled]
        squares = np.mean([rows.T @ rows for rows in draws], axis=0)
        return cls(squares, np.mean([rows.T @ wanted for rows in draws], axis=0))

    @classmethod
    def total(cls, parts: Sequence["Moments"]) -> "Moments":
        """Those of all parts together."""
        squares, products = ([getattr(p, n) for p in parts] for n in ("squares", "products"))
        return cls(np.sum(squares, axis=0), np.sum(products, axis=0))

    def map(self, penalty: float) -> Array:
        """Ridge regression (pixels + 1, pixels); the constant is not penalised."""
        ridge = np.full(len(self.squares), penalty)
        ridge[-1] = 0
        return np.linalg.solve(self.squares + np.diag(ridge), self.products)


def _fitted(
    moments: Moments, penalties: Sequence[float], clean: Array, noisy: Array
) -> tuple[Callable[[Array], Array], float]:
    """The map of the least squared error on validation pictures, and its penalty."""
    tried = [partial(_mapped, moments.map(penalty)) for penalty in penalties]
    errors = [squared_errors(clean, restore(noisy)).mean() for restore in tried]
    best = int(np.argmin(errors))
    return tried[best], penalties[best]


def _mapped(weight: Array, noisy: Array) -> Array:
    return _grey((_with_constant(noisy) @ weight).reshape(noisy.shape))


def _row(images: Array) -> Array:
    return images.reshape(len(images), -1) / np.float32(255)


def _with_constant(images: Array) -> Array:
    return np.pad(_row(images), ((0, 0), (0, 1)), constant_values=1)


def _signs(images: Array) -> Array:
    """What tells kinds apart (n, BINS + 2): shares of grey levels, mean steps down and across."""
    levels = images.reshape(len(images), -1) // (256 // BINS)
    shares = [np.mean(levels == level, axis=1) for level in range(BINS)]
    inside = tuple(range(1, images.ndim))
    steps = [np.abs(np.diff(unit(images), axis=axis)).mean(inside) for axis in (1, 2)]
    return np.stack((*shares, *steps), 1)
