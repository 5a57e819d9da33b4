"""From what a command names to the sources of a job: tables, or files that are a row each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from repertoire.runtime.errors import InvalidInput
from serving.batch import csv_files, rows
from serving.batch.rows import FOLDERS, FORMATS, Source

TABLES = ((".csv", ".tsv"), (".parquet",), (".jsonl",))  # what one job may read together


def find(paths: Sequence[Path], medium: str, encoding: str, delimiter: str) -> list[Source]:
    """Sources of files and folders; `medium` is what files are to the task.

    Raises InvalidInput for what is not there, is of no kind that is read, or of several.
    """
    folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
    if folder:
        paths = _in_folder(folder, medium)
    else:
        _check(paths, medium)
    kind = next((each for each in TABLES if paths[0].suffix in each), tuple(FOLDERS[medium]))
    if other := next((path for path in paths if path.suffix.lower() not in kind), None):
        raise InvalidInput(f"{paths[0]} and {other} are of different kinds; a job reads one kind")
    if kind == TABLES[0]:
        return [Source(path, csv_files.dialect(path, encoding, delimiter)) for path in paths]
    if encoding or delimiter:
        raise InvalidInput(f"{paths[0]} is no CSV file; leave out --encoding and --delimiter")
    if kind in TABLES:
        return [Source(path) for path in paths]
    named = tuple((rows.printable(file.name if folder else str(file)), file) for file in paths)
    return [Source(folder or paths[0].parent, medium=medium, files=named)]


def _in_folder(folder: Path, medium: str) -> list[Path]:
    """The files of a folder that are rows, or else those that are tables. Raises InvalidInput."""
    everything = sorted(folder.iterdir())
    for ends in (FOLDERS[medium], frozenset(FORMATS)):
        if files := [file for file in everything if file.suffix.lower() in ends]:
            return files
    wanted = ", ".join(sorted(FOLDERS[medium]))
    kind = "an image" if medium == "image" else "a WAV file"
    raise InvalidInput(
        f"no file in {folder} is called like {kind} ({wanted}) or like a table "
        f"({', '.join(FORMATS)})"
    )


def _check(paths: Sequence[Path], medium: str) -> None:
    for path in paths:
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder; name one folder alone, or files")
        if path.suffix.lower() not in FOLDERS[medium] and path.suffix not in FORMATS:
            raise InvalidInput(f"{path} does not end in {' or '.join(FORMATS)}; rename it")
        if not path.is_file():
            raise InvalidInput(f"there is no {path}; name a file or a folder of files")
        rows.check_kind(path)
