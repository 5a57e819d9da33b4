"""A run over files of rows that goes on where it stopped: what it keeps, and where.

Rows are cut into chunks of a fixed number, each of one source. A chunk's answers are a part, a file
in OUTPUT.parts; beside it a note says which model made it and which rows it could not answer. Both
are written whole or not at all, the part last, and under names that the chunk alone decides. So a
chunk that is answered twice, by a process that was killed or by two at once, is there once.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson

from repertoire.runtime.errors import InferenceError, InvalidInput
from serving.batch import cells, parts, places, rows
from serving.batch.answers import Item
from serving.batch.columns import Kept
from serving.batch.csv_files import Row
from serving.batch.files import Files
from serving.batch.rows import Source

SEVERAL = "input"  # the column that names the source of a row where there are several


@dataclass(frozen=True)
class Chunk:
    """Rows of a source that one part answers, with their numbers in it."""

    source: int
    number: int
    items: Sequence[Item]

    @property
    def name(self) -> str:
        return _called(self.source, self.number)


@dataclass(frozen=True)
class Job:
    """A run over sources; `identity` holds all that decides its output.

    `size` is the number of rows of a chunk, `types` those of the output's columns that are known
    beforehand, where it is Parquet; `made` says which model answers.
    """

    sources: Sequence[Source]
    output: Path
    size: int
    identity: Mapping[str, str]
    made: Mapping[str, Any]
    kept: Kept
    types: parts.Types

    @property
    def files(self) -> Files:
        return Files(self.output)

    @property
    def folder(self) -> Path:
        return self.files.parts

    @property
    def journal(self) -> Path:
        return self.folder / "job.jsonl"

    def part(self, name: str) -> Path:
        return self.folder / f"part-{name}{parts.suffix_of_parts(self.output)}"

    def note(self, name: str) -> Path:
        return self.folder / f"note-{name}.json"

    def end(self, source: int) -> Path:
        """Says how many parts a source has, once it was read to its end."""
        return self.folder / f"end-{source:05}.json"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keeps other processes of this machine out. Raises InvalidInput if one is in, or if the
        job changed. After an error before the first part nothing is left."""
        places.make_folder(self.folder)
        with self._locked():
            self._check_identity()
            try:
                yield
            except Exception:
                if not any(name.startswith("part-") for name in places.names_in(self.folder)):
                    places.remove_folder(self.folder)
                raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Only on a local disk: a store has no locks, and needs none to hold each row once."""
        if not places.is_local(self.folder):
            yield
            return
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidInput(f"another process is writing {self.output}; wait for it") from error

    def _check_identity(self) -> None:
        unfinished = places.unfinished(self.journal).name
        if not self.journal.exists():
            if places.names_in(self.folder) - {unfinished}:
                raise InvalidInput(f"{self.folder} is no folder of this job; rename or delete it")
            _write_json(self.journal, dict(self.identity))
        remedy = f"delete {self.folder} to start again, or restore what it began with"
        try:
            before = orjson.loads(self.journal.read_bytes())
            changed = [key for key, value in self.identity.items() if before.get(key) != value]
        except (ValueError, AttributeError) as error:
            raise InvalidInput(f"{self.journal} is damaged; {remedy}") from error
        if changed:
            raise InvalidInput(f"{', '.join(changed)} changed since this job began; {remedy}")

    def left(self) -> Iterator[Chunk]:
        """The chunks whose parts are not there, source after source."""
        there = places.names_in(self.folder)
        for source in range(len(self.sources)):
            if self.end(source).name not in there or self._lacking(source, there):
                yield from self.left_of(source, there)

    def _lacking(self, source: int, there: Collection[str]) -> bool:
        return any(self.part(name).name not in there for name in self._names(source))

    def left_of(self, source: int, there: Collection[str]) -> Iterator[Chunk]:
        """Those of one source; `there` are the names in the folder."""
        names = (_called(source, number) for number in itertools.count())
        first = next(n for n, name in enumerate(names) if self.part(name).name not in there)
        items = enumerate(rows.read(self.sources[source], first * self.size), first * self.size)
        for number in itertools.count(first):
            chunk = Chunk(source, number, list(itertools.islice(items, self.size)))
            if not chunk.items:
                _write_json(self.end(source), {"parts": number})
                return
            if self.part(chunk.name).name not in there:
                yield chunk

    def _names(self, source: int) -> list[str]:
        count = orjson.loads(self.end(source).read_bytes())["parts"]
        return [_called(source, number) for number in range(count)]

    def keep(self, chunk: Chunk, answers: Sequence[Item]) -> None:
        """Writes the part and the note of a chunk; `answers` in the order of its rows."""
        good: list[Row] = []
        bad: dict[int, str] = {}
        for place, (number, answer) in enumerate(answers):
            if isinstance(answer, InferenceError):
                bad[place] = str(answer)
            else:
                good.append(self._row(chunk, place, number, answer))
        content, wrong = parts.spelled(good, self.types, self.part(chunk.name).suffix)
        answered = [place for place in range(len(answers)) if place not in bad]
        bad |= {answered[place]: why for place, why in wrong.items()}
        told = [self._told(chunk, place, bad[place]) for place in sorted(bad)]
        count = len(answers) - len(bad)
        note = {"made": self.made, "answered": count, "columns": _names(good), "bad": told}
        _write_json(self.note(chunk.name), note)
        # The part comes last: that it is there says that its note is, too.
        parts.write(self.part(chunk.name), content, self.made)

    def _row(self, chunk: Chunk, place: int, number: int, answer: Row) -> Row:
        """What is written of a row."""
        row = cast("Row", chunk.items[place][1])
        here = self._place(chunk.source, number)
        if not self.kept and "file" not in row:
            return {**here, **answer}
        kept = self.kept.of(row, {**here, **answer})
        return {**here, **kept, **_name_of(row), **answer}

    def _told(self, chunk: Chunk, place: int, reason: str) -> Row:
        """What is written of a row that was not answered."""
        number, row = chunk.items[place]
        name = {} if isinstance(row, InferenceError) else _name_of(row)
        return {**self._place(chunk.source, number), **name, "reason": rows.printable(reason)}

    def _place(self, source: int, number: int) -> Row:
        """Where a row comes from."""
        if len(self.sources) == 1:
            return {"row": number}
        return {SEVERAL: self.sources[source].name, "row": number}

    def finish(self) -> tuple[int, int]:
        """Joins the parts into the output. Returns the rows answered and the bad ones."""
        names = [name for source in range(len(self.sources)) for name in self._names(source)]
        there = places.names_in(self.folder)
        if lacking := [name for name in names if self.part(name).name not in there]:
            raise InvalidInput(f"{len(lacking)} parts are missing; start again to make them")
        counts, columns = list[tuple[int, int]](), dict[str, None]()
        for note in self._notes(names):
            counts.append((note["answered"], len(note["bad"])))
            columns |= dict.fromkeys(note["columns"])
        answered, failed = sum(good for good, _ in counts), sum(bad for _, bad in counts)
        if failed:
            spoilt = [name for name, (_, bad) in zip(names, counts, strict=True) if bad]
            with places.writing(self.files.errors) as file:
                for note in self._notes(spoilt):
                    file.writelines(cells.json(line) + b"\n" for line in note["bad"])
        else:
            self.files.errors.unlink(missing_ok=True)
        if answered:
            parts.merge([self.part(name) for name in names], self.output, self.made, list(columns))
        else:  # an older one would look like that of this job
            self.output.unlink(missing_ok=True)
        self._remove_parts()
        return answered, failed

    def _notes(self, names: Sequence[str]) -> Iterator[Any]:
        return map(orjson.loads, places.contents([self.note(name) for name in names]))

    def _remove_parts(self) -> None:
        """Renamed first where that is one step: half a folder of parts looks like half a job."""
        folder = self.folder
        if places.is_local(folder):
            folder = self.files.finished
            places.remove_folder(folder)
            self.folder.rename(folder)
        places.remove_folder(folder)


def _called(source: int, number: int) -> str:
    """The name of a chunk, by which its part and its note are called."""
    return f"{source:05}-{number:08}"


def identity(**content: object) -> dict[str, str]:
    """Each as text, in ASCII, for names of files may hold anything."""
    return {key: json.dumps(value) for key, value in content.items()}


def _names(rows_: Sequence[Row]) -> list[str]:
    """The columns of rows, of which most have the same."""
    found: dict[str, None] = {}
    for row in rows_:
        if not row.keys() <= found.keys():
            found |= dict.fromkeys(row)
    return list(found)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with places.writing(path) as file:
        file.write(cells.json(content) + b"\n")


def _name_of(row: Row) -> Row:
    """The file that a row is about, if it says so: it goes on to the output by itself."""
    return {"file": row["file"]} if "file" in row else {}
