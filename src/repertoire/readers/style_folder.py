"""A painting and a folder of photographs, as users of fast-neural-style have them.

The painting is the one image file that lies above the folders, or the one that is named; every
other image is a photograph. Photographs may lie in folders called after the splits. They are
cropped to squares and resized (``data/image_files.py``). The loss_network is VGG-16 with published
weights, as in ``readers/styles.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count
from repertoire.contract import Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.image_files import (
    ImageFileError,
    image_paths,
    inspect,
    read_image,
    read_whole,
    with_shorter_side,
)
from repertoire.data.sources import Files, Source, SourceError, fetch
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.styles.encoding import (
    Optimisation,
    encode_styles,
    likeness,
    size_expectations,
)
from repertoire.readers.helpers.images.caption_tables import file_at, relative, split_of_folders
from repertoire.readers.helpers.images.doors import (
    HeldOut,
    once_across,
    with_splits,
)
from repertoire.readers.helpers.images.vgg import vgg16_weights

KIND = "styles"
OPTIONS = {
    "painting": "the image file whose style is learned (the one above the folders)",
    "side": "pixels of the squares that photographs become (96)",
    "valid-share": "share of photographs to validate on where no split is named (0.1)",
    "test-share": "share of photographs to test on where no split is named (0.1)",
    "on-bad-row": "fail or drop (fail)",
}
SMALLEST = 32  # pixels on a side that show something of a style


@dataclass(frozen=True)
class LossWeights:
    """Published weights of VGG-16: a pinned file, and which of its members they are."""

    source: Source
    weights: str


@dataclass(frozen=True)
class Config:
    """``painting`` is a path in the folder, ``style`` what its style is called.

    ``side`` of photographs and ``style_side``, the shorter one of the painting, are pixels.
    """

    painting: str
    style: str
    loss_network: LossWeights
    optimisation: Optimisation
    side: Count
    style_side: Count
    held_out: HeldOut
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row an image, the painting first; it belongs to training."""
    raw, bad = files["raw"], BadRows(config.bad_rows)
    table = photograph_table(config, photographs(raw, config.painting), raw, bad)
    return bad.checked(with_painting(config, table, raw))


def with_painting(config: Config, table: pd.DataFrame, raw: Path) -> pd.DataFrame:
    """With splits of photographs, of which some may be left unused, and the painting."""
    given, keys = table["split"].to_list(), table["key"].to_list()
    rule = config.held_out
    table["split"] = with_splits(given, keys, rule)
    most = table["split"].map(most_held_out(rule)).fillna(np.inf)
    kept = table.groupby("split").cumcount() < most
    pixels = read_whole(file_at(raw, config.painting), config.painting)
    painting = {**_row(config.painting, pixels, pixels.shape[:2]), "split": "train"}
    rows = [{**painting, "style": config.style}, *table[kept].to_dict("records")]
    return pd.DataFrame(rows, columns=list(table.columns))


def most_held_out(rule: HeldOut) -> dict[str, float]:
    """How many photographs of a split are used: each test photograph is optimised for seconds."""
    return {"valid": rule.most_valid or np.inf, "test": rule.most_test or np.inf}


def photographs(raw: Path, painting: str) -> list[Path]:
    """Every image but the painting. Raises SourceError where there is none."""
    found = [path for path in image_paths(raw) if relative(raw, path) != painting]
    if not found:
        raise SourceError("no photographs; name a folder of them beside the painting")
    return found


def photograph_table(
    config: Config, paths: Sequence[Path], raw: Path, bad: BadRows
) -> pd.DataFrame:
    """Photographs that can be used, as squares; ``split`` is "" where no folder names one."""
    size = (config.side, config.side)
    painting = likeness(read_image(file_at(raw, config.painting), 3, size))
    rows = []
    for path in paths:
        name = relative(raw, path)
        try:
            found = inspect(path)
            pixels = read_image(path, 3, size)
        except ImageFileError as error:
            bad.add(name, None, error.reason, error.remedy)
            continue
        if min(found.height, found.width) < config.side:
            reason = f"{found.width} × {found.height} pixels are less than {config.side} on a side"
            bad.add(name, None, reason, "take a larger photograph")
            continue
        row = _row(name, pixels, (found.height, found.width))
        if row["key"] == painting:
            bad.add(name, None, "it is the painting itself", "keep it out of the photographs")
            continue
        rows.append(row)
    columns = ["split", "key", "style", "file", "pixels", "height", "width"]
    table = pd.DataFrame(rows, columns=columns)
    return once_across(table, bad)


def _row(name: str, pixels: Any, size: Sequence[int]) -> dict[str, Any]:
    return {
        "split": split_of_folders(name),
        "key": likeness(pixels),
        "style": "",
        "file": name,
        "pixels": pixels,
        "height": size[0],
        "width": size[1],
    }


def expectations(config: Config) -> list[Expectation]:
    """Sizes, and every file once."""
    return [
        *size_expectations(SMALLEST),
        expect("a file is taken once", "ExpectColumnValuesToBeUnique", column="file"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``kinds/styles/encoding.py`` says."""
    photographs = table[table["style"] == ""]
    images: Arrays = {
        split: np.stack(photographs.loc[photographs["split"] == split, "pixels"].to_list())
        for split in SPLITS
    }
    [painting] = table.loc[table["style"] != "", "pixels"]
    styles = {config.style: with_shorter_side(painting, config.style_side)}
    path = fetch(config.loss_network.source)
    loss_network = vgg16_weights(path, config.loss_network.weights, config.optimisation.measure)
    return encode_styles(images, styles, loss_network, config.optimisation)


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """A data set of these images, with what was found. Raises SourceError, OptionNeeded."""
    # Imported late: a proposal needs this module's config.
    from repertoire.readers.helpers.images.style_proposal import proposal

    return proposal(raw, options)
