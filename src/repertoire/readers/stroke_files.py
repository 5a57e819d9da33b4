"""Drawings in files of somebody's own: QuickDraw's lines of JSON and stroke-3 archives.

Places of lines are whole numbers of steps as in QuickDraw's simplified files; raw ones are brought
to that size and thinned. Movements of archives are rounded to whole multiples of ``step``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Count, Natural, Positive, Seed, Share, parse
from repertoire.data.dataset import Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.strokes.encoding import encoded_drawings
from repertoire.readers.helpers.options import one_of, refuse, whole_number
from repertoire.readers.helpers.own_files import (
    completed_splits,
    splits_of,
    visible_files,
    without_leaks,
)
from repertoire.readers.helpers.strokes.drawing_facts import (
    chosen_longest,
    chosen_step,
    drawing_facts,
    file_facts,
)
from repertoire.readers.helpers.strokes.drawing_files import (
    ARCHIVES,
    LINES,
    Drawing,
    DrawingError,
    Row,
    drawing_of,
    is_archive,
    is_lines,
    rows_of,
)
from repertoire.readers.helpers.strokes.pen_paths import stepped

KIND = "strokes"
SAMPLE_ROWS, SAMPLE_BYTES = 3000, 3 << 20  # of larger files, a proposal looks at so much
USUAL_LIMIT = 20_000  # drawings that a proposal takes of more
LARGEST_BAD_SHARE = 0.1
OPTIONS: Mapping[str, str] = {
    "word": "drawings of these words alone, separated by commas (default: all)",
    "recognized": "any (default), or only: those that the game recognised",
    "longest": "points of a drawing; longer ones are left out (default: from the drawings)",
    "limit": f"take at most so many drawings, by a seed (default: {USUAL_LIMIT:,}; 0: all)",
    "on-bad-row": "fail (default) or drop: what happens to a row that is no drawing",
}


@dataclass(frozen=True)
class Config:
    """``words`` and ``recognized_only`` choose drawings, none named: all; ``limit`` 0: all.

    Files, folders and arrays called train, valid and test decide splits where there are any. The
    ``seed`` chooses, deals, and moves the offsets within their step.
    """

    words: tuple[str, ...]
    recognized_only: bool
    longest: Count  # points of a drawing
    step: Positive  # in the unit of the file
    limit: Natural
    seed: Seed
    valid_share: Share
    test_share: Share
    bad_rows: BadRowRule


@dataclass(frozen=True)
class Place:
    """A row of a file, and the split that its place tells."""

    path: Path
    row: Row
    split: str


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a drawing; ``offsets`` holds its movements in whole steps."""
    raw, bad = files["raw"], BadRows(config.bad_rows)
    chosen = _chosen(config, raw)
    places = enumerate(_places(raw))
    kept = (place for number, place in places if chosen is None or number in chosen)
    return bad.checked(table_of(config, list(_read(raw, kept, bad))))


def drawing_paths(raw: Path) -> list[Path]:
    """The files whose names are those of drawings. Raises SourceError where there are none."""
    found = [path for path in visible_files(raw) if is_lines(path) or is_archive(path)]
    if not found:
        raise SourceError(f"{raw.name}: holds no drawings ({', '.join(LINES + ARCHIVES)})")
    return found


def _places(raw: Path) -> Iterator[Place]:
    """Rows of every file in order."""
    paths = drawing_paths(raw)
    for path, split in zip(paths, splits_of(raw, paths, by_name=True), strict=True):
        for row in rows_of(path):
            yield Place(path, row, row.split or split)


def _sample(raw: Path, paths: Sequence[Path]) -> list[Place]:
    """The first rows of each file, twenty at least where it has as many."""
    found = []
    for path, split in zip(paths, splits_of(raw, paths, by_name=True), strict=True):
        size = 0
        for number, row in enumerate(rows_of(path)):
            full = number * len(paths) >= SAMPLE_ROWS or size * len(paths) >= SAMPLE_BYTES
            if full and number >= 20:
                break
            size += len(row.content) if isinstance(row.content, bytes) else row.content.nbytes
            found.append(Place(path, row, row.split or split))
    return found


def _chosen(config: Config, raw: Path) -> set[int] | None:
    """The numbers of the rows that ``limit`` leaves, among those that are wanted; None for all."""
    if not config.limit:
        return None
    plain = not config.words and not config.recognized_only
    wanted = [
        number
        for number, place in enumerate(_places(raw))
        if plain or _is_wanted(config, _drawing(place))
    ]
    order = np.random.default_rng(config.seed).permutation(len(wanted))[: config.limit]
    return {wanted[place] for place in order}


def _drawing(place: Place) -> Drawing | None:
    try:
        return drawing_of(place.path, place.row)
    except DrawingError:
        return None


def _is_wanted(config: Config, drawing: Drawing | None) -> bool:
    """Rows that are no drawings stay, to be refused or counted."""
    return drawing is None or _matches(config.words, config.recognized_only, drawing)


def _matches(words: Sequence[str], recognized_only: bool, drawing: Drawing) -> bool:
    if words and drawing.word not in words:
        return False
    return drawing.recognized is not False or not recognized_only


Found = tuple[str, str, Drawing]  # the file and row, the split that they tell, and the drawing


def _read(raw: Path, places: Iterator[Place], bad: BadRows) -> Iterator[Found]:
    for place in places:
        name = place.path.relative_to(raw).as_posix()
        name += f":{place.row.array}" if place.row.array else ""
        try:
            yield f"{name} {place.row.number}", place.split, drawing_of(place.path, place.row)
        except DrawingError as error:
            bad.add(name, place.row.number, str(error))


def table_of(config: Config, found: Sequence[Found]) -> pd.DataFrame:
    """The rows of drawings that are wanted and short enough. Raises SourceError for too few."""
    rows = []
    for name, split, drawing in found:
        if not _is_wanted(config, drawing) or len(drawing.offsets) > config.longest:
            continue
        offsets = stepped(drawing.offsets, config.step)
        known = {"drawing": name, "word": drawing.word, "split": split}
        rows.append({**known, **described(offsets)})
    if not rows:
        raise SourceError(
            f"none of {len(found):,} drawings has at most {config.longest} points and one of the "
            f"words {', '.join(config.words) or '(any)'}; change --longest or --word"
        )
    table = without_leaks(pd.DataFrame(rows))
    shares = {"valid": config.valid_share, "test": config.test_share}
    told, keys = table["split"].tolist(), table["key"].tolist()
    table["split"] = completed_splits(told, keys, [1.0] * len(table), config.seed, shares)
    return table


def described(offsets: np.ndarray) -> dict[str, Any]:
    """The columns of a drawing of whole steps."""
    return {
        "offsets": offsets,
        "points": len(offsets),
        "strokes": int(offsets[:, 2].sum()),
        "farthest": int(np.abs(offsets[:, :2]).max()),
        "last_pen": int(offsets[-1, 2]),
        "key": hashlib.sha256(offsets.tobytes()).hexdigest()[:16],
    }


def expectations(config: Config) -> list[Expectation]:
    """Lengths, movements, and a pen that is lifted at last."""
    between = "ExpectColumnValuesToBeBetween"
    return [
        expect(
            f"a drawing has 1 to {config.longest} points",
            between,
            column="points",
            min_value=1,
            max_value=config.longest,
        ),
        expect("a drawing has a stroke", between, column="strokes", min_value=1),
        expect(
            "the last point lifts the pen",
            "ExpectColumnValuesToBeInSet",
            column="last_pen",
            value_set=[1],
        ),
        expect(
            "pens move",
            "ExpectColumnMaxToBeBetween",
            column="farthest",
            min_value=1,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """``points`` float32 (rows, longest, 3) padded with 0, and ``lengths``."""
    encoded = encoded_drawings(table, config.longest, config.seed)
    train = table[table["split"] == "train"]
    encoded.facts["usual_points"] = int(train["points"].median())
    encoded.facts["drawn"] = table["word"].value_counts().to_dict()
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """A length, a step and a number of drawings that fit the files."""
    on_bad_row = one_of(options, "on-bad-row", ("fail", "drop"))
    bad = BadRows(BadRowRule("drop", LARGEST_BAD_SHARE))
    paths = drawing_paths(raw)
    sample = _sample(raw, paths)
    found = list(_read(raw, iter(sample), bad))
    if on_bad_row == "fail":
        refuse(bad, "rows")
    if not found:
        raise SourceError(f"{raw.name}: holds no drawing that can be read")
    total = _estimated([(place.path, place.row.read) for place in sample])
    content = {
        **_settings(options, [drawing for _, _, drawing in found], total),
        "seed": 1,
        "valid_share": 0.05,
        "test_share": 0.1,
        "bad_rows": {"on_bad_row": on_bad_row, "largest_share": LARGEST_BAD_SHARE},
    }
    config = parse(Config, content, "stroke_files")
    wanted = [each for each in found if _is_wanted(config, each[2])]
    table = table_of(config, wanted)
    rows = round(total * len(table) / len(found))
    facts = [
        *file_facts(paths, len(sample), total, bad),
        *drawing_facts([each for _, _, each in wanted], table, content, rows),
    ]
    baseline = {"rows": 20_000, "components": 16, "iterations": 100, "seed": 1}
    rows = min(rows, config.limit) if config.limit else rows
    return Proposal("stroke_files", content, baseline, facts, table, rows)


def _settings(options: Mapping[str, str], found: Sequence[Drawing], total: int) -> dict[str, Any]:
    """What options and drawings decide."""
    words = tuple(word.strip() for word in options.get("word", "").split(",") if word.strip())
    only = one_of(options, "recognized", ("any", "only")) == "only"
    wanted = [each for each in found if _matches(words, only, each)]
    if not wanted:
        known = ", ".join(sorted({each.word for each in found})[:20])
        raise ConfigError(f"--word: no drawing of {', '.join(words)}; there are: {known}")
    limit = whole_number(options, "limit", 0, 100_000_000)
    if limit is None:
        limit = USUAL_LIMIT if total * len(wanted) / len(found) > USUAL_LIMIT else 0
    lengths = [len(each.offsets) for each in wanted]
    return {
        "words": list(words),
        "recognized_only": only,
        "longest": whole_number(options, "longest", 1, 4000) or chosen_longest(lengths),
        "step": chosen_step([each.offsets for each in wanted]),
        "limit": limit,
    }


def _estimated(sample: Sequence[tuple[Path, float]]) -> int:
    """How many rows the files hold, by the share of each that was read."""
    table = pd.DataFrame(sample, columns=["path", "read"])
    return round(sum(len(rows) / rows["read"].max() for _, rows in table.groupby("path")))
