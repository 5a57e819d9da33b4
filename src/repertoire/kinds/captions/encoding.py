"""Images with one or several captions each, as arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Source, fetch
from repertoire.data.text import END, PAD, UNKNOWN, text_encoding
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.captions.photographs import ENCODER, encoded_images, encoder_layers
from repertoire.kinds.captions.wording import LEVELS, Wording
from repertoire.kinds.pairs.encoding import padded_ids
from repertoire.runtime.text import Encoding

if TYPE_CHECKING:
    import pandas as pd

BETWEEN = "\n"  # the captions of a row of the table
PIXELS = "pixels"  # the key of a table's ``attrs`` that holds the file of pixels


@dataclass(frozen=True)
class EncoderWeights:
    """Published weights of MobileNetV2: a pinned file, and which of its members they are."""

    source: Source
    weights: str


def caption_expectations(wording: Wording) -> list[Expectation]:
    """What every table of captioned images meets."""
    unit = wording.unit
    return [
        expect("an image is listed once", "ExpectColumnValuesToBeUnique", column="file"),
        expect(
            "an image has captions of words in lower case, set apart by single spaces",
            "ExpectColumnValuesToMatchRegex",
            column="captions",
            regex=r"^\S+([ \n]\S+)*$",
        ),
        expect(
            f"a caption has at most {wording.longest} {unit}s",
            "ExpectColumnValuesToBeBetween",
            column="longest",
            min_value=1,
            max_value=wording.longest,
        ),
    ]


def encode_captions(
    table: "pd.DataFrame", wording: Wording, encoder: EncoderWeights | None, threads: int
) -> Encoded:
    """int32 ``captions`` (rows, captions, time) a split, those that an image lacks all padding,
    and uint8 ``images`` (rows, side, side[, 3]).

    With an ``encoder`` as in ``kinds/captions/photographs.py``, and its weights as ``encoder``.
    The table has ``captions`` with ``BETWEEN`` between them, and ``place``, the number of an image
    in the file of pixels that its ``attrs`` hold as ``PIXELS``. Ids: 0 pads, 1 ends, 2 is unknown.
    """
    parts = {split: table[table["split"] == split] for split in SPLITS}
    rows = {split: [c.split(BETWEEN) for c in part["captions"]] for split, part in parts.items()}
    sides = max(len(captions) for part in rows.values() for captions in part)
    train = [caption for captions in rows["train"] for caption in captions]
    content = text_encoding(
        train, LEVELS[wording.level], wording.vocabulary, (PAD, END, UNKNOWN), True, "whole"
    )
    encoding = Encoding.parse(content)
    layers = encoder_layers(fetch(encoder.source), encoder.weights) if encoder else {}
    arrays: dict[str, dict[str, Any]] = {"encoder": layers} if encoder else {}
    for split, part in parts.items():
        images = table.attrs[PIXELS].blocks(part["place"].to_numpy())
        found = encoded_images(split, images, layers, threads) if encoder else {"images": images}
        arrays[split] = {**found, "captions": caption_ids(encoding, rows[split], sides)}
    shape = list(images.shape[1:])
    facts = {
        "side": shape[0],
        "channels": 3 if len(shape) == 3 else 1,
        "vocabulary": encoding.tokenizer.get_vocab_size(),
        "end": encoding.end,
        "level": wording.level,
        "unit": wording.unit,
        "longest": arrays["train"]["captions"].shape[2],
        "unknown_share_test": _unknown_share(arrays["test"]["captions"], content["unknown"]),
        ("photographs" if encoder else "images"): {s: len(part) for s, part in parts.items()},
        "captions": {split: sum(map(len, part)) for split, part in rows.items()},
        **({"encoder": ENCODER, "encoder_source": encoder.source.origin} if encoder else {}),
        "left_out": _left_out(wording),
    }
    described = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": shape}
    texts = {split: _by_side(part, sides) for split, part in rows.items()}
    return Encoded(arrays, facts, {"caption": content, "images": described}, texts)


def caption_ids(encoding: Encoding, rows: list[list[str]], sides: int) -> Array:
    """int32 (rows, sides, time), padded with 0; all of it where an image has fewer captions."""
    flat = padded_ids(encoding, [caption for captions in rows for caption in captions])
    ids = np.zeros((len(rows), sides, flat.shape[1]), np.int32)
    counts = [len(captions) for captions in rows]
    ids[np.arange(sides) < np.array(counts)[:, None]] = flat
    return ids


def _by_side(rows: list[list[str]], sides: int) -> dict[str, list[str]]:
    """Captions by their number; "" where an image has fewer."""
    return {
        f"caption_{n + 1}": [captions[n] if n < len(captions) else "" for captions in rows]
        for n in range(sides)
    }


def _unknown_share(ids: Array, unknown: int) -> float:
    return round(float((ids == unknown).sum() / (ids > 1).sum()), 4)


def _left_out(wording: Wording) -> dict[str, Any]:
    reason = f"most captions have fewer {wording.unit}s"
    return {f"bleu_{n}_percent": reason for n in range(wording.bleu + 1, 5)}
