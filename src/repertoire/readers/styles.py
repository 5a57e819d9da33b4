"""Photographs to train and to test on, pictures whose style is wanted, and a net that judges both.

Photographs become squares of one size; whole photographs are held out, never parts of one. The
judge is VGG-16 with published weights (``nn/perceptual.py``), which go with the data, because nets
are trained and measured by it. So does what optimisation reaches on the test photographs after each
iteration: it takes minutes, and every net is compared with it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.image_files import ImageFileError, middle, read_whole, with_shorter_side
from repertoire.data.sources import Files, SourceError, members
from repertoire.data.validation import Expectation, expect
from repertoire.nn.measure import Measure
from repertoire.readers.helpers.pickles import named_arrays

KIND = "styles"
NET = "VGG16_0"  # in the file of weights


@dataclass(frozen=True)
class Pick:
    """Pictures of a source: the members of an archive that match a glob, or the file itself."""

    source: str
    members: str


@dataclass(frozen=True)
class Config:
    """Sources: ``judge``, and those that the picks name; ``weights`` is the judge's file in it.

    ``side`` of photographs and ``style_side``, the shorter one of a style, are pixels. Test
    photographs are optimised for ``iterations``; ``threads`` decides the last digits.
    """

    train: tuple[Pick, ...]
    valid: tuple[Pick, ...]
    test: tuple[Pick, ...]
    styles: Mapping[str, Pick]
    weights: str
    measure: Measure
    side: Count
    style_side: Count
    iterations: Natural
    threads: Count


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a picture; styles belong to training, so that none can be a test photograph."""
    picks = [(split, "", pick) for split in SPLITS for pick in getattr(config, split)]
    picks += [("train", name, pick) for name, pick in config.styles.items()]
    rows: list[dict[str, Any]] = [
        {"split": split, "style": style, "file": name, "pixels": pixels}
        for split, style, pick in picks
        for name, pixels in _pictures(files, pick)
    ]
    table = pd.DataFrame(rows)
    table.attrs["judge"] = files["judge"]  # no column: a path is not of the data
    table["key"] = [_likeness(pixels) for pixels in table["pixels"]]
    table["height"], table["width"] = (
        [pixels.shape[axis] for pixels in table["pixels"]] for axis in (0, 1)
    )
    table["contrast"] = [float(pixels.std()) for pixels in table["pixels"]]
    return table


def _pictures(files: Files, pick: Pick) -> Iterator[tuple[str, Array]]:
    path = files[pick.source]
    found = members(path, pick.members) if pick.members else [(path.name, path.read_bytes())]
    for name, content in found:
        try:
            yield name, read_whole(content, name)
        except ImageFileError as error:
            raise SourceError(f"{path}: {error}") from error


def _likeness(pixels: Array) -> str:
    """Equal for a picture and its copy of another size: light or dark, on a grid of 8 x 8."""
    grey = with_shorter_side(pixels, 64).astype(float).mean(2)
    rows, columns = (np.linspace(0, size, 9).astype(int)[:-1] for size in grey.shape)
    cells = np.add.reduceat(np.add.reduceat(grey, rows, 0), columns, 1)
    return hashlib.sha256(np.packbits(cells > np.median(cells)).tobytes()).hexdigest()[:16]


def expectations(config: Config) -> list[Expectation]:
    """Sizes, contrast, and every file once."""
    return [
        *(
            expect(
                f"the {side} of a picture is {config.side} pixels or more",
                "ExpectColumnValuesToBeBetween",
                column=side,
                min_value=config.side,
            )
            for side in ("height", "width")
        ),
        expect(
            "no picture is blank", "ExpectColumnValuesToBeBetween", column="contrast", min_value=5
        ),
        expect("a file is taken once", "ExpectColumnValuesToBeUnique", column="file"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 ``images`` (rows, side, side, 3) a split; ``styles`` by name, of any size; the weights
    of the ``judge``; and ``optimised``: by style the losses float32 (iterations + 1, rows, 2) and
    the last pictures uint8 (rows, side, side, 3) of the test photographs.
    """
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        rows = table[(table["split"] == split) & (table["style"] == "")]
        squares = [
            middle(with_shorter_side(p, config.side), config.side) for p in rows["pixels"].to_list()
        ]
        arrays[split] = {"images": np.stack(squares)}
    styles = table[table["style"] != ""]
    arrays["styles"] = {
        name: with_shorter_side(pixels, config.style_side)
        for name, pixels in zip(styles["style"], styles["pixels"], strict=True)
    }
    arrays["judge"], widths = judge_weights(table.attrs["judge"], config)
    arrays["optimised"] = _optimised(config, arrays, widths)
    facts = {
        "side": config.side,
        "styles": list(config.styles),
        "photographs": {split: len(arrays[split]["images"]) for split in SPLITS},
        "measure": asdict(config.measure) | {"style": list(config.measure.style)},
        "widths": widths,
        "judge": "VGG-16 with ImageNet weights, not trained further",
    }
    shape = ["height", "width", 3]
    pictures = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": shape}
    return Encoded(arrays, facts, {"images": pictures})


def judge_weights(path: Path, config: Config) -> tuple[Arrays, list[int]]:
    """Weights of as many convolutions as are needed, by name, and the widths before and after."""
    # Imported late: the names are those of a net.
    from repertoire.nn.vgg import NAMES, depth

    [(name, content)] = members(path, config.weights)
    found = named_arrays(path, name, content)
    weights: Arrays = {}
    for index, place in enumerate(NAMES[: depth(config.measure.layers)]):
        kernel = found[f"{NET}/Conv_{index}/kernel"]  # height, width, before, after
        weights[f"conv{place}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        weights[f"conv{place}.bias"] = found[f"{NET}/Conv_{index}/bias"]
    shapes = [value.shape for key, value in weights.items() if key.endswith("weight")]
    return weights, [int(shapes[0][1]), *(int(shape[0]) for shape in shapes)]


def _optimised(config: Config, arrays: dict[str, Arrays], widths: list[int]) -> Arrays:
    import torch

    from repertoire.nn.perceptual import Judge, optimised, pixels, scaled

    torch.set_num_threads(config.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found: Arrays = {}
    for name, style in arrays["styles"].items():
        judge = Judge(widths, config.measure)
        judge.learn(arrays["judge"], scaled(torch.from_numpy(style)[None])).to(device)
        losses, pictures = [], []
        for image in arrays["test"]["images"]:
            photograph = scaled(torch.from_numpy(image)[None]).to(device)
            stages = list(optimised(judge, photograph, config.iterations))
            losses.append([(stage.content, stage.style) for stage in stages])
            pictures.append(pixels(stages[-1].picture)[0].cpu().numpy())
        found[f"{name}_losses"] = np.array(losses, np.float32).swapaxes(0, 1)
        found[f"{name}_pictures"] = np.stack(pictures)
    return found
