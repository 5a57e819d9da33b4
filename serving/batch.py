"""`python -m serving.batch MODEL TASK INPUT OUTPUT`: a task, or a raw graph, over a file of rows.

Rows in .parquet, .jsonl or a folder of images; rows out in .parquet or .jsonl, each with the number
of its input row. Work is kept in OUTPUT.parts, a file for every so many input rows: killed at any
time and started again, the job goes on after the last whole part. Rows that cannot be answered go
to OUTPUT.errors.jsonl with the reason.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import itertools
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from serving import rows
from serving.answers import Answer, Item, attempt, graph_answer, task_answer
from serving.errors import InvalidInput, ServingError
from serving.options import Parser, whole
from serving.plane import Plane
from serving.repository import Repository, load

BATCHES_A_PART = 16


@dataclass(frozen=True)
class Job:
    """A run over an input; `identity` holds all that decides its output."""

    source: Path
    output: Path
    batch_size: int
    identity: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.output.with_name(f"{self.output.name}.parts")

    @property
    def errors(self) -> Path:
        return self.output.with_name(f"{self.output.name}.errors.jsonl")

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keeps other processes out. Raises InvalidInput if one is in, or if the job changed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            self._lock(handle)
            self._check_identity(self.folder / "job.jsonl")
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidInput(f"another process is writing {self.output}; wait for it") from error

    def _check_identity(self, journal: Path) -> None:
        if not journal.exists():
            rows.write(journal, [dict(self.identity)])
        before = orjson.loads(journal.read_bytes())
        changed = [key for key, value in self.identity.items() if before.get(key) != value]
        if changed:
            remedy = f"delete {self.folder} to start again, or restore what it began with"
            raise InvalidInput(f"{', '.join(changed)} changed since this job began; {remedy}")

    def part(self, number: int) -> Path:
        return self.folder / f"part-{number:08}{self.output.suffix}"

    def bad_part(self, number: int) -> Path:
        return self.folder / f"errors-{number:08}.jsonl"

    def run(self, answer: Answer) -> tuple[int, int]:
        """Does what is left and joins the parts. Returns the rows answered and the bad ones."""
        with self.claimed():
            done = next(number for number in itertools.count() if not self.part(number).exists())
            size = self.batch_size * BATCHES_A_PART
            left = enumerate(rows.read(self.source, done * size), done * size)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                while chunk := list(itertools.islice(left, size)):
                    starts = range(0, len(chunk), self.batch_size)
                    groups = [chunk[start : start + self.batch_size] for start in starts]
                    answered = pool.map(partial(attempt, answer), groups)
                    self._keep(done, [item for group in answered for item in group])
                    done += 1
            return self._finish(done)

    def _keep(self, number: int, items: Sequence[Item]) -> None:
        bad = [{"row": n, "reason": str(a)} for n, a in items if isinstance(a, ServingError)]
        good = [{"row": n, **a} for n, a in items if not isinstance(a, ServingError)]
        # The part comes last: that it is there says that its errors are, too.
        rows.write(self.bad_part(number), bad)
        rows.write(self.part(number), good)

    def _finish(self, parts: int) -> tuple[int, int]:
        good = [self.part(number) for number in range(parts)]
        bad = [self.bad_part(number) for number in range(parts)]
        answered, failed = rows.count(good), rows.count(bad)
        rows.merge(bad, self.errors)
        if not failed:
            self.errors.unlink()
        if answered:
            rows.merge(good, self.output)
        # Renamed first: half a folder of parts would look like half a job.
        finished = self.folder.with_suffix(".finished")
        if finished.exists():
            shutil.rmtree(finished)
        self.folder.rename(finished)
        shutil.rmtree(finished)
        return answered, failed


def prepare(options: argparse.Namespace, settings: Mapping[str, Any]) -> tuple[Job, Answer]:
    """Raises ServingError for a model, task, input or output that cannot be used."""
    if not options.input.is_dir():
        _check_file(options.input)
        if not options.input.is_file():
            raise InvalidInput(f"there is no {options.input}; name a file or a folder of images")
    _check_file(options.output)
    model = load(options.models / options.model)
    run = Plane(Repository(options.models)).runner(model)
    if options.task in model.manifest.tasks:
        answer = task_answer(model, run, options.task, settings)
    else:
        answer = graph_answer(model, run, options.task)
    identity = {
        "input": rows.digest(options.input),
        "model": f"{model.name} {model.digest}",
        "arguments": orjson.dumps([options.task, options.batch_size, dict(settings)]).decode(),
    }
    return Job(options.input, options.output, options.batch_size, identity), answer


def _check_file(path: Path) -> None:
    if path.suffix not in rows.FORMATS:
        raise InvalidInput(f"{path} does not end in {' or '.join(rows.FORMATS)}; rename it")


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value  # a string needs no quotes


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 with some rows answered, 1 with none, 2 if it cannot start."""
    parser = Parser("serving.batch", __doc__)
    parser.add_argument("model")
    parser.add_argument("task", help="a task of the model, or one of its graphs")
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--models", type=Path, default=Path("artifacts"), metavar="FOLDER")
    parser.add_argument("--batch-size", type=whole(1, 256), default=64, metavar="N")
    parser.add_argument("--set", type=_setting, action="append", default=[], metavar="FIELD=VALUE")
    options = parser.parse_args(argv)
    try:
        job, answer = prepare(options, dict(options.set))
        answered, failed = job.run(answer)
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    bad = f", {failed} bad (see {job.errors})" if failed else ""
    print(f"{answered} rows answered{bad}; {job.output if answered else 'nothing written'}")
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
