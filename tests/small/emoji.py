"""Emoji of two vendors in the official layout: discs of the one are squares of the other."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from repertoire.data.dataset import write_dataset
from repertoire.data.sources import Files
from repertoire.data.validation import with_identity
from repertoire.readers import emoji_domains, emoji_pairs

ACROSS, TILE = 7, 66  # tiles a row of a sheet; pixels of a tile with its rims
COUNT = 43
CATEGORIES = ("Animals", "Objects", "Symbols")
EMOJI: dict[str, Any] = {
    "vendors": ("google", "twitter"),
    "side": 32,
    "seed": 5,
    "valid_share": 0.2,
    "test_share": 0.2,
}
PAIRS = emoji_pairs.Config(**EMOJI)
DOMAINS = emoji_domains.Config(**EMOJI, classifier_units=(13, 11), classifier_iterations=3)


def entries() -> list[dict[str, Any]]:
    """A table of emoji; the last one has a darker variant, and the first was drawn once alone."""
    found = []
    for number in range(COUNT):
        found.append(
            {
                "unified": f"1F{0x600 + number:03X}",
                "category": CATEGORIES[number % 3],
                "sheet_x": number // ACROSS,
                "sheet_y": number % ACROSS,
                "has_img_google": True,
                "has_img_twitter": number > 0,
            }
        )
    last = found.pop()
    variant = {**last, "unified": f"{found[-1]['unified']}-1F3FF"}
    found[-1]["skin_variations"] = {"1F3FF": variant}
    return found


def write_files(folder: Path) -> Files:
    """All sources of the readers."""
    from PIL import Image

    rng = np.random.default_rng(0)
    colours, sizes = rng.integers(0, 200, (COUNT, 3)), rng.integers(9, 30, COUNT)
    down, right = np.mgrid[-32:32, -32:32]
    far = {"google": np.hypot(down, right), "twitter": np.maximum(abs(down), abs(right))}
    paths = {"table": folder / "emoji.json"}
    paths["table"].write_text(json.dumps(entries()))
    for vendor, distance in far.items():
        sheet = np.zeros((ACROSS * TILE, ACROSS * TILE, 4), np.uint8)
        for number in range(COUNT):
            top, left = (TILE * place + 1 for place in (number % ACROSS, number // ACROSS))
            tile = sheet[top : top + 64, left : left + 64]
            tile[distance < sizes[number]] = (*colours[number], 255)
        paths[vendor] = folder / f"{vendor}.png"
        Image.fromarray(sheet, "RGBA").save(paths[vendor])
    return Files(paths)


def _prepare(reader: Any, config: Any, folder: Path) -> None:
    files = folder.with_name(f"{folder.name}-files")
    files.mkdir(parents=True)
    folder.mkdir()
    table = with_identity(reader.tabulate(config, write_files(files)))
    write_dataset(folder, reader.encode(config, table), {})


def prepare_pairs(folder: Path) -> None:
    """The pairs as ``prepare`` writes them."""
    _prepare(emoji_pairs, PAIRS, folder)


def prepare_domains(folder: Path) -> None:
    """The domains as ``prepare`` writes them."""
    _prepare(emoji_domains, DOMAINS, folder)


PREPARED = {"emoji_pairs_small": prepare_pairs, "emoji_domains_small": prepare_domains}
DATA_OF = {
    "emoji_pairs": "emoji_pairs_small",
    "emoji_domains": "emoji_domains_small",
    "mnist_usps": "digit_styles",
}
BENCHMARK_SIZES = {
    "emoji_pix2pix": {"batch": 5},
    "emoji_cyclegan": {"batch": 3},
    "mnist_usps_cyclegan": {"batch": 3},
}
