"""Images of one size for nets that translate, cut and resized alike; and what a door says of them.

Of each image the centred square is cut out and resized by a Lanczos filter, as
``repertoire.data.image_files`` states; both images of a pair so, which must have the same
proportions.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from repertoire.config import ConfigError
from repertoire.contract import Array
from repertoire.data.image_files import ImageFileError, is_colour, read_whole
from repertoire.data.splits import stratified_split

if TYPE_CHECKING:
    import pandas as pd

Colour: TypeAlias = Literal["grey", "rgb"]

LEAST, LARGEST = 16, 128  # pixels of a side that the nets are made for
STEP = 4  # sides are multiples of it: nets halve them twice at least
COLOURS_OF = 100  # images that are asked for colours
COLOURED = 0.05  # share of coloured images from which on all are read in colours


def shape_of(side: int, colour: Colour) -> tuple[int, ...]:
    """Of the array of one image."""
    return (side, side) if colour == "grey" else (side, side, 3)


def halves(path: Path) -> tuple[Array, Array]:
    """Left and right half, uint8 (height, width / 2, 3), of an image of two side by side.

    Raises ImageFileError.
    """
    pixels = read_whole(path)
    width = pixels.shape[1]
    if width % 2:
        raise ImageFileError(
            path,
            f"is {width:,} pixels wide, an odd number, so that it has no two equal halves",
            "cut it to an even width",
        )
    return pixels[:, : width // 2], pixels[:, width // 2 :]


def squared(pixels: Array, side: int, colour: Colour) -> Array:
    """The centred square of an image (height, width, 3), as ``shape_of`` says."""
    # Imported late: most data sets have no image files.
    from PIL import Image, ImageOps

    image = Image.fromarray(pixels).convert("L" if colour == "grey" else "RGB")
    if image.size == (side, side):
        return np.array(image)
    return np.array(ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS))


def digest(*images: Array) -> str:
    """What images share that are equal in all pixels."""
    found = hashlib.sha256()
    for image in images:
        found.update(image.tobytes())
    return found.hexdigest()[:16]


def chosen_side(shorter: Sequence[int], most: int, options: Mapping[str, str]) -> int:
    """What the option says; else the median of the shorter sides, ``most`` at most."""
    if "side" not in options:
        side = int(np.clip(np.median(shorter), LEAST, most)) if shorter else LEAST
        # Of halvings as many as there can be: 16 rather than 4.
        return side - side % (16 if side >= 2 * 16 else STEP)
    side = number(options, "side", 0, LEAST, LARGEST)
    if side % STEP:
        raise ConfigError(
            f"--side {side}: takes a multiple of {STEP}, such as {side // STEP * STEP}"
        )
    return side


def chosen_colour(paths: Sequence[Path], options: Mapping[str, str]) -> tuple[Colour, str]:
    """Grey or rgb, and why: the option, or how many of the images have colours."""
    if "colour" in options:
        grey = one_of(options, "colour", ("grey", "rgb")) == "grey"
        return "grey" if grey else "rgb", "as --colour says"
    found = []
    for path in thinned(paths, COLOURS_OF):
        try:
            found.append(is_colour(path))
        except ImageFileError:
            continue  # decoding refuses it
    what = f"{sum(found)} of {len(found)} images that were looked at have colours (--colour)"
    return "rgb" if found and np.mean(found) >= COLOURED else "grey", what


def thinned(paths: Sequence[Path], most: int) -> list[Path]:
    """At most ``most`` of them at even distances."""
    places = np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int)
    return [paths[place] for place in np.unique(places)]


def one_of(options: Mapping[str, str], name: str, values: Sequence[str]) -> str:
    """The value of an option, the first where it is not given."""
    value = options.get(name, values[0])
    if value not in values:
        raise ConfigError(f"--{name} {value}: takes {' or '.join(values)}")
    return value


def number(options: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number."""
    value = options.get(name, str(default))
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ConfigError(f"--{name} {value}: takes a whole number from {low:,} to {high:,}")
    return int(value)


def share(options: Mapping[str, str], name: str, default: float) -> float:
    """A number from 0 to 0.5."""
    value = options.get(name, str(default))
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 < found <= 0.5:
        raise ConfigError(f"--{name} {value}: takes a number above 0, up to 0.5")
    return found


def without_repeats(table: "pd.DataFrame", key: str = "key") -> "pd.DataFrame":
    """Without rows that a later split has too: what is tested on is not trained on."""
    kept = table
    for split, later in (("valid", ["test"]), ("train", ["test", "valid"])):
        held = set(kept.loc[kept["split"].isin(later), key])
        kept = kept[(kept["split"] != split) | ~kept[key].isin(held)]
    return kept.reset_index(drop=True)


def with_splits(
    table: "pd.DataFrame", classes: "pd.Series", seed: int, shares: Mapping[str, float]
) -> "pd.DataFrame":
    """Splits by shares where none is told, those that are missing from training where some are.

    ``classes`` are alike in every split; rows of one ``group`` stay in one. ``shares`` are of
    "valid" and "test".
    """
    told = set(table["split"])
    table = table.copy()
    missing = [split for split in shares if split not in told]
    own = table["split"] == ("train" if "train" in told else "")
    if missing:
        wanted = [shares[split] if split in missing else 0.0 for split in ("valid", "test")]
        drawn = stratified_split(table.loc[own, "group"], classes[own], seed, *wanted)
        if len(missing) == 1:  # the least that is drawn for the other split joins this one
            drawn = np.where(drawn == "train", "train", missing[0])
        table.loc[own, "split"] = drawn
    return without_repeats(table)
