"""Distance to real images in the judge's features, what is covered of them, and pictures."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.gan.config import Config
from repertoire.metrics.generation import (
    Judge,
    class_coverage,
    coverage_measurement,
    distance_measurement,
    frechet_distance,
    mode_coverage,
)
from repertoire.metrics.pictures import thinned

RANKS = 100  # of the modes, drawn as points of a line


def draw(run: Run, config: Config, count: int, seed: int) -> Array:
    """``count`` images (count, side, side) or (count, side, side, channels) from normal codes."""
    latents = np.random.default_rng(seed).standard_normal((count, config.latent), np.float32)
    parts = [
        run("decode", latents=latents[start : start + config.chunk])["images"]
        for start in range(0, count, config.chunk)
    ]
    return np.concatenate(parts)


def evaluate(run: Run, config: Config, data: Data, split: str) -> tuple[Measurement, ...]:
    """As many images as the split has, against the split; the test's neighbourhoods as well."""
    real = data.arrays(split)["images"]
    judge = Judge(data.arrays("judge"))
    images = draw(run, config, len(real), seed=0)
    generated, wanted = judge.features(images), judge.features(real)
    kinds = judge.classes(images)
    found = (
        distance_measurement(generated, wanted),
        Measurement(len(images), lambda rows: _coverage(kinds[rows], data)),
    )
    return (*found, coverage_measurement(generated, wanted)) if split == "test" else found


def _coverage(kinds: Array, data: Data) -> dict[str, float]:
    channels, classes = data.facts["channels"], data.facts["classes"]
    return (
        class_coverage(kinds, classes) if channels == 1 else mode_coverage(kinds, classes**channels)
    )


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """After every epoch: the same codes decoded, the distance, and what the discriminator thinks.

    ``distance`` (1,) and ``logits`` (2,), of real and of generated images, are of the valid split.
    """
    real = data.arrays("valid")["images"]
    images, judge = draw(run, config, len(real), seed=1), Judge(data.arrays("judge"))
    distance = frechet_distance(judge.features(images), judge.features(real))
    logits = [run("discriminate", images=each)["logit"].mean() for each in (real, images)]
    return {
        "samples": images[: config.grid],
        "distance": np.array([distance], np.float32),
        "logits": np.array(logits, np.float32),
    }


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Samples, samples and measures over training, and the kinds that the judge sees."""
    n = config.grid
    real, judge = data.arrays("test")["images"], Judge(data.arrays("judge"))
    images = draw(run, config, max(len(real), n * n), seed=0)
    kinds = [judge.classes(each) for each in (real, images[: len(real)])]
    seen = _classes if data.facts["channels"] == 1 else _modes
    return (
        Figure(
            "samples",
            Kind.IMAGES,
            f"The first {n * n} codes of seed 0; none was chosen by hand.",
            images=images[: n * n].reshape(n, n, *images.shape[1:]),
        ),
        Figure(
            "while-training",
            Kind.IMAGES,
            f"The same {n} codes (seed 1) after each epoch shown, from top to bottom.",
            images=thinned(snapshots["samples"]),
        ),
        *_courses(snapshots, len(data.arrays("valid")["images"])),
        seen(kinds, data),
    )


def _courses(snapshots: Arrays, count: int) -> tuple[Figure, Figure]:
    """How the duel went: what does not settle oscillates here."""
    epochs = list(range(1, len(snapshots["distance"]) + 1))
    against = f"{count} validation images and as many generated from the codes of seed 1"
    logits = zip(("real", "generated"), snapshots["logits"].T, strict=True)
    return (
        Figure(
            "distance-by-epoch",
            Kind.LINES,
            f"Fréchet distance between {against}, after each epoch.",
            columns=("epoch", "Fréchet distance, judge’s features²"),
            lines=[Line("averaged generator", epochs, snapshots["distance"][:, 0].tolist())],
        ),
        Figure(
            "logits-by-epoch",
            Kind.LINES,
            f"Mean logit that the discriminator gives to {against}, after each epoch: the gap is "
            "what it still tells apart, a common swing is the two chasing each other.",
            columns=("epoch", "logit of being real"),
            lines=[Line(label, epochs, values.tolist()) for label, values in logits],
        ),
    )


def _classes(kinds: list[Array], data: Data) -> Figure:
    shares = [np.bincount(each, minlength=data.facts["classes"]) / len(each) for each in kinds]
    return Figure(
        "classes",
        Kind.TABLE,
        f"Share of each class among {len(kinds[1])} images, as the judge sees them.",
        columns=("class", "test images", "generated"),
        cells=[
            (c, f"{100 * r:.1f} %", f"{100 * g:.1f} %")
            for c, (r, g) in enumerate(zip(*shares, strict=True))
        ],
    )


def _modes(kinds: list[Array], data: Data) -> Figure:
    count = data.facts["classes"] ** data.facts["channels"]
    counts = [np.sort(np.bincount(each, minlength=count))[::-1] for each in kinds]
    ranks = np.unique(np.linspace(0, count - 1, RANKS).round().astype(int))
    return Figure(
        "images-by-mode",
        Kind.LINES,
        f"How many of {len(kinds[1]):,} images fall on each of the {count:,} modes, as the judge "
        "sees them; modes in the order of that number. A line that falls to zero before the end "
        "leaves modes out.",
        columns=("modes", "images of the mode"),
        lines=[
            Line(label, (ranks + 1).tolist(), each[ranks].tolist())
            for label, each in zip(("test images", "generated"), counts, strict=True)
        ],
    )
