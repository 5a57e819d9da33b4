"""Reconstruction error, decibels gained on spoiled pictures, and what a code tells; numpy alone."""

from collections.abc import Callable, Sequence

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.autoencoder.config import Config
from repertoire.kinds.images.corruption import corrupted
from repertoire.kinds.images.facts import Facts
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.pictures import (
    as_shown,
    denoising_gains,
    level_error,
    psnr_db,
    squared_errors,
    thinned,
)
from repertoire.metrics.principal import Principal, pixel_rows
from repertoire.runtime.inference.latents import encoded
from repertoire.runtime.inference.rows import over_rows

SHOWN = 1000  # codes on the map
COLOURS = 20  # classes on the map, at most


def spoiled(config: Config, images: Array) -> tuple[Array, Array]:
    """The images as the baselines' filters get them, and the number of each one's kind."""
    return corrupted(images, config.corruption, np.random.default_rng(0))


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Squared error a value of levels in [0, 1] and its ratio to white, of clean pictures.

    A net that was trained on spoiled pictures is asked to restore such, too. On the test split a
    linear probe, fitted to codes of training pictures, reads classes in the codes of clean ones, if
    there are classes.
    """
    arrays = data.arrays(split)
    images = arrays["images"]
    given_back = over_rows(run, "reconstruct", config.chunk, "error", images=images)
    error = given_back["error"].astype(np.float64)
    gains = _gains(run, config, images) if config.corruption else _nothing
    probed = split == "test" and "labels" in arrays
    right = _probed(run, config, data, arrays) if probed else None
    name = level_error(data.facts["channels"])

    def measure(rows: Array) -> dict[str, float]:
        mse = float(error[rows].mean())
        told = {} if right is None else {"probe_accuracy_percent": 100 * right[rows].mean()}
        return {name: mse, "psnr_db": psnr_db(mse), **gains(rows), **told}

    return (Measurement(len(images), measure),)


def _nothing(rows: Array) -> dict[str, float]:
    return {}


def _gains(run: Run, config: Config, images: Array) -> Callable[[Array], dict[str, float]]:
    noisy, kinds = spoiled(config, images)
    name = "reconstruction"
    restored = over_rows(run, "reconstruct", config.chunk, name, images=noisy)[name]
    before, after = squared_errors(images, noisy), squared_errors(images, restored)
    names = sorted(config.corruption)
    return lambda rows: denoising_gains(before[rows], after[rows], kinds[rows], names)


def _probed(run: Run, config: Config, data: Data[Facts], arrays: Arrays) -> Array:
    """Of each test picture whether the probe is right."""
    train = data.arrays("train")
    known, asked = (encoded(run, each["images"], {}, config.chunk) for each in (train, arrays))
    return linear_probe(known, train["labels"], asked) == arrays["labels"]


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The first validation pictures after every epoch, as given back; spoiled if trained so."""
    images = data.arrays("valid")["images"][: config.grid]
    seen = spoiled(config, images)[0] if config.corruption else images
    return {"given_back": run("reconstruct", images=seen)["reconstruction"]}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Pairs beside those of principal components, restored pictures, the map, and the way there."""
    test = data.arrays("test")
    seen = "spoiled and given back clean" if config.corruption else "given back"
    figures = [
        _pairs(run, config, data, test["images"]),
        _code_map(run, config, data, test),
        Figure(
            "while-training",
            Kind.IMAGES,
            f"The first {config.grid} validation pictures, {seen} after each epoch shown, from "
            "top to bottom.",
            images=thinned(snapshots["given_back"]),
        ),
    ]
    if config.corruption:
        figures.insert(0, _restored(run, config, test["images"]))
    return as_shown(figures, data.facts)


def _pairs(run: Run, config: Config, data: Data[Facts], images: Array) -> Figure:
    shown = images[: config.grid]
    rebuilt = run("reconstruct", images=shown)["reconstruction"]
    components = Principal(pixel_rows(data.arrays("train")["images"]))
    linear = components.rebuilt(pixel_rows(shown), config.latent)
    projected = (255 * linear).clip(0, 255).round().astype(np.uint8).reshape(shown.shape)
    return Figure(
        "pairs",
        Kind.IMAGES,
        f"The first {len(shown)} test pictures; below them what the net gives back from "
        f"{config.latent} numbers, and what {config.latent} principal components give back.",
        images=np.stack((shown, rebuilt, projected)),
    )


def _restored(run: Run, config: Config, images: Array) -> Figure:
    # The first pictures of every kind of corruption, which take turns.
    names = sorted(config.corruption)
    noisy, kinds = spoiled(config, images)
    count = min(config.grid, len(images) // len(names))
    rows = []
    for number in range(len(names)):
        chosen = np.flatnonzero(kinds == number)[:count]
        restored = run("reconstruct", images=noisy[chosen])["reconstruction"]
        rows += [noisy[chosen], restored, images[chosen]]
    listed = ", ".join(f"{name.replace('_', ' ')} {config.corruption[name]:g}" for name in names)
    return Figure(
        "restored",
        Kind.IMAGES,
        f"Three rows for each of {listed}: the first test pictures that are spoiled so (seed 0), "
        "what the net makes of them, and what they were.",
        images=np.stack(rows),
    )


def _code_map(run: Run, config: Config, data: Data[Facts], test: Arrays) -> Figure:
    images = test["images"][:SHOWN]
    codes = encoded(run, images, {}, config.chunk).astype(np.float64)
    plane = codes if config.latent == 2 else Principal(codes).codes(codes, 2)
    how = "the code" if config.latent == 2 else "the first two principal components of the codes"
    names = data.facts["names"]
    if "labels" in test and len(names) <= COLOURS:
        lines = _lines_of_classes(plane, test["labels"][:SHOWN], names)
        shown = ", a colour a class; the mean of each class is named. The net was told no class."
    else:
        x, y = plane[:, :2].T.tolist()
        lines, shown = [Line("images", x, y, points=True)], "."
    return Figure(
        "code-map",
        Kind.LINES,
        f"Where {how} of the first {len(images)} test pictures lie{shown}",
        columns=("first direction", "second direction"),
        lines=lines,
    )


def _lines_of_classes(plane: Array, labels: Array, names: Sequence[str]) -> list[Line]:
    lines = []
    for number, name in enumerate(names):
        own = plane[labels == number]
        if not len(own):
            continue
        x, y = own.T.tolist()
        lines.append(Line(name, x, y, points=True))
    middles = [plane[labels == n].mean(0) for n in np.unique(labels)]
    x, y = np.array(middles).T.tolist()
    shown = [names[n] for n in np.unique(labels)]
    return [*lines, Line("means", x, y, points=True, texts=shown)]
