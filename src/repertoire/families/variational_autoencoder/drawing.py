"""What the report shows of a variational autoencoder; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Run
from repertoire.families.variational_autoencoder.codes import (
    changed,
    class_means,
    divergences,
    inputs,
    sampled,
    told,
)
from repertoire.families.variational_autoencoder.config import Config
from repertoire.kinds.images.facts import Facts
from repertoire.metrics.pictures import thinned
from repertoire.runtime.inference.latents import decoded, line
from repertoire.runtime.inference.rows import over_rows

CLASSES = 10  # shown at most


def figures(run: Run, config: Config, data: Data[Facts], snapshots: Arrays) -> tuple[Figure, ...]:
    """All figures of one net, of the test split as it is measured."""
    pictures, labels = inputs(config, data, "test"), data.arrays("test").get("labels")
    posterior = over_rows(run, "encode", config.chunk, **pictures)
    codes, classes = posterior["mean"], data.facts["classes"]
    count = config.grid
    return (
        _reconstructions(run, count, pictures),
        _samples(run, config, classes),
        _walk(run, config, codes, labels),
        *([] if labels is None else [_changes(run, config, data, codes, labels)]),
        _held(config, posterior),
        Figure(
            "while-training",
            Kind.IMAGES,
            f"The same {count} codes (seed 1) decoded after each epoch, from top to bottom.",
            images=thinned(snapshots["samples"]),
        ),
    )


def _reconstructions(run: Run, count: int, pictures: Arrays) -> Figure:
    count = min(count, len(pictures["images"]) // 2)
    shown = {name: value[: 2 * count] for name, value in pictures.items()}
    images, rebuilt = shown["images"], run("reconstruct", **shown)["reconstruction"]
    return Figure(
        "reconstructions",
        Kind.IMAGES,
        f"The first {2 * count} test images; below each row what their codes give back.",
        images=np.stack((images[:count], rebuilt[:count], images[count:], rebuilt[count:])),
    )


def _samples(run: Run, config: Config, classes: int) -> Figure:
    columns = min(classes, CLASSES) if config.conditional else config.grid
    count = config.grid * columns
    images, _ = sampled(run, config, count, columns if config.conditional else classes, seed=0)
    order = "; each column was asked for one class, in order" if config.conditional else ""
    return Figure(
        "samples",
        Kind.IMAGES,
        f"{count} codes drawn with seed 0, decoded{order}.",
        images=images.reshape(config.grid, columns, *images.shape[1:]),
    )


def _firsts(labels: Array) -> Array:
    """The place of the first picture of each class, of the first classes."""
    return np.unique(labels, return_index=True)[1][:CLASSES]


def _walk(run: Run, config: Config, codes: Array, labels: Array | None) -> Figure:
    # Neighbours in the list of classes, or of images, are the ends of a walk.
    firsts = np.arange(min(len(codes), CLASSES)) if labels is None else _firsts(labels)
    rows = []
    for start, end in zip(firsts[:-1:2], firsts[1::2], strict=True):
        between, nearer = line(codes[start], codes[end], config.grid)
        asked = told(config, None if labels is None else labels[np.array([start, end])[nearer]])
        rows.append(decoded(run, between, asked, config.chunk))
    how = ", told the label of the nearer end" if config.conditional else ""
    ends = "two test images" if labels is None else "the first test images of two classes"
    caption = f"Straight lines between the codes of {ends} each{how}."
    return Figure("latent-walk", Kind.IMAGES, caption, images=np.stack(rows))


def _changes(run: Run, config: Config, data: Data[Facts], codes: Array, labels: Array) -> Figure:
    firsts, means = _firsts(labels), class_means(run, config, data)
    classes = min(data.facts["classes"], CLASSES)
    places, wanted = np.repeat(firsts, classes), np.tile(np.arange(classes), len(firsts))
    latents = changed(config, means, codes[places], labels[places], wanted)
    images = decoded(run, latents, told(config, wanted), config.chunk)
    how = (
        "its code decoded with the label of each class"
        if config.conditional
        else "its code, minus the mean training code of its class, plus that of each class"
    )
    return Figure(
        "changed-class",
        Kind.IMAGES,
        f"A row: the first test image of a class, {how}, in order; on the diagonal its own.",
        images=images.reshape(len(firsts), classes, *images.shape[1:]),
    )


def _held(config: Config, posterior: Arrays) -> Figure:
    held = np.sort(divergences(posterior["mean"], posterior["log_variance"]).mean(0))[::-1]
    places = list(range(1, len(held) + 1))
    lines = [Line("divergence from the prior", places, held.tolist(), points=True)]
    if config.free_bits > 0:
        ends = ([1, len(held)], [config.free_bits] * 2)
        lines.append(Line("free of charge in training", *ends))
    return Figure(
        "held-by-the-code",
        Kind.LINES,
        "Nats that each number of the code holds of a test picture on average, from the most to "
        f"the least; in all {held.sum():.1f} nats. A number at zero is not used.",
        columns=("number of the code, by rank", "divergence from the prior, nats"),
        lines=lines,
    )
