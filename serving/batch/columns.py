"""Which columns of a file a task takes, and which go on to the output as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.model import Model
from repertoire.runtime.spelling import Names
from repertoire.runtime.task import Task
from serving.batch.csv_files import Row

Take = Callable[[Row], Row]
"""A row of a file under the names that a task or a graph knows; raises Malformed."""
ALL = "all"
READ = ("text", "source")  # encodings of what a task reads


@dataclass(frozen=True)
class Head:
    """The beginning of a table: its columns and some rows; `spelled` where every cell is a text.

    `files`: there is no table, each file is a row.
    """

    source: Path
    names: Sequence[str]
    rows: Sequence[Row]
    spelled: bool
    files: bool = False

    def find(self, column: str) -> str:
        """A column as the file spells it. Raises InvalidInput for one that is not there."""
        names = Names.of(self.names)
        if (number := names.find(column)) is not None:
            return self.names[number]
        near = names.near(column, most=1)
        hint = f"; did you mean {self.names[near[0]]}" if near else ""
        raise InvalidInput(f"{self.source} has no column {column}{hint}; {self.listing()}")

    def listing(self) -> str:
        """The columns in words."""
        return f"its columns are {', '.join(self.names) or 'none'}"

    def texts(self) -> list[str]:
        """The columns that hold texts other than numbers."""
        return [n for n in self.names if any(_is_text(row.get(n)) for row in self.rows)]


@dataclass(frozen=True)
class Kept:
    """What of a row goes on to the output: its name there -> the file's column; or `every` one."""

    columns: Mapping[str, str]
    every: bool

    def __bool__(self) -> bool:
        return self.every or bool(self.columns)

    def of(self, row: Row, answer: Row) -> Row:
        """Raises InvalidInput where the answer has a column of that name, too."""
        others = [n for n in row if n not in self.columns.values()] if self.every else []
        kept = {**{name: name for name in others}, **self.columns}
        if clash := next((name for name in kept if name in answer), None):
            raise InvalidInput(
                f"the answers have a column {clash} of their own; keep that of the file under "
                f"another name: --keep NAME={kept[clash]}"
            )
        return {name: row.get(column) for name, column in kept.items()}


@dataclass(frozen=True)
class Taken:
    """How rows of a file become those of a task, the columns for it, and a line that says so."""

    take: Take
    columns: set[str]
    line: str


def kept(head: Head, asked: Sequence[tuple[str, str]]) -> Kept:
    """Of pairs of a name in the output and a column. Raises InvalidInput."""
    if asked and head.files:
        raise InvalidInput(f"{head.source} holds files, not a table: it has no columns to keep")
    columns = {name: head.find(column) for name, column in asked if (name, column) != (ALL, ALL)}
    return Kept(columns, (ALL, ALL) in asked)


def check_alike(first: Head, other: Head, wanted: Iterable[str]) -> None:
    """Raises InvalidInput for a table that lacks a column which the first one gives."""
    if missing := sorted(set(wanted).difference(other.names)):
        raise InvalidInput(
            f"{other.source} has no column {missing[0]}, which {first.source} has; "
            f"{other.listing()}"
        )


def of_task(
    head: Head, model: Model, task: Task, settings: Mapping[str, Any], given: Mapping[str, str]
) -> Taken:
    """How rows of the file become those of the task.

    A column is as `given`, else called as the task calls it, else as the model's data called it,
    else the only one of texts. Raises InvalidInput.
    """
    given = {name: head.find(column) for name, column in given.items()}
    names = {task.rows: task.column, **{field: column for column, field in task.others.items()}}
    taken = {names.get(name, name): column for name, column in given.items()}
    listed = task.columns.names(model, settings) if task.columns else ()
    _check_known(task, [*names.values(), *listed], taken)
    here = [name for name in names.values() if taken.get(name, name) in head.names]
    if task.columns and listed and not here:
        _check_listed(head, listed, taken)
        places = [taken.get(name, name) for name in listed]
        listing = _cells if task.columns.raw(model) else _listing
        take, line = listing(head, places, names[task.columns.field]), f"row: {', '.join(listed)}"
        return Taken(take, set(places), line)
    if here or not head.names:  # of a file without a row, each line says what is wrong with it
        line = f"{here[0]}: the column {taken[here[0]]}" if here and here[0] in taken else ""
    else:
        taken[task.column], why = _told(head, model, task)
        line = f"{task.column}: the column {taken[task.column]}, {why}"
    texts = names.values() if task.takes_text else ()
    take = renaming(taken, texts, {*names.values(), *taken}, head.spelled)
    return Taken(take, {*names.values(), *taken.values()}, line)


def renaming(
    taken: Mapping[str, str], texts: Iterable[str], read: Iterable[str], spelled: bool
) -> Take:
    """Columns under other names; of `spelled` cells those to `read` are JSON, if not `texts`."""
    as_they_are = set(texts)
    parsed = [name for name in read if name not in as_they_are] if spelled else []

    def take(row: Row) -> Row:
        if not taken and not parsed:
            return row
        known = {**row, **{name: row.get(column) for name, column in taken.items()}}
        for name in parsed:
            if name in known:
                known[name] = _parsed(known[name])
        return known

    return take


def _check_known(task: Task, names: Sequence[str], taken: Mapping[str, str]) -> None:
    """A task over many rows at once takes nothing else of them."""
    if task.many and (unknown := [name for name in taken if name not in names]):
        raise InvalidInput(
            f"of a row this task takes {', '.join(names)}, not {unknown[0]}; one value for all "
            f"rows is a setting: --set {unknown[0]}=VALUE"
        )


def _check_listed(head: Head, listed: Sequence[str], taken: Mapping[str, str]) -> None:
    if missing := [name for name in listed if taken.get(name, name) not in head.names]:
        raise InvalidInput(
            f"{head.source} has no column {', '.join(missing)}; {head.listing()}; "
            f"say which one it is: --column {missing[0]}=NAME"
        )


def _cells(head: Head, places: Sequence[str], column: str) -> Take:
    """Cells as the file has them as one list, in the order that the model knows."""

    def take(row: Row) -> Row:
        return {column: [row.get(place) for place in places]}

    return take


def _listing(head: Head, places: Sequence[str], column: str) -> Take:
    """Columns of numbers as one list, in the order that the model knows."""

    def take(row: Row) -> Row:
        return {column: [_number(row, place, head.spelled) for place in places]}

    return take


def _number(row: Row, column: str, spelled: bool) -> Any:
    value = row.get(column)
    if value is None:
        raise Malformed(f"the row has no {column}")
    try:
        return float(value) if spelled else value
    except ValueError:
        raise Malformed(f"{column} is {value[:80]!r}, not a number") from None


def _told(head: Head, model: Model, task: Task) -> tuple[str, str]:
    """A column that nobody named, and why it is that one. Raises InvalidInput."""
    for encoding in (model.manifest.encodings.get(name, {}) for name in READ):
        if (column := encoding.get("column")) in head.names:
            return column, "as in the training data"
    texts = head.texts() if task.takes_text else []
    if len(texts) == 1:
        return texts[0], "the only one of texts"
    raise InvalidInput(
        f"{head.source} has no column {task.column}; {head.listing()}; say which one it is: "
        f"--column {task.column}=NAME"
    )


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def _parsed(value: Any) -> Any:
    """A cell as JSON where it is such, else the text."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return value
