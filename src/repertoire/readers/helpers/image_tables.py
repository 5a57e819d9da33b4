"""Images of a folder as a table: decoded once, in splits that share no image."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from repertoire.data.dataset import SPLITS
from repertoire.data.doors import BadRows
from repertoire.data.image_files import ImageFileError, inspect, read_image
from repertoire.data.pixel_file import PixelFile
from repertoire.readers.helpers.image_layouts import Listed

if TYPE_CHECKING:
    import pandas as pd

Colour: TypeAlias = Literal["grey", "rgb"]

PIXELS = "pixels"  # the key of a table's ``attrs`` that holds the pixel file
COLUMNS = ("file", "label", "width", "height", "frames", "minimum", "maximum", "mean", "key")


def decoded(images: Sequence[Listed], side: int, colour: Colour, bad: BadRows) -> "pd.DataFrame":
    """One row an image, with the split that is told, if any; its pixels lie in the pixel file.

    ``place`` is the number there.
    """
    import pandas as pd

    channels: Literal[1, 3] = 1 if colour == "grey" else 3
    size = (side, side)
    pixels = PixelFile(size if channels == 1 else (*size, 3))
    rows: list[dict[str, Any]] = []
    for image in images:
        try:
            about = inspect(image.path)
            found = read_image(image.path, channels, size)
        except ImageFileError as error:
            bad.add(image.file, None, error.reason, error.remedy)
            continue
        rows.append(
            {
                "split": image.split,
                "file": image.file,
                "label": image.label,
                "width": about.width,
                "height": about.height,
                "frames": about.frames,
                "minimum": int(found.min()),
                "maximum": int(found.max()),
                "mean": float(found.mean()),
                "key": hashlib.sha256(found.tobytes()).hexdigest()[:16],
                "place": pixels.add(found),
            }
        )
    table = pd.DataFrame(rows, columns=["split", *COLUMNS, "place"])
    table.attrs[PIXELS] = pixels
    return table


def with_splits(table: "pd.DataFrame", shares: Mapping[str, float], seed: int) -> "pd.DataFrame":
    """Shares where no split is told, a part of training where only some are; no image in two.

    ``shares`` of ``test`` and ``valid``, in the order in which they are drawn.
    """
    told = set(table["split"])
    if told == {""}:
        return _shared(table, "", shares, seed)
    for split in reversed(SPLITS[:-1]):  # what is tested on stays, and is not trained on
        later = table["split"].isin(SPLITS[SPLITS.index(split) + 1 :])
        known = set(table.loc[later, "key"])
        table = table[~((table["split"] == split) & table["key"].isin(known))]
    missing = {split: share for split, share in shares.items() if split not in told}
    return _shared(table.reset_index(drop=True), "train", missing, seed)


def _shared(
    table: "pd.DataFrame", of: str, shares: Mapping[str, float], seed: int
) -> "pd.DataFrame":
    """Shares of the rows whose split is ``of``, alike in every class; equal images together.

    Every so many images in an order by class and then by chance (systematic sampling). The others
    are for training, and so are all images of a class that would have none there.
    """
    table = table.copy()
    own = table["split"] == of
    groups = table[own].drop_duplicates("key")
    draws = np.random.default_rng(seed).random(len(groups))
    left = groups.iloc[np.lexsort((draws, groups["label"]))]["key"].to_numpy()
    split_of = dict.fromkeys(left.tolist(), "train")
    total = len(left)
    for split, share in shares.items():
        steps = np.floor((np.arange(len(left) + 1) + 0.5) * share * total / max(1, len(left)))
        chosen = np.diff(steps) > 0
        split_of |= dict.fromkeys(left[chosen].tolist(), split)
        left = left[~chosen]
    table.loc[own, "split"] = table.loc[own, "key"].map(split_of)
    trained = set(table.loc[table["split"] == "train", "label"])
    table.loc[own & ~table["label"].isin(trained), "split"] = "train"
    return table


def with_known_classes(table: "pd.DataFrame", bad: BadRows) -> "pd.DataFrame":
    """Without images whose class has no training image, which are bad rows."""
    known = table["label"].isin(set(table.loc[table["split"] == "train", "label"]))
    for file, label in table.loc[~known, ["file", "label"]].itertuples(index=False):
        reason = f"of its class, {label}, there is no training image"
        bad.add(file, None, reason, "add some")
    return table[known].reset_index(drop=True)


def class_names(labels: "pd.Series[str]") -> tuple[str, ...]:
    """In the order of their numbers where all are numbers, else by name."""
    names = sorted(set(labels))
    numbers = all(name.isdecimal() for name in names)
    return tuple(sorted(names, key=int)) if numbers else tuple(names)
