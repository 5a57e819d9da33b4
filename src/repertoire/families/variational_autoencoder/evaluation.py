"""Bounds on the likelihood, use of the code, and the judge on new pictures; numpy alone."""

import math
from collections.abc import Iterator

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Run
from repertoire.families.variational_autoencoder.codes import (
    changed,
    decoded,
    divergences,
    in_parts,
    inputs,
    means_of_classes,
    sampled,
)
from repertoire.families.variational_autoencoder.config import Config
from repertoire.families.variational_autoencoder.drawing import figures
from repertoire.metrics.generation import Judge, frechet_distance

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
        found = in_parts(run, "bound", config.chunk // some, {**pictures, "noise": noise})
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


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """Nats an image of the binarised split, its code and its reconstruction.

    The test split has more draws, and the judge's view of new and of changed pictures.
    """
    pictures = inputs(config, data, split)
    draws = config.importance_samples if split == "test" else 1
    evidence, tighter = bounds(run, config, pictures, draws)
    posterior = in_parts(run, "encode", config.chunk, pictures)
    held = divergences(posterior["mean"], posterior["log_variance"]).mean(0)
    error = in_parts(run, "reconstruct", config.chunk, pictures)["error"]
    # Nats given the label, or of drawn pixels, are no rivals of others.
    kind = "conditional_" * config.conditional + "drawn_" * (config.binarisation != "half")
    metrics = {
        f"negative_{kind}elbo_nats": float(-evidence.mean()),
        "divergence_nats": float(held.sum()),
        "active_units": float((posterior["mean"].var(0) > ACTIVE).sum()),
        "reconstruction_mse": float(error.mean()),
    }
    if draws > 1:
        metrics[f"negative_{kind}iwae_{draws}_nats"] = float(-tighter.mean())
    if split == "test":
        metrics |= _judged(run, config, data, posterior["mean"])
    return metrics


def _judged(run: Run, config: Config, data: Data, codes: Array) -> dict[str, float]:
    """The judge on as many samples as the test split has, and on test pictures of changed class."""
    arrays, classes = data.arrays("test"), data.facts["classes"]
    judge = Judge(data.arrays("judge"))
    samples, asked = sampled(run, config, len(codes), classes, seed=0)
    features = judge.features(samples), judge.features(arrays["images"])
    metrics = {"frechet_distance": frechet_distance(*features)}
    if config.conditional:
        metrics["label_agreement_percent"] = float(100 * np.mean(judge.classes(samples) == asked))
    labels = arrays["labels"]
    means, hits = means_of_classes(codes, labels, classes), []
    for step in range(1, classes):  # every other class once for each picture
        wanted = (labels + step) % classes
        images = decoded(run, config, changed(config, means, codes, labels, wanted), wanted)
        hits.append(np.mean(judge.classes(images) == wanted))
    return {**metrics, "class_change_percent": float(100 * np.mean(hits))}


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """The same codes decoded after every epoch."""
    return {"samples": sampled(run, config, config.grid, data.facts["classes"], seed=1)[0]}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Reconstructions, samples, walks and arithmetic in the code, what it holds, the way there."""
    return figures(run, config, data, snapshots)
