"""Emoji as two vendors draw them: pairs of pictures, split by what they show.

One table of all emoji, and one sheet of 64x64 tiles of each vendor, in the layout of the
emoji-datasource packages. The first vendor's tile is the source, the second's is the target.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, expecting
from repertoire.data.validation import Expectation, expect

KIND = "image_pairs"
TILE, RIM = 64, 1  # pixels; a rim on all four sides
# What does not change what an emoji is of: joiners, presentation, sexes, tones of skin.
VARIATION = re.compile(r"-?\b(200D|FE0F|2640|2642|1F3F[B-F])\b")
PERSON = re.compile(r"\b1F46[89]\b")  # a man or a woman


@dataclass(frozen=True)
class Emoji:
    """Sources: ``table``, and a sheet of each of the ``vendors`` under its name.

    ``side`` divides that of a tile. Shares are of what emoji show, not of pictures.
    """

    vendors: tuple[str, ...]
    side: int
    seed: int
    valid_share: float
    test_share: float


@dataclass(frozen=True)
class Config(Emoji):
    """All pairs are used as pairs."""


def subject(code: str) -> str:
    """What an emoji is of, whatever the sex and the skin: pictures of one are much alike."""
    return PERSON.sub("1F9D1", VARIATION.sub("", code)).strip("-")


def tabulate(config: Emoji, files: Files) -> pd.DataFrame:
    """One row a pair that both vendors drew; no picture occurs twice."""
    sheets = [_sheet(files[vendor]) for vendor in config.vendors]
    rows = []
    for emoji in _emoji(files["table"], config.vendors):
        place = (emoji["sheet_y"] * (TILE + 2 * RIM), emoji["sheet_x"] * (TILE + 2 * RIM))
        first, second = (_tile(sheet, *place, config.side) for sheet in sheets)
        rows.append(
            {
                "subject": subject(emoji["unified"]),
                "emoji": emoji["unified"],
                "category": emoji["category"],
                "pixels": first,
                "target": second,
                "key": _digest(first),
                "target_key": _digest(second),
            }
        )
    # Some flags are the same picture under several names: the first is kept.
    table = pd.DataFrame(rows).drop_duplicates("key").drop_duplicates("target_key")
    table["split"] = table["subject"].map(_splits(config, table["subject"]))
    table["splits_of_subject"] = table.groupby("subject")["split"].transform("nunique")
    for column in ("pixels", "target"):
        table[f"{column}_contrast"] = [float(pixels.std()) for pixels in table[column]]
    return table.sample(frac=1, random_state=config.seed).reset_index(drop=True)


def _emoji(path: Path, vendors: tuple[str, ...]) -> list[dict[str, Any]]:
    """Entries of the table, variants of skin among them, that every vendor drew."""
    with expecting(path, "a table of emoji"):
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [
            {**each, "category": base["category"]}
            for base in entries
            for each in (base, *base.get("skin_variations", {}).values())
            if all(each[f"has_img_{vendor}"] for vendor in vendors)
        ]


def _sheet(path: Path) -> Array:
    """uint8 (height, width, 3), transparent pixels in white."""
    from PIL import Image

    with expecting(path, "a sheet of tiles"), Image.open(path, formats=["PNG"]) as image:
        drawn = image.convert("RGBA")
        paper = Image.new("RGBA", drawn.size, "white")
        return np.asarray(Image.alpha_composite(paper, drawn).convert("RGB"))


def _tile(sheet: Array, top: int, left: int, side: int) -> Array:
    """One emoji, uint8 (side, side, 3): each pixel the mean of those it stands for."""
    tile = sheet[top + RIM : top + RIM + TILE, left + RIM : left + RIM + TILE]
    step = TILE // side
    return tile.reshape(side, step, side, step, 3).mean((1, 3)).round().astype(np.uint8)


def _digest(pixels: Array) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:16]


def _splits(config: Emoji, subjects: pd.Series) -> dict[str, str]:
    """Each subject's split, drawn with the seed."""
    names = np.random.default_rng(config.seed).permutation(sorted(subjects.unique()))
    test, valid = (round(len(names) * s) for s in (config.test_share, config.valid_share))
    split_of = ["test"] * test + ["valid"] * valid + ["train"] * (len(names) - test - valid)
    return dict(zip(names.tolist(), split_of, strict=True))


def expectations(config: Emoji) -> list[Expectation]:
    """Subjects in one split each, and no picture twice."""
    return [
        expect(
            "no subject is in two splits",
            "ExpectColumnValuesToBeBetween",
            column="splits_of_subject",
            max_value=1,
        ),
        *(
            expect(f"no {name} picture occurs twice", "ExpectColumnValuesToBeUnique", column=column)
            for name, column in (("source", "key"), ("target", "target_key"))
        ),
        expect(
            "codes are hexadecimal",
            "ExpectColumnValuesToMatchRegex",
            column="emoji",
            regex=r"^[0-9A-F]{4,5}(-[0-9A-F]{4,5})*$",
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 ``sources`` and ``targets`` (pairs, side, side, 3) a split."""
    arrays = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        arrays[split] = {
            key: np.stack(rows[column].to_list())
            for key, column in (("sources", "pixels"), ("targets", "target"))
        }
    shape = [config.side, config.side, 3]
    facts = {
        "side": config.side,
        "colours": 3,
        "pairs": {split: len(arrays[split]["sources"]) for split in SPLITS},
        "source": f"emoji of {config.vendors[0]}",
        "target": f"emoji of {config.vendors[1]}",
    }
    images = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": shape}
    return Encoded(arrays, facts, {"images": images})
