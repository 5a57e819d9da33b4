"""Distance to real images in the judge's features, classes covered, and pictures."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Run
from repertoire.families.gan.config import Config
from repertoire.metrics.generation import Judge, class_coverage, frechet_distance
from repertoire.metrics.pictures import thinned


def draw(run: Run, config: Config, count: int, seed: int) -> Array:
    """``count`` images (count, side, side) from standard normal codes."""
    latents = np.random.default_rng(seed).standard_normal((count, config.latent), np.float32)
    parts = [
        run("decode", latents=latents[start : start + config.chunk])["images"]
        for start in range(0, count, config.chunk)
    ]
    return np.concatenate(parts)


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """As many images as the split has, against the split."""
    real = data.arrays(split)["images"]
    judge = Judge(data.arrays("judge"))
    images = draw(run, config, len(real), seed=0)
    coverage = class_coverage(judge.classes(images), data.facts["classes"])
    distance = frechet_distance(judge.features(images), judge.features(real))
    return {"frechet_distance": distance, **coverage}


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """The same codes decoded after every epoch."""
    return {"samples": draw(run, config, config.grid, seed=1)}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Samples, samples over training, and the classes the judge sees."""
    n = config.grid
    samples = draw(run, config, n * n, seed=0)
    real = data.arrays("test")["images"]
    judge = Judge(data.arrays("judge"))
    images = draw(run, config, len(real), seed=0)
    shares = [
        np.bincount(judge.classes(x), minlength=data.facts["classes"]) / len(x)
        for x in (real, images)
    ]
    rows = [
        (c, f"{100 * r:.1f} %", f"{100 * g:.1f} %")
        for c, (r, g) in enumerate(zip(*shares, strict=False))
    ]
    return (
        Figure(
            "samples",
            Kind.IMAGES,
            f"The first {n * n} codes of seed 0; none was chosen by hand.",
            images=samples.reshape(n, n, *samples.shape[1:]),
        ),
        Figure(
            "while-training",
            Kind.IMAGES,
            f"The same {n} codes (seed 1) after each epoch shown, from top to bottom.",
            images=thinned(snapshots["samples"]),
        ),
        Figure(
            "classes",
            Kind.TABLE,
            f"Share of each class among {len(images)} images, as the judge sees them.",
            columns=("class", "test images", "generated"),
            cells=rows,
        ),
    )
