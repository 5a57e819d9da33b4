"""Folders of normal images and of images with something wrong, as anomalib's users have them.

The layout of MVTec (``train/good``, ``test/good``, ``test/<defect>``), or two folders: one of
normal images, one of all that is not (``--normal``, ``--abnormal``). Images become grey or RGB of
one size; normal ones alone train. ``novelty_table`` is the door, which hands on to this reader.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import ConfigError, Count, Seed, Share, parse
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows, Fact, OptionNeeded, Proposal, bad_row_rule
from repertoire.data.image_files import (
    Channels,
    ImageFileError,
    image_paths,
    inspect,
    is_colour,
    read_image,
)
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import split_called
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.novelty.baselines import suited
from repertoire.kinds.novelty.encoding import encode_normal_images
from repertoire.readers.helpers import table_columns as tables
from repertoire.readers.helpers.novelty_splits import held_out

if TYPE_CHECKING:
    import pandas as pd

KIND = "novelty"
OPTIONS: Mapping[str, str] = {
    "abnormal": "the folder of images that are not normal, where it is not plain",
    "side": "pixels of a side that images are resized to, from 16 to 128",
    "colour": "grey or rgb, where the images do not tell",
}
NORMAL = ("good", "normal", "normals", "ok", "pass", "healthy", "nominal", "clean", "정상")
ABNORMAL = (
    *("bad", "abnormal", "anomaly", "anomalies", "anomalous", "defect", "defects", "defective"),
    *("ng", "fail", "broken", "faulty", "이상", "불량"),
)
MASKS = ("ground_truth", "groundtruth", "masks", "mask")  # where a defect lies: no images of things
LEAST_NORMAL, LEAST_ABNORMAL = 30, 5
SIDES = (16, 32, 64, 128)
USUAL_SIDE = 64
INSPECTED = 300  # images whose heads are looked at
SAMPLED = 600  # images that a proposal reads


@dataclass(frozen=True)
class Config:
    """``normal`` and ``abnormal`` are names of folders, all others are left out.

    ``own_splits``: folders above them are called after splits. Shares are of normal images,
    ``valid_anomalies`` of the others.
    """

    normal: tuple[str, ...]
    abnormal: tuple[str, ...]
    own_splits: bool
    side: Count
    channels: Count
    seed: Seed
    valid_share: Share
    test_share: Share
    valid_anomalies: Share
    bad_rows: BadRowRule


def holds_images(raw: Path) -> bool:
    """Whether a folder holds images."""
    return bool(image_paths(raw))


def tabulate(config: Config, files: Files) -> "pd.DataFrame":
    """One row an image: pixels, anomaly, group, key and split."""
    bad = BadRows(config.bad_rows)
    return bad.checked(_table(config, files["raw"], image_paths(files["raw"]), bad))


def _table(config: Config, raw: Path, paths: Sequence[Path], bad: BadRows) -> "pd.DataFrame":
    import pandas as pd

    rows: list[tuple[Array, str, str]] = []
    channels: Channels = 3 if config.channels == 3 else 1
    for path in paths:
        group = _group(raw, path)
        if group not in (*config.normal, *config.abnormal):
            continue
        own = next((s for part in _folders(raw, path) if (s := split_called(part))), "")
        if config.own_splits and not own:
            bad.add(str(path.relative_to(raw)), None, "lies in no folder of a split")
            continue
        try:
            pixels = read_image(path, channels, (config.side, config.side))
        except ImageFileError as error:
            bad.add(str(path.relative_to(raw)), None, error.reason, error.remedy)
            continue
        rows.append((pixels, group, own))
    table = pd.DataFrame(rows, columns=["pixels", "group", "own"])
    table["anomaly"] = table["group"].isin(config.abnormal).astype(np.int64)
    table["key"] = [hashlib.sha256(p.tobytes()).hexdigest()[:16] for p in table["pixels"]]
    stated = table.pop("own").to_numpy(object)
    table = held_out(table, config, stated if config.own_splits else None)
    table["trained_anomaly"] = table["anomaly"] * (table["split"] == "train")
    return table.reset_index(drop=True)


def _folders(raw: Path, path: Path) -> tuple[str, ...]:
    return path.relative_to(raw).parts[:-1]


def _group(raw: Path, path: Path) -> str:
    """The innermost folder that is not called after a split; "" for none, or for masks."""
    folders = _folders(raw, path)
    if any(folder.lower() in MASKS for folder in folders):
        return ""
    return next((f for f in reversed(folders) if split_called(f) is None), "")


def expectations(config: Config) -> list[Expectation]:
    """Both kinds of images, and normal ones alone in training."""
    return [
        expect(
            "an image is normal or an anomaly",
            "ExpectColumnDistinctValuesToEqualSet",
            column="anomaly",
            value_set=[0, 1],
        ),
        expect(
            "no anomaly is trained on",
            "ExpectColumnMaxToBeBetween",
            column="trained_anomaly",
            min_value=0,
            max_value=0,
        ),
    ]


def encode(config: Config, table: "pd.DataFrame") -> Encoded:
    """Images, and what each of them shows."""
    groups = [config.normal[0], *config.abnormal]
    shown = table["group"].where(~table["group"].isin(config.normal), config.normal[0])
    shape = [config.side, config.side, *([3] if config.channels == 3 else [])]
    encoding = {
        "kind": "image",
        "dtype": "uint8",
        "range": [0, 255],
        "shape": shape,
        "resize": "centred square, Lanczos",
    }
    return encode_normal_images(table.assign(group=shown), groups, encoding)


def propose_images(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Which folders are normal, the size and colour of images, and how they are shared out."""
    paths = image_paths(raw)
    normal, abnormal, own = _kinds(raw, paths, options)
    chosen = [path for path in paths if _group(raw, path) in (*normal, *abnormal)]
    bad = tables.collected()
    side, channels, words = _size(raw, chosen, options)
    config: dict[str, Any] = {
        "normal": normal,
        "abnormal": abnormal,
        "own_splits": own,
        "side": side,
        "channels": channels,
        "seed": 17,
        "valid_share": 0.15,
        "test_share": 0.25,
        "valid_anomalies": 0.4,
        "bad_rows": tables.as_plain(bad.rule),
    }
    every = max(1, len(chosen) // SAMPLED)
    some = (
        chosen
        if every == 1
        else [
            *[p for p in chosen if _group(raw, p) in normal][::every],
            *[p for p in chosen if _group(raw, p) in abnormal][:SAMPLED],
        ]
    )
    sample = _table(parse(Config, config, "the proposal"), raw, some, bad)
    rule, unusable = bad_row_rule(bad, len(some), options)
    config["bad_rows"] = tables.as_plain(rule)
    counts = sample["anomaly"].value_counts()
    if counts.get(0, 0) < LEAST_NORMAL or counts.get(1, 0) < LEAST_ABNORMAL:
        raise SourceError(
            f"{counts.get(0, 0)} normal images and {counts.get(1, 0)} others; a detector needs "
            f"{LEAST_NORMAL} normal ones to learn from, and {LEAST_ABNORMAL} others for an honest "
            "test: add some"
        )
    rows = round(len(chosen) * len(sample) / max(1, len(some)))
    train = round(float((sample["split"] == "train").mean()) * rows)
    baseline = suited(train, side * side * channels, "plain")
    looked = f"; {len(some):,} of them were read here" if len(some) < len(chosen) else ""
    facts = [
        Fact("files", f"{len(chosen):,} images{looked}"),
        Fact("folders", _folder_words(raw, chosen, normal, abnormal)),
        Fact("size", words),
        unusable,
        _split_fact(sample, own),
    ]
    if repeats := int(sample["key"].duplicated().sum()):
        facts.append(Fact("duplicates", f"{repeats:,} images equal another; one split holds both"))
    return Proposal("novelty_images", config, baseline, facts, sample, rows)


def _kinds(
    raw: Path, paths: Sequence[Path], options: Mapping[str, str]
) -> tuple[list[str], list[str], bool]:
    """Names of the normal and the other folders, and whether splits lie above them."""
    groups = sorted({_group(raw, path) for path in paths} - {""})
    normal = _named(groups, "normal", options) or [g for g in groups if g.lower() in NORMAL]
    abnormal = _named(groups, "abnormal", options)
    if not groups or len(normal) != 1:
        there = ", ".join(groups) or "none"
        raise OptionNeeded(
            f"which folder holds normal images is not plain (folders: {there}); say which: "
            "--normal NAME"
        )
    rest = [group for group in groups if group not in normal]
    tops = {split_called(_folders(raw, p)[0]) for p in paths if _folders(raw, p)}
    own = {"train", "test"} <= tops
    if not abnormal:
        plain = [group for group in rest if group.lower() in ABNORMAL]
        # Below splits, or beside one normal folder, each other folder is a kind of anomaly.
        abnormal = rest if own or not plain else plain
    if not abnormal:
        raise SourceError(
            f"{raw.name}: only {normal[0]} holds images; a few images that are not normal are "
            "needed for an honest test: put them into a folder called bad"
        )
    return normal, abnormal, own


def _named(groups: Sequence[str], option: str, options: Mapping[str, str]) -> list[str]:
    found = []
    for name in (n.strip().strip("/") for n in options.get(option, "").split(",") if n.strip()):
        alike = [group for group in groups if group.lower() == name.lower()]
        if not alike:
            raise ConfigError(f"--{option} {name}: no such folder; there are: {', '.join(groups)}")
        found += alike
    return found


def _size(
    raw: Path, paths: Sequence[Path], options: Mapping[str, str]
) -> tuple[int, Channels, str]:
    some = paths[:: max(1, len(paths) // INSPECTED)]
    known = []
    for path in some:
        try:
            known.append((inspect(path), is_colour(path)))
        except ImageFileError:
            continue  # it is counted where it is read
    if not known:
        raise SourceError(f"{raw.name}: none of its images can be read; save them as PNG or JPEG")
    shorter = min(min(image.width, image.height) for image, _ in known)
    longer = max(max(image.width, image.height) for image, _ in known)
    fitting = [side for side in SIDES if side <= min(shorter, USUAL_SIDE)] or [SIDES[0]]
    side = tables.whole_number(options, "side", fitting[-1])
    if not SIDES[0] <= side <= SIDES[-1]:
        raise ConfigError(f"--side {side}: give {SIDES[0]} to {SIDES[-1]} pixels")
    coloured = sum(colour for _, colour in known) / len(known)
    asked = options.get("colour", "rgb" if coloured > 0.1 else "grey")
    if asked not in ("grey", "rgb"):
        raise ConfigError(f"--colour {asked}: it is grey or rgb")
    channels: Channels = 3 if asked == "rgb" else 1
    spread = f"{shorter} to {longer} pixels" if shorter != longer else f"{shorter} pixels"
    words = (
        f"{side} x {side} {asked} ({100 * coloured:.0f} % have colours): files have sides of "
        f"{spread}; the centred square is resized; otherwise: --side, --colour"
    )
    return side, channels, words


def _folder_words(
    raw: Path, paths: Sequence[Path], normal: Sequence[str], abnormal: Sequence[str]
) -> str:
    counts = dict.fromkeys((*normal, *abnormal), 0)
    for path in paths:
        counts[_group(raw, path)] += 1
    told = [f"{name} ({counts[name]:,})" for name in abnormal]
    more = f" and {len(told) - 8} more" if len(told) > 8 else ""
    return f"normal: {normal[0]} ({counts[normal[0]]:,}); anomalies: {', '.join(told[:8])}{more}"


def _split_fact(table: "pd.DataFrame", own: bool) -> Fact:
    parts = []
    for split in SPLITS:
        anomaly = table["anomaly"][table["split"] == split]
        parts.append(f"{split} {int((anomaly == 0).sum()):,} + {int(anomaly.sum()):,}")
    why = "as the folders are called" if own else "by shares, equal images in one split"
    return Fact("split", f"{why}; normal images + anomalies: {', '.join(parts)}")
