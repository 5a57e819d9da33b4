"""Pictures of two or three handwritten digits, and what they show in words.

The digits and their split are those of ``readers/mnist.py``. Scenes of a split are composed of
digits of that split alone, so no digit of a test scene was ever trained on. The table has one row
a placed digit, and its key is that digit: Great Expectations would find it in two splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files
from repertoire.data.text import END, PAD, UNKNOWN, text_encoding
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.pairs.encoding import padded_ids
from repertoire.readers import mnist
from repertoire.runtime.text import Encoding

KIND = "captions"
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

# Places (row, column) of the digits in half sides of a digit; a layout has several variants.
LAYOUTS: dict[str, tuple[tuple[tuple[int, int], ...], ...]] = {
    "side by side": tuple(((row, 0), (row, 2)) for row in range(3)),
    "stacked": tuple(((0, column), (2, column)) for column in range(3)),
    "falling": (((0, 0), (2, 2)),),
    "rising": (((2, 0), (0, 2)),),
    "two over one": tuple(((0, 0), (0, 2), (2, column)) for column in range(3)),
    "one over two": tuple(((0, column), (2, 0), (2, 2)) for column in range(3)),
}


@dataclass(frozen=True)
class Config(mnist.Digits):
    """A scene is two digits wide and high; ``jitter`` moves each digit, in pixels each way."""

    jitter: Natural
    train_scenes: Count
    valid_scenes: Natural
    test_scenes: Count
    vocabulary: Count


class Placed(NamedTuple):
    """A digit and the upper left corner of its picture, in pixels."""

    label: int
    top: int
    left: int


def caption(placed: Sequence[Placed], near: float) -> str:
    """What two or three digits show; those whose tops differ by less than ``near`` share a line.

    The words follow from labels and places alone: there is one caption for a picture.
    """
    highest = min(digit.top for digit in placed)
    by_place = sorted(placed, key=lambda digit: digit.left)
    upper = [digit for digit in by_place if digit.top - highest < near]
    lower = [digit for digit in by_place if digit.top - highest >= near]
    if not lower:
        return _side_by_side(upper)
    relation = "above"
    if len(placed) == 2 and abs(lower[0].left - upper[0].left) >= near:
        side = "left" if upper[0].left < lower[0].left else "right"
        relation = f"above and {side} of"
    return f"{_group(upper)} {relation} {_group(lower)}"


def _side_by_side(digits: Sequence[Placed]) -> str:
    if len({digit.label for digit in digits}) == 1:
        return f"{_group(digits)} side by side"
    return " left of ".join(_group([digit]) for digit in digits)


def _group(digits: Sequence[Placed]) -> str:
    """ "an eight", "a one and a two" from left to right, "two sixes"."""
    names = [NAMES[digit.label] for digit in digits]
    if len(names) == 2 and names[0] == names[1]:
        return f"two {names[0]}{'es' if names[0] == 'six' else 's'}"
    return " and ".join(f"{'an' if name == 'eight' else 'a'} {name}" for name in names)


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a placed digit, scene after scene; the columns of its digit come with it."""
    digits = mnist.tabulate(config, files)
    parts = []
    counts = (config.train_scenes, config.valid_scenes, config.test_scenes)
    for number, (split, count) in enumerate(zip(SPLITS, counts, strict=True)):
        pool = digits[digits["split"] == split].reset_index(drop=True)
        rng = np.random.default_rng((config.seed, number))
        places = _places(config, count, rng)
        drawn = pool.iloc[rng.integers(0, len(pool), len(places))].reset_index(drop=True)
        parts.append(drawn.join(places))
    table = pd.concat(parts, ignore_index=True)
    table["scene"] = table["split"] + "-" + table["scene"].astype(str)
    captions = table.groupby("scene")[["label", "top", "left"]].apply(
        lambda rows: caption([Placed(*row) for row in rows.to_numpy()], config.side / 2)
    )
    table["caption"] = table["scene"].map(captions)
    return table


def _places(config: Config, scenes: int, rng: np.random.Generator) -> pd.DataFrame:
    """Layouts at even chances, then their variants; every digit is moved by its own jitter."""
    layouts, step = list(LAYOUTS), config.side // 2
    rows = []
    for scene in range(scenes):
        layout = layouts[rng.integers(len(layouts))]
        variants = LAYOUTS[layout]
        places = step * np.array(variants[rng.integers(len(variants))])
        places += rng.integers(-config.jitter, config.jitter + 1, places.shape)
        for top, left in np.clip(places, 0, config.side):
            rows.append((scene, layout, len(places), int(top), int(left)))
    return pd.DataFrame(rows, columns=["scene", "layout", "digits", "top", "left"])


def expectations(config: Config) -> list[Expectation]:
    """Those of the digits, and that every scene is one of the known kinds."""
    share = 1 / len(LAYOUTS)
    return [
        *mnist.expectations(config),
        *(
            expect(
                f"the {side} of a digit lies on the canvas",
                "ExpectColumnValuesToBeBetween",
                column=side,
                min_value=0,
                max_value=config.side,
            )
            for side in ("top", "left")
        ),
        expect(
            "a scene has two or three digits",
            "ExpectColumnValuesToBeInSet",
            column="digits",
            value_set=[2, 3],
        ),
        expect(
            "captions are words in lower case",
            "ExpectColumnValuesToMatchRegex",
            column="caption",
            regex=r"^[a-z]+( [a-z]+){4,}$",
        ),
        expect(
            "layouts are balanced",  # those of three digits have half as many rows again
            "ExpectColumnKLDivergenceToBeLessThan",
            column="layout",
            partition_object={"values": list(LAYOUTS), "weights": [share] * len(LAYOUTS)},
            threshold=0.1,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 ``images`` and padded ids ``captions`` a split; the words of a caption as a text.

    Ids: 0 pads, 1 ends, 2 is unknown.
    """
    scenes = table.drop_duplicates("scene")
    texts = {s: {"caption": scenes.loc[scenes["split"] == s, "caption"].to_list()} for s in SPLITS}
    specials = (PAD, END, UNKNOWN)
    train = texts["train"]["caption"]
    encoding = text_encoding(train, "word", config.vocabulary, specials, True, "whole")
    arrays = {
        split: {
            "images": compose(table[table["split"] == split], config.side),
            "captions": padded_ids(Encoding.parse(encoding), texts[split]["caption"]),
        }
        for split in SPLITS
    }
    side = 2 * config.side
    facts = {
        "side": side,
        "vocabulary": len(encoding["tokenizer"]["model"]["vocab"]),
        "end": encoding["end"],
        "scenes": {split: len(arrays[split]["images"]) for split in SPLITS},
    }
    images = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": [side, side]}
    return Encoded(arrays, facts, {"caption": encoding, "images": images}, texts)


def compose(rows: pd.DataFrame, side: int) -> Array:
    """uint8 (scenes, 2 side, 2 side); where digits overlap, the brighter pixel is seen."""
    numbers, _ = pd.factorize(rows["scene"])
    images = np.zeros((numbers.max() + 1, 2 * side, 2 * side), np.uint8)
    for number, top, left, pixels in zip(
        numbers, rows["top"], rows["left"], rows["pixels"], strict=True
    ):
        window = images[number, top : top + side, left : left + side]
        np.maximum(window, pixels.reshape(side, side).astype(np.uint8), out=window)
    return images
