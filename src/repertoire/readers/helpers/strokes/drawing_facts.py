"""What a look at drawings tells: their length, their step, and sentences for whoever owns them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repertoire.contract import Array
from repertoire.data.dataset import SPLITS
from repertoire.data.doors import BadRows, Fact
from repertoire.readers.helpers.strokes.drawing_files import Drawing

USUAL_LONGEST = 250  # points: sketch-rnn takes no longer drawings
LOST = 0.05  # share of the drawings that a length may leave out
FINE = 64  # steps in the deviation of movements that are no whole numbers


def chosen_longest(lengths: Sequence[int]) -> int:
    """Points that nearly all drawings keep to, at most ``USUAL_LONGEST`` where they can."""
    most = int(np.quantile(lengths, 0.99, method="higher"))
    if np.mean(np.array(lengths) > USUAL_LONGEST) > LOST:
        return int(np.quantile(lengths, 1 - LOST, method="lower"))
    return min(most, USUAL_LONGEST)


def chosen_step(movements: Sequence[Array]) -> float:
    """1 for whole numbers, else a small part of the deviation of movements, in two digits."""
    every = np.concatenate(movements)[:, :2].astype(np.float64)
    if not (every % 1).any():
        return 1.0
    return float(f"{every.std() / FINE:.2g}")


def file_facts(paths: Sequence[Path], sampled: int, total: int, bad: BadRows) -> list[Fact]:
    """How many files and drawings, how many were looked at, and which cannot be used."""
    size = sum(path.stat().st_size for path in paths)
    about = "" if sampled == total else "about "
    what = "file" if len(paths) == 1 else "files"
    held = f"{len(paths):,} {what}, {size / 1e6:.2g} MB, with {about}{total:,} drawings"
    facts = [Fact("files", held)]
    if sampled < total:
        facts.append(Fact("sample", f"what follows is of the first {sampled:,} rows of the files"))
    if bad.rows:
        first = bad.rows[0]
        rows = (
            "1 row left out:" if len(bad.rows) == 1 else f"{len(bad.rows):,} rows left out, such as"
        )
        left = f"{rows} {first['file']}, row {first['row']}"
        facts.append(Fact("left out", f"{left}: {first['reason']}"))
    return facts


def drawing_facts(
    found: Sequence[Drawing], table: pd.DataFrame, config: Mapping[str, Any], usable: int
) -> list[Fact]:
    """Words, size, length and splits of what will be learned."""
    facts = [_word_fact(found, table, config), _size_fact(found, config["step"])]
    points, long = table["points"], sum(len(d.offsets) > config["longest"] for d in found)
    left = f"longer ones ({100 * long / len(found):.2g} %) are left out"
    facts.append(
        Fact(
            "length",
            f"{points.min()} to {points.max()} points, {points.median():g} in the median; "
            + (left if long else "none is left out"),
        )
    )
    if config["limit"] and config["limit"] < usable:
        taken = f"{config['limit']:,} of about {usable:,} drawings, chosen by a seed"
        facts.append(Fact("limit", f"{taken}; --limit 0 takes all"))
    counts = table["split"].value_counts()
    parts = ", ".join(f"{counts.get(split, 0):,} {split}" for split in SPLITS)
    doubled = int(table["key"].duplicated().sum())
    again = f"; {doubled:,} drawings are there twice, in one split" if doubled else ""
    facts.append(Fact("split", f"{parts} of those looked at{again}"))
    return facts


def _word_fact(found: Sequence[Drawing], table: pd.DataFrame, config: Mapping[str, Any]) -> Fact:
    words = Counter(table["word"])
    named = ", ".join(word or "(none)" for word, _ in words.most_common(5))
    told = [d.recognized for d in found if d.recognized is not None]
    sentence = f"{named}{' …' if len(words) > 5 else ''}"
    if len(words) > 1:
        first = words.most_common(1)[0][0]
        sentence += f": {len(words)} words; the net is not told which (--word {first} takes one)"
    if told:
        kept = "those alone" if config["recognized_only"] else "all are taken"
        sentence += f"; the game recognised {100 * np.mean(told):.0f} %, {kept}"
    return Fact("words", sentence)


def _size_fact(found: Sequence[Drawing], step: float) -> Fact:
    raw = sum(drawing.simplified for drawing in found)
    if raw:
        return Fact(
            "size",
            f"{raw:,} of {len(found):,} are raw: scaled to 255 steps and thinned (Douglas–Peucker, "
            "2 steps), as in QuickDraw's simplified files",
        )
    if step == 1:
        return Fact("size", "places are whole numbers and stay as they are")
    return Fact("size", f"movements are rounded to multiples of {step:g}")
