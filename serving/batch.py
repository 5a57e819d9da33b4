"""`python -m serving.batch MODEL TASK INPUT OUTPUT`: a task, or a raw graph, over a file of rows.

Rows in .csv, .tsv, .parquet, .jsonl or a folder of images; rows out in .csv, .tsv, .parquet or
.jsonl, each with the number of its input row, from 0. Work is kept in OUTPUT.parts, a file for
every so many input rows: killed at any time and started again, the job goes on after the last whole
part. Rows that cannot be answered go to OUTPUT.errors.jsonl with the reason.
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

from repertoire.runtime.errors import InferenceError, InvalidInput
from repertoire.runtime.model import Model, read_model
from repertoire.runtime.tasks import find
from serving import columns, csv_files, rows
from serving.answers import Answer, Item, attempt, graph_answer, task_answer
from serving.columns import Kept
from serving.csv_files import Dialect
from serving.options import Parser, whole
from serving.plane import Plane
from serving.repository import Repository

BATCHES_A_PART = 16
HEAD = 100  # rows by which columns are told


@dataclass(frozen=True)
class Job:
    """A run over an input; `identity` holds all that decides its output."""

    source: Path
    output: Path
    batch_size: int
    identity: Mapping[str, str]
    form: Dialect | None
    kept: Kept

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

    @contextlib.contextmanager
    def _left_only_with_parts(self) -> Iterator[None]:
        """After an error in the first part there is nothing to go on from."""
        try:
            yield
        except InferenceError:
            if not self.part(0).exists():
                shutil.rmtree(self.folder)
            raise

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
        return self.folder / f"part-{number:08}{rows.suffix_of_parts(self.output)}"

    def bad_part(self, number: int) -> Path:
        return self.folder / f"errors-{number:08}.jsonl"

    def run(self, answer: Answer) -> tuple[int, int]:
        """Does what is left and joins the parts. Returns the rows answered and the bad ones."""
        with self.claimed(), self._left_only_with_parts():
            done = next(number for number in itertools.count() if not self.part(number).exists())
            size = self.batch_size * BATCHES_A_PART
            left = enumerate(rows.read(self.source, done * size, self.form), done * size)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                while chunk := list(itertools.islice(left, size)):
                    starts = range(0, len(chunk), self.batch_size)
                    groups = [chunk[start : start + self.batch_size] for start in starts]
                    answered = pool.map(partial(attempt, answer), groups)
                    self._keep(done, chunk, [item for group in answered for item in group])
                    done += 1
            return self._finish(done)

    def _keep(self, number: int, asked: Sequence[Item], items: Sequence[Item]) -> None:
        bad = [{"row": n, "reason": str(a)} for n, a in items if isinstance(a, InferenceError)]
        good = [
            {"row": n, **self.kept.of(row, {"row": n, **a}), **a}
            for (n, a), (_, row) in zip(items, asked, strict=True)
            if not isinstance(a, InferenceError) and not isinstance(row, InferenceError)
        ]
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


def _folder(models: Path, name: str) -> Path:
    """A model of the folder of models, or the folder of one. Raises InvalidInput."""
    for folder in (models / name, Path(name)):
        if (folder / "manifest.json").exists():
            return folder
    there = ", ".join(sorted(path.parent.name for path in models.glob("*/manifest.json")))
    raise InvalidInput(f"no model {name!r} in {models} (--models); there are: {there or 'none'}")


def prepare(options: argparse.Namespace, settings: Mapping[str, Any]) -> tuple[Job, Answer]:
    """Raises InferenceError for a model, task, input or output that cannot be used."""
    if not options.input.is_dir():
        _check_file(options.input)
        if not options.input.is_file():
            raise InvalidInput(f"there is no {options.input}; name a file or a folder of images")
    _check_file(options.output)
    model = read_model(_folder(options.models, options.model))
    form = _dialect(options)
    answer = _answer(options, model, settings, head := _head(options.input, form))
    arguments = [options.task, options.batch_size, dict(settings), options.column, options.keep]
    identity = {
        "input": rows.digest(options.input),
        "model": f"{model.name} {model.digest}",
        "arguments": orjson.dumps([*arguments, str(form)]).decode(),
    }
    kept = columns.kept(head, options.keep)
    return Job(options.input, options.output, options.batch_size, identity, form, kept), answer


def _answer(
    options: argparse.Namespace, model: Model, settings: Mapping[str, Any], head: columns.Head
) -> Answer:
    """What is asked of the model, of rows as they are in the file."""
    given = dict(options.column)
    run = Plane(Repository(options.models)).runner(model)
    if options.task in model.manifest.tasks:
        task = find(model, options.task)
        take, line = columns.of_task(head, model, task, settings, given)
        if line:
            print(line)
        others = [name for name in given if name not in (task.rows, task.column)]
        answer = task_answer(model, run, task, settings, others)
    else:
        given = {name: head.find(column) for name, column in given.items()}
        take = columns.renaming(given, (), head.spelled)
        answer = graph_answer(model, run, options.task)
    return lambda group: answer([(number, take(row)) for number, row in group])


def _dialect(options: argparse.Namespace) -> Dialect | None:
    """How the input is to be read, if it is CSV; says so."""
    if options.input.suffix in csv_files.SUFFIXES:
        form = csv_files.dialect(options.input, options.encoding, options.delimiter or "")
        print(f"{options.input}: {form}; {len(form.names)} columns: {', '.join(form.names)}")
        return form
    if options.encoding or options.delimiter:
        raise InvalidInput(f"{options.input} is no CSV file; leave out --encoding and --delimiter")
    return None


def _head(source: Path, form: Dialect | None) -> columns.Head:
    if source.is_dir():
        return columns.Head(source, ["file", "image"], [], spelled=False)
    first = itertools.islice(rows.read(source, 0, form), HEAD)
    good = [row for row in first if not isinstance(row, InferenceError)]
    names = form.names if form else dict.fromkeys(name for row in good for name in row)
    return columns.Head(source, list(names), good, spelled=form is not None)


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


def _pair(text: str) -> tuple[str, str]:
    name, _, column = text.partition("=")
    if not name or not column:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=COLUMN")
    return name, column


def _kept(text: str) -> tuple[str, str]:
    return _pair(text) if "=" in text else _pair(f"{text}={text}")


def _sign(text: str) -> str:
    sign = csv_files.DELIMITERS.get(text, text)
    if sign not in csv_files.DELIMITERS.values():
        known = ", ".join(csv_files.DELIMITERS)
        raise argparse.ArgumentTypeError(f"{text!r} is none of {known}")
    return sign


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser("serving.batch", __doc__)
    parser.add_argument("model")
    parser.add_argument("task", help="a task of the model, or one of its graphs")
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--models", type=Path, default=Path("artifacts"), metavar="FOLDER")
    parser.add_argument("--batch-size", type=whole(1, 256), default=64, metavar="N")
    parser.add_argument("--set", type=_setting, action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument(
        "--column",
        type=_pair,
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="a field of the task, or an input of the graph, is this column of the file",
    )
    parser.add_argument(
        "--keep",
        type=_kept,
        action="append",
        default=[],
        metavar="[NAME=]COLUMN",
        help="a column that goes on to the output, under another name if given; all: every one",
    )
    parser.add_argument("--encoding", default="", help="of a CSV file; told where not given")
    parser.add_argument("--delimiter", type=_sign, metavar="NAME", help="of a CSV file: comma, …")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 with some rows answered, 1 with none, 2 if it cannot start."""
    options = _options(argv)
    try:
        job, answer = prepare(options, dict(options.set))
        answered, failed = job.run(answer)
    except InferenceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    bad = f", {failed} bad (see {job.errors})" if failed else ""
    print(f"{answered} rows answered{bad}; {job.output if answered else 'nothing written'}")
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
