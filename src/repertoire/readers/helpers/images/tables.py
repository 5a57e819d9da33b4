"""Images of a folder as a table: decoded once, in splits that share no image."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from repertoire.data.dataset import SPLITS
from repertoire.data.doors import BadRows
from repertoire.data.image_files import ImageFileError, inspect, read_image
from repertoire.data.pixel_file import PixelFile
from repertoire.data.splits import stratified_split
from repertoire.readers.helpers.images.layouts import Listed

if TYPE_CHECKING:
    import pandas as pd

Colour: TypeAlias = Literal["grey", "rgb"]

PIXELS = "pixels"  # the key of a table's ``attrs`` that holds the pixel file
COLUMNS = ("file", "label", "width", "height", "minimum", "maximum", "mean", "key")


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


def with_splits(
    table: "pd.DataFrame", valid_share: float, test_share: float, seed: int
) -> "pd.DataFrame":
    """Shares of each class where no split is told, and of training where only some splits are.

    Equal images are in one split: where splits are told, training images that occur in a later one
    are left out, and validation images that occur in the test. A class that would have no training
    image by the shares is for training alone.
    """
    told = set(table["split"])
    for split in ("valid", "train"):  # what is tested on stays
        later = table["split"].isin(SPLITS[SPLITS.index(split) + 1 :])
        known = set(table.loc[later, "key"])
        table = table[~((table["split"] == split) & table["key"].isin(known))]
    table = table.reset_index(drop=True)
    of = "" if told == {""} else "train"
    own = (table["split"] == of).to_numpy()
    shares = {"valid": valid_share, "test": test_share}
    drawn = [split for split in shares if split not in told]
    if not drawn:
        return table
    # Where one split is missing, both halves of its share are for it.
    wanted = list(shares.values()) if len(drawn) == 2 else [shares[drawn[0]] / 2] * 2
    part = table[own]
    found = part["key"].copy()
    found[:] = stratified_split(part["key"], part["label"], seed, *wanted)
    if len(drawn) == 1:
        found = found.where(found == "train", drawn[0])
    trained = set(part.loc[found == "train", "label"])
    table.loc[own, "split"] = found.where(part["label"].isin(trained), "train")
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
