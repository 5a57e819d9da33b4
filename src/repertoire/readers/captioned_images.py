"""Captioned images in anybody's files, laid out as Hugging Face's ``imagefolder``.

Images, flat or in folders called after the splits, and a table ``metadata.csv`` or
``metadata.jsonl`` with ``file_name`` and one or several captions an image: in repeated rows, or in
a list. Images are cropped to a square and resized (``data/image_files.py``).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from repertoire.config import Count
from repertoire.data.dataset import Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.image_files import Channels, ImageFileError, read_image
from repertoire.data.pixel_file import PixelFile
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation
from repertoire.kinds.captions.encoding import (
    BETWEEN,
    PIXELS,
    EncoderWeights,
    caption_expectations,
    encode_captions,
)
from repertoire.kinds.captions.wording import Wording
from repertoire.metrics.bleu import split_into
from repertoire.readers.helpers.images.caption_tables import (
    Captioned,
    Columns,
    captioned_images,
    file_at,
)
from repertoire.readers.helpers.images.doors import HeldOut, once_across, with_splits

KIND = "captions"
OPTIONS = {
    "file": "column that names the image (file_name)",
    "text": "column of captions (text or caption)",
    "encoding": "encoding of the table, such as cp949 (told by the file)",
    "side": "pixels of the square that images become",
    "channels": "1 for grey, 3 for colour (told by the images)",
    "image-encoder": "mobilenet: published weights for photographs; learned: a small net",
    "valid-share": "share of images to validate on where no split is named (0.1)",
    "test-share": "share of images to test on where no split is named (0.1)",
    "on-bad-row": "fail or drop (fail)",
}


@dataclass(frozen=True)
class Config:
    """``tables`` are paths in the folder; ``side`` is that of the squares that images become.

    ``encoder`` sees photographs by published weights; none: the net learns to see. ``threads``
    decides how its sums are shared, and so their last digits.
    """

    tables: tuple[str, ...]
    columns: Columns
    side: Count
    channels: Channels
    encoder: EncoderWeights | None
    threads: Count
    wording: Wording
    held_out: HeldOut
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row an image, in the order of the tables."""
    raw, bad = files["raw"], BadRows(config.bad_rows)
    tables = [file_at(raw, name) for name in config.tables]
    images = captioned_images(raw, tables, config.columns, bad)
    table = image_table(config, images, bad)
    table["split"] = with_splits(table["split"].to_list(), table["key"].to_list(), config.held_out)
    return bad.checked(table)


def image_table(config: Config, images: Sequence[Captioned], bad: BadRows) -> pd.DataFrame:
    """Images that can be read, each with its captions; ``split`` is "" where none is named.

    Pixels lie in a temporary file that the table carries; ``place`` is the number there.
    """
    rows: list[dict[str, Any]] = []
    size = (config.side, config.side)
    pixels = PixelFile(size if config.channels == 1 else (*size, 3))
    for image in images:
        captions = _short(config, image, bad)
        try:
            found = read_image(image.path, config.channels, size)
        except ImageFileError as error:
            bad.add(image.name, None, error.reason, error.remedy)
            continue
        if captions:
            lengths = [len(split_into(config.wording.unit, caption)) for caption in captions]
            rows.append(
                {
                    "split": image.split,
                    "key": hashlib.sha256(found.tobytes()).hexdigest()[:16],
                    "file": image.name,
                    "captions": BETWEEN.join(captions),
                    "longest": max(lengths),
                    "place": pixels.add(found),
                }
            )
    names = ["split", "key", "file", "captions", "longest", "place"]
    table = once_across(pd.DataFrame(rows, columns=names), bad)
    table.attrs[PIXELS] = pixels
    return table


def _short(config: Config, image: Captioned, bad: BadRows) -> list[str]:
    """The captions that are no longer than the longest allowed."""
    unit, most = config.wording.unit, config.wording.longest
    short = [text for text in image.captions if len(split_into(unit, text)) <= most]
    if len(short) < len(image.captions):
        reason = f"{image.name}: a caption has more than {most} {unit}s"
        bad.add(image.table, image.row, reason, "shorten it")
    return short


def expectations(config: Config) -> list[Expectation]:
    """Those of the kind."""
    return caption_expectations(config.wording)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``kinds/captions/encoding.py`` says."""
    return encode_captions(table, config.wording, config.encoder, config.threads)


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """A data set of these images, with what was found. Raises SourceError, OptionNeeded."""
    # Imported late: a proposal needs this module's config.
    from repertoire.readers.helpers.images.caption_proposal import proposal

    return proposal(raw, options)
