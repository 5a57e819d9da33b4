"""Bounds on the likelihood, use of the code, the classifier on new images; numpy alone."""

import math
from collections.abc import Iterator

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Measurement, Run
from repertoire.families.variational_autoencoder.codes import (
    changed,
    class_means,
    divergences,
    inputs,
    sampled,
    told,
)
from repertoire.families.variational_autoencoder.config import Config
from repertoire.families.variational_autoencoder.drawing import figures
from repertoire.kinds.images.facts import Facts
from repertoire.metrics.features import feature_space, kind_of_features
from repertoire.metrics.generation import (
    EvaluationClassifier,
    coverage_measurement,
    distance_measurement,
)
from repertoire.metrics.pictures import as_shown
from repertoire.runtime.inference.latents import decoded
from repertoire.runtime.inference.rows import over_rows

OTHERS = 9  # classes into which each picture is changed, at most
ACTIVE = 0.01  # variance of a number's posterior mean over pictures (Burda et al. 2016, section 5)


def log_weights(run: Run, config: Config, pictures: Arrays, draws: int) -> Iterator[Array]:
    """log p(x, z) - log q(z|x) in nats, in blocks (images, some draws) of ``draws`` in all.

    A run takes about as many images as draws of each: then encoding costs little beside decoding,
    and no more than ``config.chunk`` pictures are in memory at once.
    """
    rng = np.random.default_rng(0)
    images, block = len(pictures["images"]), math.isqrt(config.chunk)
    for done in range(0, draws, block):
        some = min(block, draws - done)
        noise = rng.standard_normal((some, images, config.latent), np.float32).swapaxes(0, 1)
        found = over_rows(run, "bound", config.chunk // some, **pictures, noise=noise)
        yield found["log_likelihood"].astype(np.float64) + found["log_ratio"]


def bounds(run: Run, config: Config, pictures: Arrays, draws: int) -> tuple[Array, Array]:
    """The evidence lower bound and the importance-weighted one, nats of each image.

    The one averages the log-weights, the other takes their log-mean-exp: tighter, never looser.
    """
    images = len(pictures["images"])
    total, joint = np.zeros(images), np.full(images, -np.inf)
    for block in log_weights(run, config, pictures, draws):
        total += block.sum(1)
        joint = np.logaddexp(joint, np.logaddexp.reduce(block, axis=1))
    return total / draws, joint - math.log(draws)


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Nats per binarised image, or bits per dimension of levels; the code; the reconstruction.

    The validation split has few draws, and the test split many: both have the bound of the few, if
    these are more than one, and the bound of evidence from as many as are drawn. The test split has
    the evaluation classifier's view of new and of changed pictures, too.
    """
    pictures = inputs(config, data, split)
    counts = {config.validation_samples}
    if split == "test":
        counts.add(config.importance_samples)
    found = {draws: bounds(run, config, pictures, draws) for draws in sorted(counts)}
    elbo, iwae, unit = _names(config, pictures["images"])
    nats = {elbo: -found[max(counts)][0] / unit}
    for draws, (_, tighter) in found.items():
        if draws > 1:
            nats[iwae.format(draws)] = -tighter / unit
    posterior = over_rows(run, "encode", config.chunk, **pictures)
    held = divergences(posterior["mean"], posterior["log_variance"]).sum(1)
    nats |= {
        "divergence_nats": held,
        "reconstruction_mse": over_rows(run, "reconstruct", config.chunk, "error", **pictures)[
            "error"
        ],
    }

    def measure(rows: Array) -> dict[str, float]:
        active = posterior["mean"][rows].var(0) > ACTIVE
        means = {name: float(values[rows].mean()) for name, values in nats.items()}
        return {**means, "active_units": float(active.sum())}

    whole = Measurement(len(held), measure)
    if split != "test":
        return (whole,)
    return whole, *_sampled(run, config, data, posterior["mean"])


def _names(config: Config, images: Array) -> tuple[str, str, float]:
    """What the bounds are called, and the nats of their unit."""
    # Those given the label, or of drawn pixels, are no rivals of others.
    told = "conditional_" * config.conditional
    if config.binarisation == "none":
        unit = math.log(2) * images[:1].size
        return f"{told}bits_per_dimension", f"{told}iwae_{{}}_bits_per_dimension", unit
    kind = told + "drawn_" * (config.binarisation != "half")
    return f"negative_{kind}elbo_nats", f"negative_{kind}iwae_{{}}_nats", 1.0


def _sampled(run: Run, config: Config, data: Data[Facts], codes: Array) -> tuple[Measurement, ...]:
    """As many samples as the test split has against it, and test pictures of changed class."""
    arrays, classes = data.arrays("test"), data.facts["classes"]
    space, features = feature_space(data), kind_of_features(data.facts)
    samples, asked = sampled(run, config, len(codes), classes, seed=0)
    compared = space.features(samples), space.features(arrays["images"])
    if features == "pixels":
        return (coverage_measurement(*compared, "pixel_coverage_percent"),)
    distance = distance_measurement(*compared)
    if features != "classes":
        return (distance,)
    assert isinstance(space, EvaluationClassifier)
    return distance, _changed(run, config, data, space, codes, (samples, asked))


def _changed(
    run: Run,
    config: Config,
    data: Data[Facts],
    classifier: EvaluationClassifier,
    codes: Array,
    drawn: tuple[Array, Array],
) -> Measurement:
    """How often the classifier sees the class asked for, in samples and changed images."""
    arrays, classes = data.arrays("test"), data.facts["classes"]
    samples, asked = drawn
    agreed = 100.0 * (classifier.classes(samples) == asked)
    labels, means = arrays["labels"], class_means(run, config, data)
    hits = np.zeros(len(labels))
    steps = range(1, 1 + min(classes - 1, OTHERS))
    for step in steps:  # every other class once for each picture, where they are few
        wanted = (labels + step) % classes
        latents = changed(config, means, codes, labels, wanted)
        images = decoded(run, latents, told(config, wanted), config.chunk)
        hits += 100 * (classifier.classes(images) == wanted) / len(steps)

    def measure(rows: Array) -> dict[str, float]:
        told = {"label_agreement_percent": float(agreed[rows].mean())} if config.conditional else {}
        return {**told, "class_change_percent": float(hits[rows].mean())}

    return Measurement(len(labels), measure)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The same codes decoded after every epoch."""
    return {"samples": sampled(run, config, config.grid, data.facts["classes"], seed=1)[0]}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Reconstructions, samples, walks and arithmetic in the code, what it holds, the way there."""
    return as_shown(figures(run, config, data, snapshots), data.facts)
