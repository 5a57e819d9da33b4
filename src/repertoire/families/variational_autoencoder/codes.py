"""Pictures as the graphs take them, their labels where told, and arithmetic of their codes."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Run
from repertoire.families.variational_autoencoder.config import Config
from repertoire.kinds.images.binarisation import drawn_once
from repertoire.kinds.images.facts import Facts
from repertoire.runtime.inference.latents import decoded, drawn
from repertoire.runtime.inference.rows import over_rows


def measured(config: Config, images: Array, split: str) -> Array:
    """The pictures of a split that are measured; the graphs put the threshold at half, if any."""
    if config.binarisation in ("half", "none"):
        return images
    return drawn_once(images, split)


def inputs(config: Config, data: Data[Facts], split: str) -> Arrays:
    """``images`` of a split as they are measured, and ``labels`` where they are told."""
    arrays = data.arrays(split)
    images = measured(config, arrays["images"], split)
    return {"images": images, **told(config, arrays.get("labels"))}


def told(config: Config, labels: Array | None) -> Arrays:
    """``labels`` as an input of the graphs, or nothing."""
    if not config.conditional or labels is None:
        return {}
    return {"labels": labels.astype(np.int64)}


def sampled(run: Run, config: Config, count: int, classes: int, seed: int) -> tuple[Array, Array]:
    """Images of standard normal codes, and their labels, if any: every class in turn."""
    labels = np.arange(count) % max(1, classes)
    return decoded(run, drawn(run, count, seed), told(config, labels), config.chunk), labels


def means_of_classes(codes: Array, labels: Array, classes: int) -> Array:
    """(classes, latent): where the codes of each class lie on average."""
    return np.stack([codes[labels == c].mean(0) for c in range(classes)])


def class_means(run: Run, config: Config, data: Data[Facts]) -> Array:
    """Those of training pictures: what is measured on others must know nothing of them."""
    pictures = inputs(config, data, "train")
    codes = over_rows(run, "encode", config.chunk, "mean", **pictures)["mean"]
    return means_of_classes(codes, data.arrays("train")["labels"], data.facts["classes"])


def changed(config: Config, means: Array, codes: Array, labels: Array, wanted: Array) -> Array:
    """Codes of pictures that shall be of another class, by arithmetic: + wanted - own mean.

    A net that is told the label keeps the code, which is all but the class, and is told another.
    """
    if config.conditional:
        return codes
    return (codes + means[wanted] - means[labels]).astype(np.float32)


def divergences(mean: Array, log_variance: Array) -> Array:
    """KL(q(z|x) || N(0, I)) of each number of a code, in nats, of the same shape.

    Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance)
