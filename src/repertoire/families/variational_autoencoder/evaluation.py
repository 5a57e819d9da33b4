"""Bounds on the likelihood, reconstruction error, and pictures; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Run
from repertoire.families.variational_autoencoder.config import Config
from repertoire.metrics.pictures import thinned


def log_weights(run: Run, config: Config, images: Array, draws: int) -> Array:
    """log p(x, z) - log q(z|x) in nats for ``draws`` codes an image: (draws, images)."""
    rng = np.random.default_rng(0)
    weights = np.empty((draws, len(images)))
    for draw in range(draws):
        noise = rng.standard_normal((len(images), config.latent), np.float32)
        for start in range(0, len(images), config.chunk):
            part = slice(start, start + config.chunk)
            parts = run("bound", images=images[part], noise=noise[part])
            weights[draw, part] = parts["log_likelihood"].astype(float) + parts["log_ratio"]
    return weights


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """Nats an image of the binarised split, and squared error a pixel of its reconstruction.

    The negative evidence lower bound averages the draws; the importance-weighted bound takes
    their log-mean-exp and is tighter, never looser.
    """
    images = data.arrays(split)["images"]
    draws = config.importance_samples if split == "test" else 1
    weights = log_weights(run, config, images, draws)
    peak = weights.max(0)
    tighter = peak + np.log(np.exp(weights - peak).mean(0))
    error = run("reconstruct", images=images)["error"]
    metrics = {
        "negative_elbo_nats": float(-weights.mean()),
        "reconstruction_mse": float(error.mean()),
    }
    if draws > 1:
        metrics[f"negative_iwae_{draws}_nats"] = float(-tighter.mean())
    return metrics


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """The same codes decoded after every epoch."""
    latents = np.random.default_rng(1).standard_normal((config.grid, config.latent), np.float32)
    return {"samples": run("decode", latents=latents)["images"]}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Reconstructions, samples, a walk between digits, and samples over training."""
    n = config.grid
    images = data.arrays("test")["images"]
    shown = images[: 2 * n]
    rebuilt = run("reconstruct", images=shown)["reconstruction"]
    pairs = np.stack((shown[:n], rebuilt[:n], shown[n:], rebuilt[n:]))
    latents = np.random.default_rng(0).standard_normal((n * n, config.latent), np.float32)
    samples = run("decode", latents=latents)["images"].reshape(n, n, *images.shape[1:])
    caption = f"The first {2 * n} test digits; below each row what their codes give back."
    return (
        Figure("reconstructions", Kind.IMAGES, caption, images=pairs),
        Figure(
            "samples", Kind.IMAGES, f"{n * n} codes drawn with seed 0, decoded.", images=samples
        ),
        _walk(run, n, images, data.arrays("test")["labels"]),
        Figure(
            "while-training",
            Kind.IMAGES,
            f"The same {n} codes (seed 1) decoded after each epoch, from top to bottom.",
            images=thinned(snapshots["samples"]),
        ),
    )


def _walk(run: Run, steps: int, images: Array, labels: Array) -> Figure:
    # The first test digit of each class; neighbours in this list are the ends of a walk.
    firsts = [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)]
    codes = run("encode", images=images[firsts])["mean"]
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    rows = [
        run("decode", latents=(1 - share) * a + share * b)["images"]
        for a, b in zip(codes[:-1:2], codes[1::2], strict=True)
    ]
    caption = "Straight lines between the codes of the first test digits of two classes each."
    return Figure("latent-walk", Kind.IMAGES, caption, images=np.stack(rows))
