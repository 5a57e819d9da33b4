"""What a folder of tables says of series, before anything is decided about forecasting them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from repertoire.config import ConfigError
from repertoire.contract import Array
from repertoire.data.cells import numbers
from repertoire.data.dataset import SPLITS
from repertoire.data.doors import SAMPLE_BYTES, BadRowRule, BadRows, Fact, FilesNeedOption
from repertoire.data.sources import SourceError
from repertoire.data.stamps import time_format
from repertoire.data.tables import FILE, Table, ignored
from repertoire.kinds.series.steps import written
from repertoire.readers.helpers.series.choice import choose
from repertoire.readers.helpers.series.courses import NUMBER, Course, between, course, listed
from repertoire.readers.helpers.series.files import (
    SeriesTable,
    id_cells,
    observed,
    read_series,
)

LONGEST = 100_000  # steps that are used, the last ones
LARGEST_TABLE = 20_000_000  # values of several series
LONGEST_GAP = 3
LARGEST_SHARE = 0.05  # of rows that may be dropped

OPTIONS = {
    "time": "column of the time, or several that make it up (date,hour)",
    "time-format": "its format as of strptime, or ISO8601, quarter, epoch seconds, number",
    "timezone": "zone of times without an offset (Europe/Berlin); they become UTC",
    "value": "column of the values, or several: a series each",
    "id": "column, or several, that tells whose value it is, in a long table",
    "decimal": 'decimal mark of the values, "." or ","',
    "frequency": "step from a value to the next: s, min, 15min, h, D, B, W, MS, QS, YS",
    "aggregate": "makes one value of several within a step: mean, sum, first, last",
    "gaps": "missing values: fail, interpolate, leave (several series), skip (holidays)",
    "longest-gap": "so many missing values in a row may be interpolated",
    "encoding": "encoding of text files, where it is told wrongly",
    "delimiter": "what stands between the cells, where it is told wrongly",
    "columns": "names of the columns of a file without a header, with commas",
    "on-bad-row": "rows that cannot be read: fail or drop",
}


@dataclass
class Looked:
    """The table as it is read, the series' names for the config, and the course that they make."""

    table: SeriesTable
    names: list[str]
    rule: BadRowRule
    course: Course
    facts: list[Fact]
    whole: float  # steps of all files for each that was looked at


def look(raw: Path, options: Mapping[str, str]) -> Looked:
    """Raises OptionNeeded, ConfigError and SourceError as doors do."""
    read = _asked(options)
    content = read_series(raw, read, limit=SAMPLE_BYTES)
    if not read.columns and (columns := _names_for(content)):
        read = replace(read, columns=columns)
        content = read_series(raw, read, limit=SAMPLE_BYTES)
    chosen = choose(content, options, read)
    if content.sampled and chosen.table.id:
        _without_the_last(content, chosen.table)
    rule = BadRowRule(
        choice(options, "on-bad-row", BadRowRule, "on_bad_row", "fail"), LARGEST_SHARE
    )
    bad = BadRows(BadRowRule("drop", 1.0))
    seen = observed(chosen.table, chosen.names, content, bad)
    facts = [_format_fact(content, read), *ignored(raw), *chosen.facts, *_bad_facts(bad, rule)]
    found = course(chosen.table, seen)
    facts.append(_step_fact(found, chosen.table, options))
    found, names = _moving(found, [] if chosen.table.id else chosen.names, facts)
    if chosen.table.id and not content.sampled and len(found.names) > 1:
        names = found.names
    whole_of = content.rows / len(content.frame) if content.sampled else 1.0
    return Looked(chosen.table, names, rule, found, [*facts, *found.facts], whole_of)


def _asked(options: Mapping[str, str]) -> SeriesTable:
    """What the options say; the rest is found."""
    longest = whole(options, "longest-gap", LONGEST_GAP)
    columns = tuple(name.strip() for name in options.get("columns", "").split(",") if name.strip())
    return SeriesTable(
        encoding=options.get("encoding", ""),
        delimiter=options.get("delimiter", "").replace("\\t", "\t"),
        columns=columns,
        time=(),
        time_format="",
        timezone="",
        id=(),
        value="",
        decimal=".",
        frequency="",
        aggregate=choice(options, "aggregate", SeriesTable, "aggregate", "none"),
        gaps=choice(options, "gaps", SeriesTable, "gaps", "fail"),
        longest_gap=longest,
    )


def choice(options: Mapping[str, str], name: str, owner: type, field: str, default: str) -> Any:
    """An option that is one of the words that a field of a config may be."""
    value = options.get(name, default)
    words = get_args(get_type_hints(owner)[field])
    if value not in words:
        raise ConfigError(f"--{name}: {value!r} is none of: {', '.join(words)}")
    return value


def whole(options: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    """An option that is a whole number."""
    text = options.get(name, str(default))
    if not re.fullmatch(r"\d+", text) or int(text) < least:
        raise ConfigError(f"--{name}: expected a whole number of at least {least}, got {text!r}")
    return int(text)


def share(options: Mapping[str, str], name: str, default: float) -> float:
    """An option that is a share."""
    text = options.get(name, str(default))
    value = numbers_of(text)
    if not 0 < value < 1:
        raise ConfigError(f"--{name}: expected a number between 0 and 1, got {text!r}")
    return value


def numbers_of(text: str) -> float:
    """A number, or NaN."""
    import pandas as pd

    return float(numbers(pd.Series([text]), ".").iloc[0])


def _names_for(content: Table) -> tuple[str, ...]:
    """Names for the columns of a file whose first row is no header but values."""
    import pandas as pd

    if not all(form.startswith(("CSV", "TSV")) for form in content.formats):
        return ()
    names = pd.Series(content.columns)
    is_number = numbers(names, ".").notna()
    if len(names) == 1:
        return ("value",) if is_number.all() else ()
    is_time = [time_format("", names.iloc[[0]]) is not None, *[False] * (len(names) - 1)]
    if not is_number.iloc[1:].any() or not (is_number | pd.Series(is_time)).all():
        return ()
    if len(names) == 2:
        return ("time", "value")
    return ("time", *(f"value_{place}" for place in range(1, len(names))))


def _without_the_last(content: Table, table: SeriesTable) -> None:
    """Where series follow one another, a sample cuts the last one off."""
    ids = id_cells(content.frame, table.id)
    blocks = (ids != ids.shift()).sum()
    if blocks == ids.nunique() > 1:
        content.frame = content.frame[(ids != ids.iloc[-1]).to_numpy(bool)].reset_index(drop=True)


def _format_fact(content: Table, read: SeriesTable) -> Fact:
    files = content.frame[FILE].nunique()
    said = f"{', '.join(content.formats)}; {content.rows:,} rows"
    if files > 1:
        said += f" in {files:,} files"
    if read.columns:
        said += f"; without a header, columns called {', '.join(read.columns[:4])}"
    if content.sampled:
        said = said.replace(f"{content.rows:,}", f"about {content.rows:,}")
        said += f"; what follows was told from the first {len(content.frame):,}"
    return Fact("table", said)


def _bad_facts(bad: BadRows, rule: BadRowRule) -> list[Fact]:
    if not bad.rows:
        return []
    first = bad.rows[0]
    said = f"{first['file']}: row {first['row']}: {first['reason']}"
    more = f", and {len(bad.rows) - 1:,} more such" if len(bad.rows) > 1 else ""
    if rule.on_bad_row == "fail":
        raise FilesNeedOption(
            f"{said}{more}; correct it, or leave such rows out: --on-bad-row drop"
        )
    return [Fact("rows left out", f"{len(bad.rows):,}; the first: {said}")]


def _step_fact(found: Course, table: SeriesTable, options: Mapping[str, str]) -> Fact:
    how = "as asked" if "frequency" in options else "told from the times"
    last = written(found.times[-1], found.step)
    said = f"one {found.step.words}, {how}: {len(found.values):,} steps"
    if table.time_format != NUMBER:
        said += f" from {written(found.times[0], found.step)} to {last}"
    if len(found.names) > 1:
        said += f", {len(found.names):,} series"
    return Fact("frequency", said)


def _moving(found: Course, names: list[str], facts: list[Fact]) -> tuple[Course, list[str]]:
    """Without series that never change: nothing is to be forecast, and nothing to divide by."""
    held = found.values[: max(2, len(found.values) // 2)]
    with np.errstate(all="ignore"):
        moves = np.nanmax(held, axis=0, initial=-np.inf) > np.nanmin(held, axis=0, initial=np.inf)
    if moves.all():
        return found, names
    still = [found.names[place] for place in np.flatnonzero(~moves)]
    if not moves.any():
        raise SourceError(
            f"{listed(still)}: the value never changes in the first half; nothing to forecast"
        )
    facts.append(
        Fact("constant series", f"left out, for their value never changes: {listed(still)}")
    )
    found.names = [found.names[place] for place in np.flatnonzero(moves)]
    found.values, found.filled = found.values[:, moves], found.filled[:, moves]
    return found, found.names


def cut(found: Course, longest: int) -> Course:
    """The last ``longest`` steps."""
    surplus = len(found.values) - longest
    if surplus <= 0:
        return found
    found = between(found, surplus, len(found.values))
    found.facts.append(
        Fact("length", f"the last {longest:,} steps are used; {surplus:,} before them are not")
    )
    return found


def parts(found: Course, valid_share: float, test_share: float) -> Array:
    """The part of each step, (steps,): as files tell, else by shares in the order of time.

    Raises SourceError where files tell some parts alone; validation may be taken off training.
    """
    count = len(found.values)
    if found.splits is None or len(set(found.splits)) == 1:
        test = round(test_share * count)
        valid = round(valid_share * count)
        return np.repeat(SPLITS, (count - valid - test, valid, test))
    told = found.splits.astype("U5")
    if missing := {"train", "test"} - set(told):
        raise SourceError(f"the files tell no {min(missing)} part; name a file or rows so")
    if "valid" not in told:
        train = int((told == "train").sum())
        told[train - round(valid_share * train) : train] = "valid"
    return told


def split_fact(found: Course, told: Array) -> Fact:
    """How many steps each part has, and from when on."""
    said = []
    for split in SPLITS:
        inside = np.flatnonzero(told == split)
        if not len(inside):
            raise SourceError(f"the {split} part is empty; {len(told):,} steps are too few")
        first = written(found.times[inside[0]], found.step)
        said.append(f"{split} {len(inside):,} from {first} on")
    how = "in order of time"
    if found.splits is not None and len(set(found.splits)) > 1:
        how = "as the files tell"
        if "valid" not in set(found.splits):
            how += ", validation taken off the end of training"
    return Fact("split", f"{how}: {', '.join(said)}")
