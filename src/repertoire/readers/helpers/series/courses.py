"""From observations to a regular course of time: one row a step, one column a series."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.contract import Array
from repertoire.data.doors import BadRows, Fact, FilesNeedOption
from repertoire.data.sources import SourceError
from repertoire.kinds.series.steps import Step, step_called, written
from repertoire.readers.helpers.series.files import (
    SPLIT_COLUMN,
    Observations,
    SeriesTable,
    observed,
    read_series,
)

NAMED = 3  # series that a sentence names at most
SPARSE = 20  # steps a row from which on times are taken for mistyped
NUMBER = "number"  # the format of times without a calendar


@dataclass
class Course:
    """``times`` (steps,) datetime64[us], ``values`` (steps, series), NaN only where gaps are left.

    ``filled`` (steps, series): which values are interpolated. ``splits`` (steps,): their parts, or
    None where the files tell none. ``facts`` say what was done.
    """

    step: Step
    names: list[str]
    times: Array
    values: Array
    filled: Array
    splits: Array | None
    facts: list[Fact] = field(default_factory=list)


def course_of(raw: Path, table: SeriesTable, names: Sequence[str], bad: BadRows) -> Course:
    """Everything that the files hold, as a course. Raises SourceError."""
    values = [table.value] if table.value else list(names)
    wanted = [*table.time, *table.id, *values, SPLIT_COLUMN]
    return course(table, observed(table, names, read_series(raw, table, wanted), bad))


def step_of(table: SeriesTable) -> Step:
    """The step that ``frequency`` names; of times without a calendar, a number of counts."""
    step = step_called(table.frequency)
    return Step("number", step.count) if table.time_format == NUMBER else step


def course(table: SeriesTable, seen: Observations) -> Course:
    """Sorted, one value a step, gaps treated as ``table.gaps`` says. Raises SourceError."""
    step = step_of(table)
    if not len(seen.times):
        raise SourceError("the table holds no row that can be used; it needs times and values")
    seen = seen.kept(np.argsort(seen.times, kind="stable"))
    facts: list[Fact] = []
    if table.aggregate != "none":
        seen.times = step.floor(seen.times)
    places, is_whole = step.places(seen.times, seen.times[0])
    if not is_whole.all():
        _refuse_off_grid(step, seen, int(np.flatnonzero(~is_whole)[0]))
    _refuse_leap(step, seen, places)
    seen, places = _once(table, step, seen, places, facts)
    values = _matrix(seen, places)
    splits = _split_steps(seen, places, len(values))
    found = Course(
        step,
        seen.names,
        step.times(seen.times[0], np.arange(len(values))),
        values,
        np.zeros(values.shape, bool),
        splits,
        facts,
    )
    found = _window(found, table)
    return _without_gaps(found, table)


def _refuse_off_grid(step: Step, seen: Observations, index: int) -> None:
    raise FilesNeedOption(
        f"{seen.place(index)}: {written(seen.times[index])} is not a whole number of steps "
        f"({step.words}) after {written(seen.times[0])}; correct it, or make one value of all "
        f"within a step: --aggregate mean (or sum, first, last), --frequency of your choice"
    )


def _refuse_leap(step: Step, seen: Observations, places: Array) -> None:
    """A mistyped year would make a course of nothing but gaps."""
    if places[-1] < SPARSE * len(places) + SPARSE:
        return
    index = int(np.diff(places).argmax()) + 1
    raise FilesNeedOption(
        f"{seen.place(index)}: {written(seen.times[index], step)} lies {np.diff(places).max():,} "
        f"steps ({step.words}) after the time before it, and the whole has {len(places):,} rows; "
        "correct it, or choose a longer step: --frequency"
    )


def _once(
    table: SeriesTable, step: Step, seen: Observations, places: Array, facts: list[Fact]
) -> tuple[Observations, Array]:
    """One row a step and series: exact repeats are dropped, others aggregated or refused."""
    owners = np.zeros(len(places), np.int64) if seen.owners is None else seen.owners
    keys = pd.DataFrame({"place": places, "owner": owners})
    again = keys.duplicated().to_numpy()
    if not again.any():
        return seen, places
    cells = pd.DataFrame(seen.values)
    groups = cells.groupby([keys["place"], keys["owner"]], sort=False)
    first = groups.transform("first").to_numpy()
    differs = again & ((seen.values != first) & ~np.isnan(seen.values)).any(1)
    if table.aggregate == "none" and not differs.any():
        facts.append(Fact("repeated rows", f"{again.sum():,} exact repeats are read once"))
        values = groups.first().to_numpy()
    elif table.aggregate == "none":
        _refuse_twice(step, seen, keys, int(np.flatnonzero(differs)[0]))
    else:
        how = "of" if table.aggregate in ("first", "last") else "over"
        facts.append(
            Fact(
                "aggregation",
                f"{len(places):,} rows become {len(groups):,} values: the {table.aggregate} {how} "
                f"each {step.words}; the first and the last may lack rows",
            )
        )
        values = (
            groups.sum(min_count=1)
            if table.aggregate == "sum"
            else getattr(groups, table.aggregate)()
        ).to_numpy()
    kept = seen.kept(~again)
    kept.values = values
    return kept, places[~again]


def _refuse_twice(step: Step, seen: Observations, keys: pd.DataFrame, index: int) -> None:
    same = np.flatnonzero((keys == keys.iloc[index]).all(axis=1).to_numpy())
    rows = sorted(int(seen.rows[i]) for i in same[:2])
    whose = "" if seen.owners is None else f" of {seen.names[seen.owners[index]]}"
    time = seen.times[index]
    autumn = (time.astype("datetime64[M]").astype(np.int64) % 12 + 1) in (4, 9, 10, 11)
    local = (
        "; if clocks were set back then, name the zone: --timezone Europe/Berlin"
        if autumn and step.count < 86400 and step.unit == "second"
        else ""
    )
    raise FilesNeedOption(
        f"{seen.files[index]}: rows {rows[0]} and {rows[1]} give two values{whose} for "
        f"{written(time, step)}; keep one, or make one value of them: --aggregate mean (or sum, "
        f"first, last){local}"
    )


def _matrix(seen: Observations, places: Array) -> Array:
    width = len(seen.names)
    values = np.full((int(places.max()) + 1, width), np.nan)
    if seen.owners is None:
        values[places] = seen.values
    else:
        values[places, seen.owners] = seen.values[:, 0]
    return values


def _split_steps(seen: Observations, places: Array, steps: int) -> Array | None:
    """The part of each step; that of a gap is that of the step before it."""
    if (seen.splits == "").any():
        return None
    known = pd.Series(seen.splits, index=places)
    known = known[~known.index.duplicated()].reindex(range(steps)).ffill()
    order = known.map({"train": 0, "valid": 1, "test": 2}).to_numpy()
    if (np.diff(order) < 0).any():
        raise SourceError(
            "the parts that file names or the column split tell do not follow one another in time; "
            "train must end before validation begins, and that before test"
        )
    return known.to_numpy(str)


def _window(found: Course, table: SeriesTable) -> Course:
    """From the first to the last value; of several series, the time that all of them share."""
    known = ~np.isnan(found.values)
    if never := [found.names[i] for i in np.flatnonzero((~known).all(axis=0))]:
        raise SourceError(f"{listed(never)}: no value at all; choose others with --value")
    first, last = known.argmax(0), len(known) - known[::-1].argmax(0)
    if table.gaps == "leave":
        return found
    start, end = int(first.max()), int(last.min())
    late = [found.names[i] for i in np.argsort(-first) if first[i] > first.min()]
    early = [found.names[i] for i in np.argsort(last) if last[i] < last.max()]
    if end - start < 2:
        raise FilesNeedOption(
            f"the series share no time: {late[0] if late else found.names[0]} begins at "
            f"{written(found.times[first.max()], found.step)}, {(early or late)[0]} ends at "
            f"{written(found.times[last.min() - 1], found.step)}; leave such series out, or count "
            "what lies outside as missing: --gaps leave"
        )
    if len(found.names) > 1 and (late or early):
        said = [f"{listed(late)} begin later" if late else ""]
        said.append(f"{listed(early)} end earlier" if early else "")
        found.facts.append(
            Fact(
                "common time",
                f"{end - start:,} of {len(known):,} steps, "
                f"{written(found.times[start], found.step)} to "
                f"{written(found.times[end - 1], found.step)}, which all {len(found.names)} "
                f"series have: {' and '.join(s for s in said if s)}; --gaps leave would keep all "
                "steps and count what is absent as missing",
            )
        )
    return between(found, start, end)


def between(found: Course, start: int, end: int) -> Course:
    kept = slice(start, end)
    return Course(
        found.step,
        found.names,
        found.times[kept],
        found.values[kept],
        found.filled[kept],
        None if found.splits is None else found.splits[kept],
        found.facts,
    )


def listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _without_gaps(found: Course, table: SeriesTable) -> Course:
    """Gaps refused, filled, skipped or left, and a fact that says so."""
    absent = np.isnan(found.values)
    if not absent.any():
        return found
    steps = int(absent.any(1).sum())
    counted = f"{steps:,} of {len(absent):,} steps lack a value"
    if len(found.names) > 1:
        counted += f" ({absent.sum():,} of {absent.size:,} values)"
    if table.gaps == "leave":
        told = (
            f"{counted}; they are left out of loss and metrics, and the net sees the value before"
        )
    elif table.gaps == "skip":
        kept = ~absent.any(1)
        told = f"{counted} and are skipped: the next value counts as the next step"
        found.times, found.values = found.times[kept], found.values[kept]
        found.filled = found.filled[kept]
        found.splits = None if found.splits is None else found.splits[kept]
    elif table.gaps == "interpolate":
        _interpolate(found, table.longest_gap)
        told = (
            f"{counted} and are interpolated by straight lines, which lean on the value after the "
            f"gap (at most {table.longest_gap} in a row)"
        )
    else:
        place, column = (int(each[0]) for each in np.nonzero(absent))
        whose = f" of {found.names[column]}" if len(found.names) > 1 else ""
        leave = ", leave them missing: --gaps leave" if len(found.names) > 1 else ""
        raise FilesNeedOption(
            f"no value{whose} at {written(found.times[place], found.step)}; {counted} "
            f"(step: {found.step.words}). Add them, or fill them: --gaps interpolate{leave}, or "
            "take the next value for the next step (holidays): --gaps skip"
        )
    found.facts.append(Fact("gaps", told))
    return found


def _interpolate(found: Course, longest: int) -> None:
    """Fill gaps between known values, in place. Raises FilesNeedOption for one that is too long."""
    for column, name in enumerate(found.names):
        absent = np.isnan(found.values[:, column])
        edges = np.flatnonzero(np.diff(np.concatenate(([0], absent, [0]))))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start > longest:
                whose = f" of {name}" if len(found.names) > 1 else ""
                raise FilesNeedOption(
                    f"{end - start:,} values{whose} in a row are missing from "
                    f"{written(found.times[start], found.step)} on, more than {longest} may be "
                    f"filled; allow it: --longest-gap {end - start}, or choose another --gaps"
                )
        known = np.flatnonzero(~absent)
        lost = np.flatnonzero(absent)
        found.values[lost, column] = np.interp(lost, known, found.values[known, column])
        found.filled[lost, column] = True
