"""`python -m serving.batch MODEL TASK INPUT … OUTPUT`: a task, or a raw graph, over files of rows.

Rows in .csv, .tsv, .parquet or .jsonl files, in one, in several or in all that a quoted pattern
matches; or images or WAV files, in a folder or by a pattern. Rows out in .csv, .tsv, .parquet or
.jsonl, each with the number of its input row, from 0. Files may lie in a store: s3://bucket/name.
Work is kept in OUTPUT.parts, a file for every so many input rows: killed at any time and started
again, the job goes on after the last whole part. Rows that cannot be answered go to
OUTPUT.errors.jsonl with the reason. Each part, and a file of Parquet, says which model answered.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from repertoire.runtime import load
from repertoire.runtime.errors import InferenceError, InvalidInput
from repertoire.runtime.loaded import LoadedModel
from serving.batch import csv_files, job, local, on_ray, places, plan, rows, sources
from serving.batch.files import Files
from serving.batch.job import SEVERAL, Job
from serving.batch.plan import Asked, Plan
from serving.batch.rows import Source
from serving.options import Parser, whole

ROWS, FILES = 1024, 32  # asked at once; files are large
REQUESTS = 4  # of one part


def _folder(models: Path, name: str) -> Path:
    """A model of the folder of models, or the folder of one. Raises InvalidInput."""
    for folder in (models / name, Path(name)):
        if (folder / "manifest.json").exists():
            return folder
    there = ", ".join(sorted(path.parent.name for path in models.glob("*/manifest.json")))
    raise InvalidInput(f"no model {name!r} in {models} (--models); there are: {there or 'none'}")


@dataclass(frozen=True)
class Prepared:
    """A job, and all that answers it."""

    job: Job
    plan: Plan
    loaded: LoadedModel
    request: int  # rows at once

    def run(self, options: argparse.Namespace) -> tuple[int, int]:
        """Returns the rows answered and the bad ones. Raises InferenceError and OSError."""
        loaded, threads = self.loaded, options.threads
        # Settings that the task refuses are told before the job begins.
        answer = self.plan.answer(loaded.model, loaded.run)
        with self.job.claimed():
            if options.engine == "ray":
                cluster = on_ray.Cluster(options.address, options.workers, threads or 1)
                print(on_ray.run(self.job, self.plan, loaded.model, self.request, cluster))
            else:
                local.run(self.job, answer, self.request, threads or os.cpu_count() or 1)
            return self.job.finish()


def prepare(options: argparse.Namespace) -> Prepared:
    """Raises InferenceError for a model, task, input or output that cannot be used."""
    inputs, output = places.matching(options.input), places.place(options.output)
    if output.suffix not in rows.FORMATS:
        raise InvalidInput(f"{output} does not end in {' or '.join(rows.FORMATS)}; rename it")
    Files(output).check(inputs)
    loaded = load(_folder(options.models, options.model), threads=1)
    model, settings = loaded.model, dict(options.set)
    asked = Asked(options.task, settings, tuple(options.column), tuple(options.keep))
    medium = plan.medium(model, options.task)
    found = sources.find(inputs, medium, options.encoding, options.delimiter or "")
    _tell(found)
    made, found, line = plan.make(model, asked, found)
    if line:
        print(line)
    request = options.batch_size or (FILES if plan.of_files(model, options.task) else ROWS)
    several = len(found) > 1
    identity = job.identity(
        input=[(source.name if several else "", rows.digest(source)) for source in found],
        model=f"{model.name} {model.digest}",
        arguments=[
            *(options.task, request, settings, asked.columns, asked.keep),
            [str(source.form) for source in found],
        ],
    )
    own = {**({SEVERAL: pa.string()} if several else {}), "row": pa.int64()}
    types = {**own, **made.types} if output.suffix == ".parquet" else {}
    by = {"model": model.name, "version": model.version, "sha256": model.digest}
    told = {**by, "task": options.task, "settings": settings}
    todo = Job(found, output, REQUESTS * request, identity, told, made.kept, types)
    return Prepared(todo, made, loaded, request)


def _tell(found: Sequence[Source]) -> None:
    """How the first CSV file is read, for that may be a guess."""
    if form := found[0].form:
        others = f" and {len(found) - 1} more" if len(found) > 1 else ""
        listing = ", ".join(form.names)
        print(f"{found[0].path}{others}: {form}; {len(form.names)} columns: {listing}")


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
    parser.add_argument("input", nargs="+", help="a file, a folder or a pattern; also a URI")
    parser.add_argument("output")
    parser.add_argument("--models", type=Path, default=Path("artifacts"), metavar="FOLDER")
    parser.add_argument(
        "--batch-size",
        type=whole(1, 4096),
        metavar="N",
        help=f"rows asked at once (default: {ROWS}, or {FILES} where a row is a file)",
    )
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
    parser.add_argument("--threads", type=whole(1, 256), metavar="N", help="of a process")
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="ray: on a cluster of machines"
    )
    parser.add_argument("--address", help="of a Ray cluster; auto: the one of this machine")
    parser.add_argument("--workers", type=whole(1, 10_000), metavar="N", help="processes of Ray")
    options = parser.parse_args(argv)
    if options.engine != "ray" and (options.address or options.workers):
        parser.error("--address and --workers are of --engine ray")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 with some rows answered, 1 with none, 2 if it cannot go on."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name of a file may be no text
        sys.stdout.reconfigure(errors="backslashreplace")
    # What Pillow warns of (size, damaged metadata) does not change the pixels.
    warnings.filterwarnings("ignore", module="PIL")
    options, old = _options(argv), False
    try:
        with contextlib.suppress(InferenceError, OSError):
            old = places.place(options.output).exists()
        prepared = prepare(options)
        if old:
            print(f"{options.output} is there; the old one is replaced once this job is done")
        answered, failed = prepared.run(options)
    except Exception as error:
        if not isinstance(error, InferenceError | OSError) and not places.is_of_store(error):
            raise
        still = f"; {options.output} is still the old one" if old else ""
        print(f"error: {_told(error, options.output)}{still}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    found = prepared.job
    bad = f", {failed} bad (see {found.files.errors})" if failed else ""
    print(f"{answered} rows answered{bad}; {found.output if answered else _nothing(found)}")
    return 0 if answered else 1


def _nothing(found: Job) -> str:
    """What is said where no row was answered: why the first one was not."""
    with found.files.errors.open("rb") as file:
        first = orjson.loads(file.readline())
    return f"nothing written; of row {first['row']}: {first['reason']}"


def _told(error: Exception, output: str) -> str:
    if isinstance(error, InferenceError):
        return str(error)
    number, name = getattr(error, "errno", None), getattr(error, "filename", None)
    why = os.strerror(number) if number else " ".join(str(error).split())
    remedy = "put that right and start again: whole parts of the job are kept"
    return f"{name or output}: {why}; {remedy}"
