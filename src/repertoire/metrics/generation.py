"""How close generated images are to real ones, in the features of a named evaluation classifier."""

from collections.abc import Callable

import numpy as np

from repertoire.contract import Array, Arrays, Measurement
from repertoire.measured import Metric

FRECHET_DISTANCE = Metric("frechet_distance", "Fréchet distance", "features²", "lower")
PIXEL_COVERAGE = Metric(
    "pixel_coverage_percent", "Coverage of real images, in components of pixels", "%", "higher"
)
SAMPLE_METRICS = (
    FRECHET_DISTANCE,
    Metric(
        "coverage_percent",
        "Coverage of real images, in the features of the evaluation classifier",
        "%",
        "higher",
    ),
    PIXEL_COVERAGE,
    Metric("classes_covered", "Classes covered", "classes", "higher"),
    Metric("class_divergence_nats", "Divergence of classes from even", "nats", "lower"),
    Metric("modes_covered", "Modes covered", "modes", "higher"),
    Metric("mode_divergence_nats", "Divergence of modes from even", "nats", "lower"),
)

NEIGHBOURS = 5  # Naeem et al. 2020, section 4
AT_ONCE = 2**26  # pixels of the images whose features are computed at once
COMPARED = 5000  # images of each kind at most: their pairs grow with the square
ROWS = 500  # of a matrix of distances at once
GROUPS = 200  # of images, drawn whole for a standard error: a draw then costs no pass over images
SPLITS = 20  # of real images in two, for the distance that chance alone leaves


class EvaluationClassifier:
    """The perceptron that ``prepare`` trained; its last hidden layer is the feature space.

    Coloured images it judges whole if it was trained on such. If it knows grey ones, it judges each
    channel by itself: features lie side by side, and the classes of the channels are the digits of
    one number. Where the weights come with a ``reduction``, images are made so many times smaller
    before it looks.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.reduction = int(arrays.get("reduction", np.ones(1)).item())
        depth = len(arrays) // 2
        self.layers = [(arrays[f"weight_{d}"], arrays[f"bias_{d}"]) for d in range(depth)]

    def features(self, images: Array) -> Array:
        """ReLU units (images, channels * width) of the last hidden layer.

        ``images`` is uint8 (images, side, side) or (images, side, side, channels).
        """
        return self._hidden(images).reshape(len(images), -1)

    def classes(self, images: Array) -> Array:
        """The most probable class of each image; with channels, that of the first counts most."""
        weight, bias = self.layers[-1]
        found = (self._hidden(images) @ weight + bias).argmax(2)
        return found @ len(bias) ** np.arange(found.shape[1])[::-1]

    def _hidden(self, images: Array) -> Array:
        """(images, channels, width), one channel for images that are judged whole."""
        some = max(1, AT_ONCE // max(1, images[:1].size))
        if len(images) > some:
            starts = range(0, len(images), some)
            return np.concatenate([self._hidden(images[start : start + some]) for start in starts])
        images = reduced(images, self.reduction)
        pixels = len(self.layers[0][0])
        parts = np.moveaxis(images.reshape(len(images), pixels, -1), 2, 1)
        hidden = parts.astype(np.float32) / np.float32(255)
        for weight, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weight + bias, 0)
        return hidden


def reduced(images: Array, factor: int) -> Array:
    """Means of squares of ``factor`` x ``factor`` pixels: float32 (images, side / factor, …)."""
    if factor == 1:
        return images
    count, side, _, *channels = images.shape
    small = side // factor
    squares = images.reshape(count, small, factor, small, factor, *channels)
    return squares.mean((2, 4), dtype=np.float32)


class Moments:
    """Sums of features (samples, width) by group of samples: moments of any groups cost little.

    Groups are neighbours, all of about the same size; ``groups`` of them, at most as many as there
    are samples.
    """

    def __init__(self, features: Array, groups: int) -> None:
        values = np.asarray(features, np.float64)
        self.centre = values.mean(0)
        parts = np.array_split(values - self.centre, groups)
        self.counts = np.array([len(part) for part in parts], np.float64)
        self.sums = np.stack([part.sum(0) for part in parts])
        self.products = np.stack([(part.T @ part).ravel() for part in parts])

    def of(self, rows: Array) -> tuple[Array, Array]:
        """Mean (width,) and covariance (width, width) of the samples of the groups ``rows``."""
        weight = np.bincount(rows, minlength=len(self.counts)).astype(np.float64)
        count, width = weight @ self.counts, len(self.centre)
        mean = weight @ self.sums / count
        products = (weight @ self.products).reshape(width, width)
        covariance = (products - count * np.outer(mean, mean)) / max(count - 1, 1)
        return self.centre + mean, covariance


def frechet_distance(first: Array, second: Array) -> float:
    """Fréchet distance of two Gaussians fitted to features (samples, width).

    Dowson and Landau 1982: |m1 - m2|² + tr(C1 + C2 - 2 (C1^½ C2 C1^½)^½); used for generators
    by Heusel et al. 2017. In squared units of the features.
    """
    everything = np.zeros(1, int)
    return _distance(*(Moments(each, 1).of(everything) for each in (first, second)))


def distance_measurement(first: Array, second: Array) -> Measurement:
    """The Fréchet distance; its units are groups of samples, as independent as samples are."""
    groups = min(GROUPS, len(first), len(second))
    one, other = (Moments(each, groups) for each in (first, second))
    return Measurement(groups, lambda rows: {"frechet_distance": distance_of(one, other, rows)})


def distance_of(first: Moments, second: Moments, rows: Array) -> float:
    """The Fréchet distance between the groups ``rows`` of either set of features."""
    return _distance(first.of(rows), second.of(rows))


def _distance(first: tuple[Array, Array], second: tuple[Array, Array]) -> float:
    (mean, one), (other_mean, other) = first, second
    gap = mean - other_mean
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ other @ root)
    return float(gap @ gap + np.trace(one + other) - 2 * np.sqrt(np.clip(cross, 0, None)).sum())


def distance_of_halves(features: Array, counts: tuple[int, int]) -> dict[str, float]:
    """The Fréchet distance between real images (images, width), of which ``counts`` are compared.

    It is 0 in the limit and falls as one over the number of images (Chong and Forsyth 2020), so a
    net's is to be compared with that of sets as large as its own. Each time two others, disjoint
    and drawn at random. Of fewer images than that, smaller sets are drawn in the same proportion,
    and the distance is scaled by it.
    """
    share = min(1.0, len(features) / sum(counts))
    first, second = (int(share * count) for count in counts)

    def draw(rng: np.random.Generator) -> tuple[Array, Array]:
        order = rng.permutation(len(features))
        return features[order[:first]], features[order[first : first + second]]

    return _over_splits(draw, share)


def distance_of_stacked_halves(
    features: Array, digits: int, stacks: int, channels: int
) -> dict[str, float]:
    """The same for ``stacks`` whose ``channels`` are drawn from the features of single images.

    One side is made of ``digits`` single images, at most half of all, as test stacks are; the other
    of all the rest, as a generator's digits are new.
    """
    known = min(digits, len(features) // 2)

    def draw(rng: np.random.Generator) -> tuple[Array, Array]:
        order = rng.permutation(len(features))
        first, second = (
            features[own[rng.integers(0, len(own), (stacks, channels))]].reshape(stacks, -1)
            for own in (order[:known], order[known:])
        )
        return first, second

    return _over_splits(draw, 1.0)


def _over_splits(
    draw: Callable[[np.random.Generator], tuple[Array, Array]], scale: float
) -> dict[str, float]:
    """The mean of ``SPLITS`` draws, and the standard deviation of one."""
    rng = np.random.default_rng(0)
    found = [scale * frechet_distance(*draw(rng)) for _ in range(SPLITS)]
    return {
        "frechet_distance": float(np.mean(found)),
        "frechet_distance_spread": float(np.std(found, ddof=1)),
    }


def class_coverage(classes: Array, count: int) -> dict[str, float]:
    """Classes with at least a tenth of their even share, and the divergence from even, in nats."""
    shares = np.bincount(classes, minlength=count) / len(classes)
    return {
        "classes_covered": float(np.sum(shares >= 0.1 / count)),
        "class_divergence_nats": _divergence_from_even(shares),
    }


def mode_coverage(modes: Array, count: int) -> dict[str, float]:
    """Modes that occur at all, and the divergence of their shares from even, in nats.

    The protocol of stacked digits (Metz et al. 2017, section 3.3; Srivastava et al. 2017). Even
    draws diverge too: with n of them by about (count - 1) / 2n.
    """
    shares = np.bincount(modes, minlength=count) / len(modes)
    return {
        "modes_covered": float(np.count_nonzero(shares)),
        "mode_divergence_nats": _divergence_from_even(shares),
    }


def _divergence_from_even(shares: Array) -> float:
    present = shares[shares > 0]
    return float(np.sum(present * np.log(present * len(shares))))


class Neighbourhoods:
    """Which generated samples lie within reach of which real ones.

    A real sample reaches as far as its fifth neighbour among the real ones. Both are features
    (samples, width); the first ``COMPARED`` of each count.
    """

    def __init__(self, generated: Array, real: Array) -> None:
        generated, real = generated[:COMPARED], real[:COMPARED]
        self.generated, self.real = len(generated), len(real)
        found = []
        for start in range(0, len(real), ROWS):
            part = real[start : start + ROWS]
            near = min(NEIGHBOURS, len(real) - 1)
            # The nearest neighbour of a sample is itself.
            reach = np.partition(squared_distances(part, real), near, axis=1)[:, near]
            inside = squared_distances(part, generated) <= reach[:, None]
            found.append(np.argwhere(inside) + np.array([start, 0]))
        self.places, self.visitors = np.concatenate(found).T

    def coverage_percent(self, rows: Array) -> float:
        """Share of the real samples ``rows`` that have one of the generated ``rows`` in reach."""
        present = np.zeros(max(self.real, self.generated), bool)
        present[rows] = True
        covered = np.zeros(self.real, bool)
        covered[self.places[present[self.visitors]]] = True
        return float(100 * covered[rows[rows < self.real]].mean())


def coverage_percent(generated: Array, real: Array) -> float:
    """Share of the real samples that have a generated one in reach.

    Naeem et al. 2020, equation 6, with ``NEIGHBOURS`` neighbours. As many samples of the same
    distribution reach 1 - 2^-NEIGHBOURS, which is 96.9 %.
    """
    found = Neighbourhoods(generated, real)
    return found.coverage_percent(np.arange(max(found.real, found.generated)))


def coverage_measurement(
    generated: Array, real: Array, name: str = "coverage_percent"
) -> Measurement:
    """The coverage of real images by as many generated ones; units are images of both."""
    found = Neighbourhoods(generated, real)
    return Measurement(found.real, lambda rows: {name: found.coverage_percent(rows)})


def squared_distances(first: Array, second: Array) -> Array:
    """Squared Euclidean distances (rows of the first, rows of the second)."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1)
    return np.maximum(squares - 2 * first @ second.T, 0)
