"""Photographs with several captions each, in the files of Flickr8k (Hodosh et al. 2013).

A tar of square JPEG files; ``name#number<TAB>caption`` a line; a list of names a split. Features
come from a MobileNetV2 with published weights (``kinds/captions/photographs.py``).
"""

import hashlib
import io
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, expecting, members, unexpected
from repertoire.data.text import END, PAD, UNKNOWN, text_encoding
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.captions.photographs import ENCODER, encoded_images, encoder_layers
from repertoire.kinds.pairs.encoding import padded_ids
from repertoire.runtime.text import Encoding

KIND = "captions"
WORD = r"[a-z0-9]+(?:['\-][a-z0-9]+)*"  # punctuation is no part of a caption


@dataclass(frozen=True)
class Config:
    """Sources: ``photographs``, ``captions``, ``encoder``, and the lists of each split.

    ``weights`` names the encoder's file in its archive; ``threads`` decides how its sums are
    shared, and so their last digits.
    """

    side: Count
    captions: Count  # of each photograph
    vocabulary: Count
    weights: str
    threads: Count


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a photograph, split after split in the order of the lists."""
    said, seen = _captions(files["captions"]), _photographs(files["photographs"])
    rows: list[dict[str, Any]] = []
    for split in SPLITS:
        with expecting(files[split], "a list of names"):
            names = files[split].read_text(encoding="utf-8").split()
        for name in names:
            if name not in seen or len(said[name]) != config.captions:
                photograph = f"{'a' if name in seen else 'no'} photograph"
                why = f"{name} has {len(said[name])} captions and {photograph}"
                raise unexpected(files[split], why)
            pixels = _pixels(files["photographs"], name, seen[name])
            texts = {f"caption_{n}": text for n, text in enumerate(said[name], 1)}
            rows.append({"split": split, "file": name, "pixels": pixels, **texts})
    table = pd.DataFrame(rows)
    table.attrs["encoder"] = files["encoder"]  # no column: a path is not of the data
    table["key"] = [hashlib.sha256(pixels.tobytes()).hexdigest()[:16] for pixels in table["pixels"]]
    table["height"], table["width"] = (
        [pixels.shape[axis] for pixels in table["pixels"]] for axis in (0, 1)
    )
    table["contrast"] = [float(pixels.std()) for pixels in table["pixels"]]
    return table


def _captions(path: Path) -> dict[str, list[str]]:
    """Captions by the name of their photograph: words in lower case, set apart by spaces."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with expecting(path, "captions in UTF-8"):
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    for line in lines:
        place, _, text = line.partition("\t")
        found[place.partition("#")[0]].append(" ".join(re.findall(WORD, text.lower())))
    return found


def _photographs(path: Path) -> dict[str, bytes]:
    return {PurePosixPath(name).name: content for name, content in members(path, "*.jpg")}


def _pixels(path: Path, name: str, content: bytes) -> Array:
    from PIL import Image

    opened = io.BytesIO(content)
    with expecting(path, f"a JPEG in {name}"), Image.open(opened, formats=["JPEG"]) as image:
        return np.array(image.convert("RGB"))


def expectations(config: Config) -> list[Expectation]:
    """Sizes, and captions of words."""
    return [
        *(
            expect(
                f"the {side} of a photograph is {config.side} pixels",
                "ExpectColumnValuesToBeInSet",
                column=side,
                value_set=[config.side],
            )
            for side in ("height", "width")
        ),
        expect("a file is listed once", "ExpectColumnValuesToBeUnique", column="file"),
        *(
            expect(
                f"caption {n} is words in lower case",
                "ExpectColumnValuesToMatchRegex",
                column=f"caption_{n}",
                regex=rf"^{WORD}( {WORD})*$",
            )
            for n in range(1, config.captions + 1)
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """``captions`` int32 (rows, captions, time) and, of the encoder, float32 ``pooled`` (rows,
    channels) a split; float16 ``features`` (rows, places, channels) to train and to validate on,
    uint8 ``images`` (rows, side, side, 3) to test on; and the encoder's weights as ``encoder``.

    Ids: 0 pads, 1 ends, 2 is unknown. Each caption is a side of ``texts``.
    """
    sides = [f"caption_{n}" for n in range(1, config.captions + 1)]
    parts = {split: table[table["split"] == split] for split in SPLITS}
    texts = {split: {side: rows[side].to_list() for side in sides} for split, rows in parts.items()}
    train = [text for side in texts["train"].values() for text in side]
    specials = (PAD, END, UNKNOWN)
    content = text_encoding(train, "word", config.vocabulary, specials, True, "whole")
    encoding = Encoding.parse(content)
    layers = encoder_layers(table.attrs["encoder"], config.weights)
    images = {split: np.stack(rows["pixels"].to_list()) for split, rows in parts.items()}
    arrays: dict[str, Arrays] = {"encoder": layers}
    for split in SPLITS:
        found = encoded_images(split, images[split], layers, config.threads)
        arrays[split] = {**found, "captions": _ids(encoding, texts[split])}
    shape = [config.side, config.side, 3]
    facts = {
        "side": config.side,
        "encoder": ENCODER,
        "vocabulary": encoding.tokenizer.get_vocab_size(),
        "end": encoding.end,
        "photographs": {split: len(rows) for split, rows in parts.items()},
    }
    pictures = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": shape}
    return Encoded(arrays, facts, {"caption": content, "images": pictures}, texts)


def _ids(encoding: Encoding, texts: dict[str, list[str]]) -> Array:
    """int32 (rows, captions, time), padded with 0."""
    flat = padded_ids(encoding, [text for row in zip(*texts.values(), strict=True) for text in row])
    return flat.reshape(-1, len(texts), flat.shape[1])
