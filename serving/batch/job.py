"""A run over a file of rows that goes on where it stopped: what it keeps, and where."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from repertoire.runtime.errors import InferenceError, InvalidInput, Malformed
from serving.batch import parts, rows
from serving.batch.answers import Answer, Item, attempt
from serving.batch.columns import Kept
from serving.batch.csv_files import Row
from serving.batch.rows import Source

BATCHES_A_PART = 16


@dataclass(frozen=True)
class Job:
    """A run over an input; `identity` holds all that decides its output.

    `types` are those of the output's columns that are known beforehand, where it is Parquet.
    """

    source: Source
    output: Path
    batch_size: int
    identity: Mapping[str, str]
    kept: Kept
    types: parts.Types

    @property
    def folder(self) -> Path:
        return _beside(self.output, "parts")

    @property
    def errors(self) -> Path:
        return errors_of(self.output)

    @property
    def _journal(self) -> Path:
        return self.folder / "job.jsonl"

    def part(self, number: int) -> Path:
        return self.folder / f"part-{number:08}{parts.suffix_of_parts(self.output)}"

    def bad_part(self, number: int) -> Path:
        return self.folder / f"errors-{number:08}.jsonl"

    def run(self, answer: Answer) -> tuple[int, int]:
        """Does what is left and joins the parts. Returns the rows answered and the bad ones."""
        with self._claimed(), self._left_only_with_parts():
            done = next(number for number in itertools.count() if not self.part(number).exists())
            size = self.batch_size * BATCHES_A_PART
            left = enumerate(rows.read(self.source, done * size), done * size)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                while chunk := list(itertools.islice(left, size)):
                    starts = range(0, len(chunk), self.batch_size)
                    groups = [chunk[start : start + self.batch_size] for start in starts]
                    answered = pool.map(partial(attempt, answer), groups)
                    self._keep(done, chunk, [item for group in answered for item in group])
                    done += 1
            return self._finish(done)

    @contextlib.contextmanager
    def _claimed(self) -> Iterator[None]:
        """Keeps other processes out. Raises InvalidInput if one is in, or if the job changed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            self._lock(handle)
            self._check_identity()
            yield
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _left_only_with_parts(self) -> Iterator[None]:
        """After an error in the first part there is nothing to go on from."""
        try:
            yield
        except Exception:
            if not self.part(0).exists():
                shutil.rmtree(self.folder)
            raise

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidInput(f"another process is writing {self.output}; wait for it") from error

    def _check_identity(self) -> None:
        unfinished = parts.unfinished(self._journal).name
        if not self._journal.exists():
            if any(file.name != unfinished for file in self.folder.iterdir()):
                raise InvalidInput(f"{self.folder} is no folder of this job; rename or delete it")
            parts.write_lines(self._journal, [dict(self.identity)])
        remedy = f"delete {self.folder} to start again, or restore what it began with"
        try:
            before = orjson.loads(self._journal.read_bytes())
            changed = [key for key, value in self.identity.items() if before.get(key) != value]
        except (ValueError, AttributeError) as error:
            raise InvalidInput(f"{self._journal} is damaged; {remedy}") from error
        if changed:
            raise InvalidInput(f"{', '.join(changed)} changed since this job began; {remedy}")

    def _keep(self, number: int, asked: Sequence[Item], items: Sequence[Item]) -> None:
        good: list[parts.Spelled] = []
        bad: list[Row] = []
        for (place, answer), (_, row) in zip(items, asked, strict=True):
            try:
                good.append(self._written(place, row, answer))
            except Malformed as error:
                name = {} if isinstance(row, InferenceError) else _name_of(row)
                bad.append({"row": place, **name, "reason": rows.printable(str(error))})
        # The part comes last: that it is there says that its errors are, too.
        parts.write_lines(self.bad_part(number), bad)
        parts.write(self.part(number), good, self.types)

    def _written(
        self, place: int, row: Row | InferenceError, answer: Row | InferenceError
    ) -> parts.Spelled:
        """Raises Malformed with what is wrong with the row."""
        if isinstance(answer, InferenceError) or isinstance(row, InferenceError):
            raise Malformed(str(answer))
        own = {"row": place, **answer}
        whole = {"row": place, **self.kept.of(row, own), **_name_of(row), **answer}
        try:
            return parts.spelled(whole, self.types, self.part(0).suffix)
        except (TypeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise Malformed(f"the row's answer cannot be written ({why})") from error

    def _finish(self, count: int) -> tuple[int, int]:
        good = [self.part(number) for number in range(count)]
        bad = [self.bad_part(number) for number in range(count)]
        answered, failed = parts.count(good), parts.count(bad)
        parts.merge(bad, self.errors)
        if not failed:
            self.errors.unlink()
        if answered:
            parts.merge(good, self.output)
        else:
            self.output.unlink(missing_ok=True)  # an older one would look like that of this job
        # Renamed first: half a folder of parts would look like half a job.
        finished = _beside(self.output, "parts.finished")
        if finished.exists():
            shutil.rmtree(finished)
        self.folder.rename(finished)
        shutil.rmtree(finished)
        return answered, failed


def errors_of(output: Path) -> Path:
    """The rows that could not be answered."""
    return _beside(output, "errors.jsonl")


def check_places(source: Path, output: Path) -> None:
    """Raises InvalidInput for an output whose files would touch the input, or that is a folder."""
    folder, errors = _beside(output, "parts"), errors_of(output)
    for path in (output, errors):
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder; move it or choose another output")
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; move it or choose another output")
    written = [output, errors, folder, _beside(output, "parts.finished")]
    written += [parts.unfinished(output), parts.unfinished(errors)]
    if touched := next((path for path in written if _same(path, source)), None):
        what = "the output" if touched == output else f"{touched}, which the job writes,"
        raise InvalidInput(f"{what} is the input itself; choose another output")
    place = source.resolve()
    inside = {*folder.resolve().parents, folder.resolve()} & {place}
    if source.is_dir() and inside:
        raise InvalidInput(f"{output} lies in the input {source}; choose a place outside of it")
    if folder.resolve() in place.parents:
        raise InvalidInput(f"{source} lies in {folder}, which the job writes; move it")


def identity(**content: object) -> dict[str, str]:
    """Each as text, in ASCII, for names of files may hold anything."""
    return {key: json.dumps(value) for key, value in content.items()}


def _same(path: Path, source: Path) -> bool:
    """Whether both are one file, also by a link."""
    return path.resolve() == source.resolve() or (path.exists() and path.samefile(source))


def _beside(output: Path, suffix: str) -> Path:
    return output.with_name(f"{output.name}.{suffix}")


def _name_of(row: Row) -> Row:
    """The file that a row is about, if it says so: it goes on to the output by itself."""
    return {"file": row["file"]} if "file" in row else {}
