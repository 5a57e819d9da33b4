"""Why the codes of a plain autoencoder scatter, and those of a variational one do not.

Both nets squeeze black and white digits of 8 x 8 pixels into two numbers, with the same weights at
first and the same batches. The plain one is asked for the picture alone: its codes may lie
anywhere and in any scale, some in a heap and some far out, so nobody knows where to draw a new one.
The variational one (Kingma and Welling 2014) decodes a cloud around each code and pays for codes
far from a standard normal: it has a place to draw from, and a likelihood. What a place gives is
told by a classifier by nearest neighbours, which accepts a picture as near to a training digit as
most of these are to another, if the neighbours agree. By it a plain map need not have more holes.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from repertoire.config import Count, Natural, Positive, Seed, Share
from repertoire.contract import Array, Figure, Kind
from repertoire.metrics.neighbours import NeighbourClassifier, Rules, nearest
from repertoire.readers.helpers.images.tiny_digits import SIDE, TinyDigits, load_tiny_digits
from repertoire.studies import Findings
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import settle

NETS = ("plain", "variational")
REACH, GRID = 6.0, 151  # of the quadrature over a standard normal, a side
ROWS = {
    "reconstruction_nats": "nats a held-out digit, given its code",
    "standard_normal_nats": "nats a held-out digit, code from a standard normal",
    "deviation": "deviation of the codes",
    "cells_used_percent": "cells of the rectangle that hold a code, %",
    "other_neighbour_percent": "held-out codes next to another class, %",
    "plane_accepted_percent": "accepted all over the rectangle, %",
    "fitted_gaussian_accepted_percent": "accepted from a Gaussian fitted to the codes, %",
    "standard_normal_accepted_percent": "accepted from a standard normal, %",
    "middles_accepted_percent": "accepted half way between two digits, %",
}


@dataclass(frozen=True)
class Config:
    """What is drawn and tried lies in the rectangle that holds all codes of a net."""

    seed: Seed
    threads: Count
    test: Natural
    units: Count
    batch: Count
    epochs: Count
    learning_rate: Positive
    warmup: Share
    classifier: Rules
    tried: Count  # places a side of the plane, their square of every other kind
    shown: Natural  # pictures a side
    canvas: Count  # pixels a side of a map


def layers(*widths: int) -> nn.Sequential:
    """Linear maps with SiLU between them."""
    pairs = [(nn.Linear(a, b), nn.SiLU()) for a, b in itertools.pairwise(widths)]
    return nn.Sequential(*list(itertools.chain(*pairs))[:-1])


class Autoencoder(nn.Module):
    """Pixels to the mean and log-variance of a code of two numbers, and a code to logits.

    The plain net leaves the variance unused.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.encoder = layers(SIDE**2, units, units, 4)
        self.decoder = layers(2, units, units, SIDE**2)

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(pictures, 64), 0 or 1 -> mean and log-variance of the codes, (pictures, 2) each."""
        mean, log_variance = self.encoder(pixels).chunk(2, dim=1)
        return mean, log_variance

    def loss(self, pixels: Tensor, variational: bool) -> Tensor:
        """Nats a picture: the Bernoulli likelihood, and the divergence of a variational code."""
        mean, log_variance = self.encode(pixels)
        if not variational:
            return self.nats(pixels, mean).mean()
        codes = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        held = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
        return self.nats(pixels, codes).mean() + held.sum(1).mean()

    def nats(self, pixels: Tensor, codes: Tensor) -> Tensor:
        """-log p(pixels | code) of each picture."""
        return cross_entropy(self.decoder(codes), pixels, reduction="none").sum(1)

    @torch.no_grad()
    def pictures(self, codes: Array) -> Array:
        """(codes, 2) -> the likeliest pixels (codes, 64), 0 or 1."""
        logits = self.decoder(torch.from_numpy(codes.astype(np.float32)))
        return (logits > 0).numpy().astype(np.float32)


def train(config: Config, digits: TinyDigits, variational: bool) -> Autoencoder:
    """Either net, from the same weights over the same batches."""
    settle(config.seed, config.threads)
    network = Autoencoder(config.units)
    optimisation = Optimisation(
        network.parameters(),
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        warmup=config.warmup,
        steps=len(digits.train) // config.batch * config.epochs,
        clip_norm=None,
    )
    rng, pixels = np.random.default_rng(config.seed), torch.from_numpy(digits.train)
    for _ in range(config.epochs):
        order = torch.from_numpy(rng.permutation(len(pixels)))
        for start in range(0, len(order) - config.batch + 1, config.batch):
            part = pixels[order[start : start + config.batch]]
            optimisation.step(network.loss(part, variational))
    return network.eval()


def nats_under_prior(network: Autoencoder, pixels: Array) -> float:
    """-log of the mean likelihood over a standard normal code, by a grid: nats a picture."""
    side = np.linspace(-REACH, REACH, GRID)
    grid = np.stack(np.meshgrid(side, side), 2).reshape(-1, 2).astype(np.float32)
    prior = -0.5 * (grid.astype(np.float64) ** 2).sum(1)
    with torch.no_grad():
        logits = network.decoder(torch.from_numpy(grid)).double().numpy()
    joint = pixels @ logits.T - np.logaddexp(0, logits).sum(1) + prior
    return float(np.logaddexp.reduce(prior) - np.logaddexp.reduce(joint, axis=1).mean())


class Map:
    """One trained net, the codes that it gives, and the rectangle that holds them all."""

    def __init__(self, config: Config, digits: TinyDigits, variational: bool) -> None:
        self.config, self.digits = config, digits
        self.network = train(config, digits, variational)
        with torch.no_grad():
            both = (torch.from_numpy(each) for each in (digits.train, digits.test))
            self.known, self.codes = (self.network.encode(each)[0].numpy() for each in both)
        self.low, self.high = np.quantile(np.concatenate((self.known, self.codes)), (0, 1), axis=0)

    def plane(self, side: int) -> Array:
        """Codes (side * side, 2) in the middle of equal cells, the highest row first."""
        share = (np.arange(side) + 0.5) / side
        across, up = np.meshgrid(share, share[::-1])
        return self.low + np.stack((across.ravel(), up.ravel()), 1) * (self.high - self.low)

    def tried(self) -> dict[str, Array]:
        """Codes to be judged, by where they come from."""
        rng, count = np.random.default_rng(self.config.seed), self.config.tried**2
        normal = rng.standard_normal((count, 2))
        one, other = rng.integers(0, len(self.codes), (2, count))
        spread = np.linalg.cholesky(np.cov(self.known, rowvar=False))
        return {
            "plane": self.plane(self.config.tried),
            "fitted_gaussian": self.known.mean(0) + normal @ spread.T,
            "standard_normal": normal,
            "middles": (self.codes[one] + self.codes[other]) / 2,
        }

    def measured(self, classifier: NeighbourClassifier) -> dict[str, float]:
        """Numbers of the map by name with unit."""
        side, digits = self.config.tried, self.digits
        cells = np.minimum((self.known - self.low) / (self.high - self.low) * side, side - 1)
        neighbours = digits.train_labels[nearest(self.codes, self.known, 1)[1][:, 0]]
        judged = {k: classifier.percent(self.network.pictures(v)) for k, v in self.tried().items()}
        with torch.no_grad():
            nats = self.network.nats(*map(torch.from_numpy, (digits.test, self.codes)))
        return {
            "reconstruction_nats": float(nats.mean()),
            "standard_normal_nats": nats_under_prior(self.network, digits.test),
            "deviation": float(np.sqrt(self.known.var(0).mean())),
            "cells_used_percent": 100 * len(np.unique(cells.astype(int), axis=0)) / side**2,
            "other_neighbour_percent": float(100 * np.mean(neighbours != digits.test_labels)),
            **{f"{kind}_accepted_percent": value for kind, value in judged.items()},
        }

    def drawn(self) -> Array:
        """uint8 (canvas, canvas): each held-out digit at its code."""
        room = self.config.canvas - SIDE
        canvas = np.zeros((self.config.canvas,) * 2, np.uint8)
        places = (self.codes - self.low) / (self.high - self.low) * room
        for (left, up), picture in zip(places.astype(int), grey(self.digits.test), strict=True):
            part = canvas[room - up : room - up + SIDE, left : left + SIDE]
            np.maximum(part, picture, out=part)
        return canvas

    def lines(self) -> Array:
        """uint8 (shown / 2, shown, 8, 8): straight lines between neighbours in the test order."""
        count = self.config.shown
        share = np.linspace(0, 1, count)[:, None]
        ends = zip(self.codes[:count:2], self.codes[1:count:2], strict=True)
        return np.stack([grey(self.network.pictures((1 - share) * a + share * b)) for a, b in ends])


def grey(pixels: Array) -> Array:
    """(pictures, 64), 0 or 1 -> uint8 (pictures, 8, 8)."""
    return (255 * pixels).astype(np.uint8).reshape(-1, SIDE, SIDE)


def study(config: Config) -> Findings:
    """Both maps, what lies in them and between digits, and numbers."""
    digits = load_tiny_digits(config.test, config.seed)
    classifier = NeighbourClassifier(digits.train, digits.train_labels, config.classifier)
    maps = {name: Map(config, digits, name == "variational") for name in NETS}
    found = {name: each.measured(classifier) for name, each in maps.items()}
    unseen = classifier.percent(digits.test)
    sizes = (
        f"{len(digits.train)} digits to train, {config.epochs} epochs, two hidden layers of "
        f"{config.units} units, seed {config.seed}; one training each"
    )
    figures = (*_pictures(config, maps, sizes), _table(config, found, unseen, sizes))
    metrics = {f"{net}_{key}": value for net in NETS for key, value in found[net].items()}
    return figures, {**metrics, "unseen_digits_accepted_percent": unseen}


def _pictures(config: Config, maps: dict[str, Map], sizes: str) -> list[Figure]:
    nets, shape = list(maps.values()), (-1, config.shown, SIDE, SIDE)
    planes = [grey(e.network.pictures(e.plane(config.shown))).reshape(shape) for e in nets]
    gap = np.zeros_like(planes[0][:, :1])
    where = "left of the plain net, right of the variational one"
    images = {
        "maps": np.stack([each.drawn() for each in nets])[None],
        "planes": np.concatenate((planes[0], gap, planes[1]), axis=1),
        "lines": np.stack([each.lines() for each in nets], 1).reshape(shape),
    }
    captions = {
        "maps": f"The {config.test} held-out digits, each at its code, in the rectangle that just "
        f"holds all codes: {where}.",
        "planes": f"What is decoded all over that rectangle: {where}.",
        "lines": "Straight lines between the codes of the first held-out digits, two by two: above "
        "by the plain net, below by the variational one.",
    }
    return [Figure(n, Kind.IMAGES, f"{captions[n]} {sizes}.", images=x) for n, x in images.items()]


def _table(config: Config, found: dict[str, dict[str, float]], unseen: float, sizes: str) -> Figure:
    classifier = config.classifier
    return Figure(
        "numbers",
        Kind.TABLE,
        "The classifier accepts what is as near to a training digit as "
        f"{100 * classifier.accepted:g} % of these are to another, if {classifier.agreeing} of "
        f"{classifier.neighbours} neighbours agree: "
        f"{unseen:.1f} % of real held-out digits. {sizes}.",
        columns=("", *NETS),
        cells=[(text, *(f"{found[n][key]:.4g}" for n in NETS)) for key, text in ROWS.items()],
    )
