"""How blurred pictures come back from codes of each width, by a net and by its linear optimum.

Autoencoders of several code widths and as many principal components (Baldi and Hornik 1989) give
back the 8 x 8 digits of scikit-learn. Squared error asks for the mean of all pictures that a code
may stand for, and a mean of shifted edges is a blurred edge: the sharpness that is lost is measured
as the share of the squared differences of neighbouring pixels that a reconstruction keeps.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from repertoire.config import Count, Natural, Positive, Seed, Share
from repertoire.contract import Array, Figure, Kind, Line
from repertoire.metrics.principal import Principal
from repertoire.nn.coders import dense
from repertoire.studies import Findings
from repertoire.training.process import settle
from repertoire.training.schedule import warmup_cosine

SIDE, WHITE = 8, 16  # of scikit-learn's digits
ENLARGED = 3  # pixels that a pixel of them is drawn as


@dataclass(frozen=True)
class Config:
    """``widths`` of the code; ``units`` lie between it and the pixels.

    ``test`` digits are held out, and ``shown`` of them are drawn.
    """

    seed: Seed
    threads: Count
    widths: tuple[Count, ...]
    units: Count
    batch: Count
    steps: Count
    test: Natural
    learning_rate: Positive
    warmup: Share
    shown: Natural


def digits(config: Config) -> tuple[Array, Array]:
    """Training and test pictures (n, 64), black 0 and white 1, in a random order."""
    # Imported late: only this study needs it.
    from sklearn.datasets import load_digits

    pixels = load_digits()["data"].astype(np.float32) / WHITE
    order = np.random.default_rng(config.seed).permutation(len(pixels))
    return pixels[order[config.test :]], pixels[order[: config.test]]


def given_back(config: Config, train: Array, test: Array, width: int) -> Array:
    """The test pictures as an autoencoder of that width gives them back."""
    settle(config.seed, config.threads)
    network = nn.Sequential(
        dense([train.shape[1], config.units, width]),
        dense([width, config.units, train.shape[1]]),
        nn.Sigmoid(),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    schedule = warmup_cosine(optimizer, config.steps, config.warmup)
    rng, pictures = np.random.default_rng(config.seed), torch.from_numpy(train)
    for _ in range(config.steps):
        batch = pictures[torch.from_numpy(rng.integers(0, len(train), config.batch))]
        loss = nn.functional.mse_loss(network(batch), batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return network(torch.from_numpy(test)).numpy()


def edges(pictures: Array) -> float:
    """Mean squared difference of neighbouring pixels of pictures (n, 64)."""
    square = pictures.reshape(-1, SIDE, SIDE)
    return float(sum(np.square(np.diff(square, axis=axis)).mean() for axis in (1, 2)))


def study(config: Config) -> Findings:
    """Errors and sharpness over the width, and the pictures themselves."""
    train, test = digits(config)
    components = Principal(train.astype(np.float64))
    back = {
        "net": [given_back(config, train, test, width) for width in config.widths],
        "pca": [components.rebuilt(test, width) for width in config.widths],
    }
    errors = {name: [_error(found, test) for found in each] for name, each in back.items()}
    sharp = {
        name: [100 * edges(found) / edges(test) for found in each] for name, each in back.items()
    }
    sizes = (
        f"{len(train):,} digits of 8 x 8 pixels trained on, {len(test)} others tested; nets "
        f"64-{config.units}-width-{config.units}-64, {config.steps} steps, seed {config.seed}"
    )
    figures = (
        _lines(config, "error", "Squared error a pixel, white being 1", errors, sizes, "xy"),
        _lines(
            config,
            "sharpness",
            "Squared differences of neighbouring pixels, % of the original's",
            sharp,
            sizes,
            "x",
        ),
        _pictures(config, test, back, sizes),
    )
    metrics: dict[str, float] = {}
    for place, width in enumerate(config.widths):
        for name in back:
            metrics[f"{name}_{width}_mse"] = errors[name][place]
            metrics[f"{name}_{width}_sharpness_percent"] = sharp[name][place]
    return figures, metrics


def _error(found: Array, test: Array) -> float:
    return float(np.square(found.astype(np.float64) - test).mean())


def _lines(
    config: Config, name: str, what: str, values: dict[str, list[float]], sizes: str, scaled: str
) -> Figure:
    labels = {"net": "autoencoder", "pca": "principal components"}
    x = [float(width) for width in config.widths]
    return Figure(
        name,
        Kind.LINES,
        f"{what}, of reconstructions of the test digits by the width of the code. {sizes}.",
        columns=("width of the code", what),
        lines=[Line(labels[key], x, y) for key, y in values.items()],
        logarithmic=scaled,
    )


def _pictures(config: Config, test: Array, back: dict[str, list[Array]], sizes: str) -> Figure:
    rows = [test, *(part for pair in zip(*back.values(), strict=True) for part in pair)]
    widths = ", ".join(map(str, config.widths))
    return Figure(
        "pictures",
        Kind.IMAGES,
        f"The first {config.shown} test digits, and below them two rows for each width of the code "
        f"({widths}): the autoencoder's and the principal components'. {sizes}.",
        images=np.stack([_drawn(pictures[: config.shown]) for pictures in rows]),
    )


def _drawn(pictures: Array) -> Array:
    square = (255 * pictures.clip(0, 1)).round().astype(np.uint8).reshape(-1, SIDE, SIDE)
    return square.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
