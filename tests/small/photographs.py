"""Photographs of noise with captions, in the official files; the encoder's weights are random."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from repertoire.data.dataset import write_dataset
from repertoire.data.sources import Files
from repertoire.data.validation import with_identity
from repertoire.readers import photographs

SPLITS = {"train": 13, "valid": 5, "test": 7}
COLOURS = ("red", "green", "blue")
CONFIG = photographs.Config(
    side=64, captions=5, vocabulary=31, weights="*/mobilenet_v2-*.pth", threads=1
)


def names(split: str) -> list[str]:
    """File names of a split."""
    return [f"{split}{n}_a1.jpg" for n in range(SPLITS[split])]


def write_files(folder: Path, side: int = CONFIG.side) -> Files:
    """All sources of the reader."""
    rng = np.random.default_rng(0)
    every = [name for split in SPLITS for name in names(split)]
    colours = {name: n % 3 for n, name in enumerate([*every, "unlisted.jpg"])}
    with tarfile.open(folder / "photographs.tar", "w") as tar:
        for name in every:
            content = _jpeg(rng, colours[name], side)
            info = tarfile.TarInfo(f"Flicker8k_Dataset/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    lines = [
        f"{name}#{n}\tA {COLOURS[colours[name]]} square , number {n} ."
        for name in [*every, "unlisted.jpg"]
        for n in range(5)
    ]
    (folder / "captions.txt").write_text("\n".join(lines) + "\n")
    for split in SPLITS:
        (folder / f"{split}.txt").write_text("\n".join(names(split)) + "\n")
    write_weights(folder / "weights.whl")
    files = {"photographs": "photographs.tar", "captions": "captions.txt", "encoder": "weights.whl"}
    files |= {split: f"{split}.txt" for split in SPLITS}
    return Files({name: folder / file for name, file in files.items()})


def _jpeg(rng: np.random.Generator, colour: int, side: int) -> bytes:
    from PIL import Image

    pixels = rng.integers(0, 90, (side, side, 3), dtype=np.uint8)
    pixels[..., colour] += 150
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def write_weights(path: Path) -> None:
    """A wheel with the weights of an untrained net, in the format of the published ones."""
    import torch

    from repertoire.nn.mobilenet import MobileNetV2

    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.save(MobileNetV2().state_dict(), buffer)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/mobilenet_v2-0.pth", buffer.getvalue())


def prepare(folder: Path) -> None:
    """The data set as ``prepare`` writes it."""
    files = folder.with_name(f"{folder.name}-files")
    files.mkdir(parents=True)
    folder.mkdir()
    table = with_identity(photographs.tabulate(CONFIG, write_files(files)))
    write_dataset(folder, photographs.encode(CONFIG, table), {})


PREPARED = {"photographs": prepare}
DATA_OF = {"flickr8k": "photographs"}
BENCHMARK_SIZES = {name: {"batch": 11} for name in ("flickr8k_plain", "flickr8k_attention")}
