"""Distance to real images in a feature space, what is covered of them, and pictures."""

from typing import TypeAlias

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.gan.config import Config
from repertoire.kinds.images.facts import Facts as ImageFacts
from repertoire.kinds.stacked_images.facts import Facts as StackFacts
from repertoire.metrics.features import feature_space, kind_of_features
from repertoire.metrics.generation import (
    EvaluationClassifier,
    class_coverage,
    coverage_measurement,
    coverage_percent,
    distance_measurement,
    frechet_distance,
    mode_coverage,
)
from repertoire.metrics.pictures import as_shown, thinned
from repertoire.runtime.inference.latents import decoded, drawn
from repertoire.runtime.inference.rows import over_rows

Facts: TypeAlias = ImageFacts | StackFacts
RANKS = 100  # of the modes, drawn as points of a line
ROWS = 50  # classes in a table


def draw(run: Run, config: Config, count: int, seed: int) -> Array:
    """``count`` images (count, side, side) or (count, side, side, channels) from normal codes."""
    return decoded(run, drawn(run, count, seed), {}, config.chunk)


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """As many images as the split has, against the split; the test's neighbourhoods as well.

    Without features other than pixels the neighbourhoods alone, of every split; classes are counted
    where a classifier knows them.
    """
    real = data.arrays(split)["images"]
    space, features = feature_space(data), kind_of_features(data.facts)
    images = draw(run, config, len(real), seed=0)
    generated, wanted = space.features(images), space.features(real)
    if features == "pixels":
        return (coverage_measurement(generated, wanted, "pixel_coverage_percent"),)
    found = [distance_measurement(generated, wanted)]
    if features == "classes":
        assert isinstance(space, EvaluationClassifier)
        kinds = space.classes(images)
        found.append(Measurement(len(images), lambda rows: _coverage(kinds[rows], data)))
    return (*found, coverage_measurement(generated, wanted)) if split == "test" else tuple(found)


def _coverage(kinds: Array, data: Data[Facts]) -> dict[str, float]:
    classes = data.facts["classes"]
    if _stacked(data):
        return mode_coverage(kinds, classes ** data.facts["channels"])
    return class_coverage(kinds, classes)


def _stacked(data: Data[Facts]) -> bool:
    """Whether each channel is an image of its own class."""
    return data.facts["kind"] == "stacked_images"


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """After every epoch: the same codes decoded, the distance, and what the discriminator thinks.

    ``distance`` (1,), or ``coverage`` (1,) where pixels are the only features, and ``logits`` (2,),
    of real and of generated images, are of the valid split.
    """
    real = data.arrays("valid")["images"]
    images, space = draw(run, config, len(real), seed=1), feature_space(data)
    compared = space.features(images), space.features(real)
    if kind_of_features(data.facts) == "pixels":
        measured = {"coverage": np.array([coverage_percent(*compared)], np.float32)}
    else:
        measured = {"distance": np.array([frechet_distance(*compared)], np.float32)}
    rows = 4 * config.chunk
    logits = [
        over_rows(run, "discriminate", rows, images=each)["logit"].mean() for each in (real, images)
    ]
    return {
        "samples": images[: config.grid],
        **measured,
        "logits": np.array(logits, np.float32),
    }


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Samples, samples and measures over training, and the kinds that a classifier sees."""
    n = config.grid
    real = data.arrays("test")["images"]
    images = draw(run, config, max(len(real), n * n), seed=0)
    figures = (
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
        *_kinds(data, real, images[: len(real)]),
    )
    return as_shown(figures, data.facts)


def _kinds(data: Data[Facts], real: Array, images: Array) -> list[Figure]:
    if kind_of_features(data.facts) != "classes":
        return []
    classifier = EvaluationClassifier(data.arrays("classifier"))
    kinds = [classifier.classes(each) for each in (real, images)]
    return [_modes(kinds, data) if _stacked(data) else _classes(kinds, data)]


def _courses(snapshots: Arrays, count: int) -> tuple[Figure, Figure]:
    """How the duel went: what does not settle oscillates here."""
    epochs = list(range(1, len(snapshots["logits"]) + 1))
    against = f"{count} validation images and as many generated from the codes of seed 1"
    logits = zip(("real", "generated"), snapshots["logits"].T, strict=True)
    if "distance" in snapshots:
        what, unit, values = "Fréchet distance between", "features²", snapshots["distance"]
    else:
        what, unit, values = "Coverage in the space of pixels of", "%", snapshots["coverage"]
    return (
        Figure(
            "distance-by-epoch",
            Kind.LINES,
            f"{what} {against}, after each epoch.",
            columns=("epoch", f"{what.rsplit(' ', 1)[0]}, {unit}"),
            lines=[Line("averaged generator", epochs, values[:, 0].tolist())],
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


def _classes(kinds: list[Array], data: Data[Facts]) -> Figure:
    shares = [np.bincount(each, minlength=data.facts["classes"]) / len(each) for each in kinds]
    return Figure(
        "classes",
        Kind.TABLE,
        f"Share of each class among {len(kinds[1])} images, by the evaluation classifier.",
        columns=("class", "test images", "generated"),
        cells=[
            (name, f"{100 * r:.1f} %", f"{100 * g:.1f} %")
            for name, r, g in list(zip(data.facts["names"], *shares, strict=True))[:ROWS]
        ],
    )


def _modes(kinds: list[Array], data: Data[Facts]) -> Figure:
    count = data.facts["classes"] ** data.facts["channels"]
    counts = [np.sort(np.bincount(each, minlength=count))[::-1] for each in kinds]
    ranks = np.unique(np.linspace(0, count - 1, RANKS).round().astype(int))
    return Figure(
        "images-by-mode",
        Kind.LINES,
        f"How many of {len(kinds[1]):,} images fall on each of the {count:,} modes, by the "
        "evaluation classifier; modes in the order of that number. A line that falls to zero "
        "before the end leaves modes out.",
        columns=("modes", "images of the mode"),
        lines=[
            Line(label, (ranks + 1).tolist(), each[ranks].tolist())
            for label, each in zip(("test images", "generated"), counts, strict=True)
        ],
    )
