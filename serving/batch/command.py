"""`python -m serving.batch MODEL TASK INPUT OUTPUT`: a task, or a raw graph, over a file of rows.

Rows in .csv, .tsv, .parquet, .jsonl or a folder of images or WAV files; rows out in .csv, .tsv,
.parquet or .jsonl, each with the number of its input row, from 0. Work is kept in OUTPUT.parts, a
file for every so many input rows: killed at any time and started again, the job goes on after the
last whole part. Rows that cannot be answered go to OUTPUT.errors.jsonl with the reason.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from repertoire.runtime.errors import InferenceError, InvalidInput
from repertoire.runtime.model import Model, read_model
from repertoire.runtime.task import Task
from repertoire.runtime.tasks import find
from serving.batch import columns, csv_files, declared, job, parts, rows
from serving.batch.answers import Answer, graph_answer, task_answer
from serving.batch.csv_files import Dialect
from serving.batch.job import Job
from serving.batch.rows import Source
from serving.options import Parser, whole
from serving.queue.plane import Plane
from serving.queue.run import QueuedRun
from serving.repository import Repository

HEAD = 100  # rows by which columns are told


def _folder(models: Path, name: str) -> Path:
    """A model of the folder of models, or the folder of one. Raises InvalidInput."""
    for folder in (models / name, Path(name)):
        if (folder / "manifest.json").exists():
            return folder
    there = ", ".join(sorted(path.parent.name for path in models.glob("*/manifest.json")))
    raise InvalidInput(f"no model {name!r} in {models} (--models); there are: {there or 'none'}")


@dataclass(frozen=True)
class Asked:
    """A task of a model, or where that is None a graph of the name, and the settings."""

    model: Model
    name: str
    task: Task | None
    settings: Mapping[str, Any]
    columns: Mapping[str, str]  # field -> column of the file


def prepare(options: argparse.Namespace, settings: Mapping[str, Any]) -> tuple[Job, Answer]:
    """Raises InferenceError for a model, task, input or output that cannot be used."""
    _check_places(options)
    model = read_model(_folder(options.models, options.model))
    task = find(model, options.task) if options.task in model.manifest.tasks else None
    asked = Asked(model, options.task, task, settings, dict(options.column))
    source = Source(options.input, _dialect(options), _medium(task))
    rows.check_folder(source)
    head = _head(source)
    answer, wanted = _answer(QueuedRun(Plane(Repository(options.models)), model), asked, head)
    kept = columns.kept(head, options.keep)
    source = replace(source, wanted=None if kept.every else {*wanted, *kept.columns.values()})
    arguments = [options.task, options.batch_size, dict(settings), options.column, options.keep]
    identity = job.identity(
        input=rows.digest(source),
        model=f"{model.name} {model.digest}",
        arguments=[*arguments, str(source.form)],
    )
    types = {**_types(source, kept), **_declared(asked)}
    types = types if options.output.suffix == ".parquet" else {}
    return Job(source, options.output, options.batch_size, identity, kept, types), answer


def _check_places(options: argparse.Namespace) -> None:
    for path in (options.output, *([] if options.input.is_dir() else [options.input])):
        if path.suffix not in rows.FORMATS:
            raise InvalidInput(f"{path} does not end in {' or '.join(rows.FORMATS)}; rename it")
    if not options.input.is_dir() and not options.input.is_file():
        raise InvalidInput(f"there is no {options.input}; name a file or a folder of files")
    job.check_places(options.input, options.output)
    rows.check_kind(options.input)


def _answer(run: Any, asked: Asked, head: columns.Head) -> tuple[Answer, set[str]]:
    """What is asked of the model, of rows as they are in the file, and the columns it takes."""
    given = asked.columns
    if asked.task:
        taken = columns.of_task(head, asked.model, asked.task, asked.settings, given)
        if taken.line:
            print(taken.line)
        others = [name for name in given if name not in (asked.task.rows, asked.task.column)]
        answer = task_answer(asked.model, run, asked.task, asked.settings, others)
        take, wanted = taken.take, taken.columns
    else:
        given = {name: head.find(column) for name, column in given.items()}
        take = columns.renaming(given, (), head.spelled)
        answer = graph_answer(asked.model, run, asked.name)
        inputs = asked.model.manifest.graph(asked.name).inputs
        wanted = {*given.values(), *(port.name for port in inputs)}

    decoded = wanted if head.source.suffix == ".parquet" else None

    def of_file(group: Sequence[tuple[int, csv_files.Row]]) -> list[csv_files.Row]:
        return answer([(number, take(rows.loaded(row, decoded))) for number, row in group])

    return of_file, {*wanted, "file"}


def _medium(task: Task | None) -> str:
    """What the files of a folder are to a task."""
    return "audio" if task and "audio" in (task.column, *task.others) else "image"


def _types(source: Source, kept: columns.Kept) -> parts.Types:
    """Of the columns of the output that are known before there is an answer."""
    known: dict[str, pa.DataType] = {}
    if source.form:
        known = dict.fromkeys(source.form.names, pa.string())
    elif source.path.is_dir():
        known = {"file": pa.string()}
    elif source.path.suffix == ".parquet":
        known = rows.types(source.path)
    every = {name: name for name in known} if kept.every else {}
    names = {**every, "file": "file", **kept.columns}
    own = {name: known[column] for name, column in names.items() if column in known}
    return {"row": pa.int64(), **own}


def _declared(asked: Asked) -> parts.Types:
    """Of the columns that the task, or the graph, says its answers have."""
    if asked.task:
        return declared.columns_of(asked.task.result)
    return declared.columns_of_graph(asked.model.manifest.graph(asked.name))


def _dialect(options: argparse.Namespace) -> Dialect | None:
    """How the input is to be read, if it is CSV; says so."""
    if options.input.suffix in csv_files.SUFFIXES and not options.input.is_dir():
        form = csv_files.dialect(options.input, options.encoding, options.delimiter or "")
        print(f"{options.input}: {form}; {len(form.names)} columns: {', '.join(form.names)}")
        return form
    if options.encoding or options.delimiter:
        raise InvalidInput(f"{options.input} is no CSV file; leave out --encoding and --delimiter")
    return None


def _head(source: Source) -> columns.Head:
    """Raises InvalidInput for a file without a row."""
    if source.path.is_dir():
        return columns.Head(source.path, ["file", source.medium], [], spelled=False)
    names: Sequence[str] = source.form.names if source.form else []
    if source.path.suffix == ".parquet":
        names = list(types := rows.types(source.path))
        texts = (pa.string(), pa.large_string())  # the only ones that are looked at
        source = replace(source, wanted=[name for name in names if types[name] in texts])
    first = list(itertools.islice(rows.read(source, 0), HEAD))
    if not first:
        raise InvalidInput(f"{source.path} holds no row; give it one")
    good = [row for row in map(_readable, first) if row is not None]
    names = names or list(dict.fromkeys(name for row in good for name in row))
    return columns.Head(source.path, list(names), good, spelled=source.form is not None)


def _readable(row: csv_files.Row | InferenceError) -> csv_files.Row | None:
    try:
        return None if isinstance(row, InferenceError) else rows.loaded(row)
    except InferenceError:
        return None


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
    """Returns the exit status: 0 with some rows answered, 1 with none, 2 if it cannot go on."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name of a file may be no text
        sys.stdout.reconfigure(errors="backslashreplace")
    # What Pillow warns of (size, damaged metadata) does not change the pixels.
    warnings.filterwarnings("ignore", module="PIL")
    options, old = _options(argv), False
    with contextlib.suppress(OSError):
        old = options.output.exists()
    try:
        found, answer = prepare(options, dict(options.set))
        if old:
            print(f"{options.output} is there; the old one is replaced once this job is done")
        answered, failed = found.run(answer)
    except (InferenceError, OSError) as error:
        still = f"; {options.output} is still the old one" if old else ""
        print(f"error: {_told(error, options.output)}{still}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    bad = f", {failed} bad (see {found.errors})" if failed else ""
    print(f"{answered} rows answered{bad}; {found.output if answered else _nothing(found)}")
    return 0 if answered else 1


def _nothing(found: Job) -> str:
    """What is said where no row was answered: why the first one was not."""
    with found.errors.open("rb") as file:
        first = orjson.loads(file.readline())
    return f"nothing written; of row {first['row']}: {first['reason']}"


def _told(error: InferenceError | OSError, output: Path) -> str:
    if not isinstance(error, OSError):
        return str(error)
    why = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    place = error.filename or output
    remedy = "put that right and start again: whole parts of the job are kept"
    return f"{place}: {why}; {remedy}"
