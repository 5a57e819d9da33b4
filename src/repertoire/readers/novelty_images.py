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

from repertoire.config import Count, Seed, Share, parse
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows, Fact, Proposal, bad_row_rule
from repertoire.data.image_files import (
    RESIZED,
    Channels,
    ImageFileError,
    image_paths,
    read_image,
)
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import split_called
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.novelty.baselines import suited
from repertoire.kinds.novelty.encoding import encode_normal_images
from repertoire.readers.helpers.tables import columns as tables
from repertoire.readers.helpers.tables.novelty_folders import (
    chosen_size,
    folder_words,
    folders,
    group_of,
    kinds_of_images,
)
from repertoire.readers.helpers.tables.novelty_splits import held_out

if TYPE_CHECKING:
    import pandas as pd

KIND = "novelty"
OPTIONS: Mapping[str, str] = {
    "abnormal": "the folder of images that are not normal, where it is not plain",
    "side": "pixels of a side that images are resized to, from 16 to 128",
    "colour": "grey or rgb, where the images do not tell",
}
LEAST_NORMAL, LEAST_ABNORMAL = 30, 5
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
        group = group_of(raw, path)
        if group not in (*config.normal, *config.abnormal):
            continue
        own = next((s for part in folders(raw, path) if (s := split_called(part))), "")
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
        **RESIZED,
    }
    return encode_normal_images(table.assign(group=shown), groups, encoding)


def propose_images(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Which folders are normal, the size and colour of images, and how they are shared out."""
    paths = image_paths(raw)
    normal, abnormal, own = kinds_of_images(raw, paths, options)
    chosen = [path for path in paths if group_of(raw, path) in (*normal, *abnormal)]
    bad = tables.collected()
    side, channels, words = chosen_size(raw, chosen, options)
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
    some = _some(raw, chosen, normal)
    sample = _table(parse(Config, config, "the proposal"), raw, some, bad)
    rule, unusable = bad_row_rule(bad, len(some), options, "images")
    config["bad_rows"] = tables.as_plain(rule)
    _refuse_too_few(sample)
    rows = round(len(chosen) * len(sample) / max(1, len(some)))
    train = round(float((sample["split"] == "train").mean()) * rows)
    baseline = suited(train, side * side * channels, "plain")
    looked = f"; {len(some):,} of them were read here" if len(some) < len(chosen) else ""
    facts = [
        Fact("files", f"{len(chosen):,} images{looked}"),
        Fact("folders", folder_words(raw, chosen, normal, abnormal)),
        Fact("size", words),
        unusable,
        _split_fact(sample, own),
    ]
    if repeats := int(sample["key"].duplicated().sum()):
        facts.append(Fact("duplicates", f"{repeats:,} images equal another; one split holds both"))
    return Proposal("novelty_images", config, baseline, facts, sample, rows)


def _some(raw: Path, paths: Sequence[Path], normal: Sequence[str]) -> Sequence[Path]:
    """Evenly spaced normal images of many, and as many others as a proposal reads."""
    every = len(paths) // SAMPLED
    if every <= 1:
        return paths
    own = [path for path in paths if group_of(raw, path) in normal]
    others = [path for path in paths if group_of(raw, path) not in normal]
    return [*own[::every], *others[:: max(1, len(others) // SAMPLED)]]


def _refuse_too_few(sample: "pd.DataFrame") -> None:
    counts = sample["anomaly"].value_counts()
    if counts.get(0, 0) < LEAST_NORMAL or counts.get(1, 0) < LEAST_ABNORMAL:
        raise SourceError(
            f"{counts.get(0, 0)} normal images and {counts.get(1, 0)} others; a detector needs "
            f"{LEAST_NORMAL} normal ones to learn from, and {LEAST_ABNORMAL} others for an honest "
            "test: add some"
        )


def _split_fact(table: "pd.DataFrame", own: bool) -> Fact:
    parts = []
    for split in SPLITS:
        anomaly = table["anomaly"][table["split"] == split]
        parts.append(f"{split} {int((anomaly == 0).sum()):,} + {int(anomaly.sum()):,}")
    why = "as the folders are called" if own else "by shares, equal images in one split"
    return Fact("split", f"{why}; normal images + anomalies: {', '.join(parts)}")
