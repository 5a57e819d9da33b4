"""Files of drawings: QuickDraw's lines of JSON, and the stroke-3 archives of sketch-rnn.

QuickDraw (https://github.com/googlecreativelab/quickdraw-dataset): a line is an object with
``word``, ``recognized`` and ``drawing``: strokes of [xs, ys], raw ones with times besides. Stroke-3
(Ha and Eck 2017, section 3.1): arrays of rows (dx, dy, pen), pen 1 where a stroke ends.
"""

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Array
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.readers.helpers.pickles import ragged_rows
from repertoire.readers.helpers.strokes.pen_paths import SIDE, movements, simplified

LINES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")
ARCHIVES = (".npz",)
FARTHEST = 1e6  # pixels, or steps of a movement
MARK = b"\xef\xbb\xbf"  # of UTF-8, at the start of files that some editors write


class DrawingError(RepertoireError):
    """A row is no drawing."""


@dataclass(frozen=True)
class Row:
    """One drawing as its file holds it: ``number`` is its line, or its place in an array from 1.

    ``read`` is the share of the file that was read with it, ``array`` the name of that array in an
    archive, and ``split`` what the name tells.
    """

    number: int
    content: Any  # bytes of a line, or an array
    read: float
    array: str = ""

    @property
    def split(self) -> str:
        return split_called(self.array) or ""


@dataclass(frozen=True)
class Drawing:
    """Movements (points, 3) as in the file, or of whole steps where it holds places.

    ``simplified``: whether points were left out; ``word`` and ``recognized`` where they are told.
    """

    offsets: Array
    word: str
    recognized: bool | None
    simplified: bool = False


def is_lines(path: Path) -> bool:
    """Whether a file is one of QuickDraw's, by its name."""
    return path.name.lower().endswith(LINES)


def is_archive(path: Path) -> bool:
    """Whether a file is an archive of arrays, by its name."""
    return path.name.lower().endswith(ARCHIVES)


def word_of(path: Path) -> str:
    """What a file is called after: "cat" of cat.ndjson and full_simplified_cat.ndjson."""
    name = path.name.split(".")[0]
    for prefix in ("full_simplified_", "full_raw_", "sketchrnn_"):
        name = name.removeprefix(prefix)
    return "" if split_called(name) else name


def rows_of(path: Path) -> Iterator[Row]:
    """Every row of a file. Raises SourceError for a file that is damaged as a whole."""
    if is_archive(path):
        yield from _archive_rows(path)
        return
    size = max(1, path.stat().st_size)
    with path.open("rb") as file:
        try:
            for number, line in enumerate(_lines(path, file), 1):
                content = line.removeprefix(MARK) if number == 1 else line
                if content.strip():
                    yield Row(number, content.strip(), min(1.0, file.tell() / size))
        except (gzip.BadGzipFile, EOFError, OSError) as error:
            raise SourceError(
                f"{path.name}: damaged or truncated ({error}); copy it again"
            ) from error


def _lines(path: Path, file: BinaryIO) -> Any:
    return gzip.GzipFile(fileobj=file) if path.name.lower().endswith(".gz") else file


def _archive_rows(path: Path) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            contents = {name.removesuffix(".npy"): archive.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise SourceError(
            f"{path.name}: no archive of arrays, or a truncated one ({error}); copy it again"
        ) from error
    if not contents:
        raise SourceError(f"{path.name}: holds no array; save it with numpy.savez")
    named = [name for name in contents if split_called(name)]
    if len(contents) > 1 and "train" not in map(split_called, named):
        raise SourceError(
            f"{path.name}: no array is called train; there are: {', '.join(contents)}"
        )
    arrays = {name: _arrays(path, name, contents[name]) for name in named or contents}
    total, count = sum(map(len, arrays.values())), 0
    # In turn, so that the first rows are of every split.
    for number, turn in enumerate(zip_longest(*arrays.values()), 1):
        for name, row in zip(arrays, turn, strict=True):
            if row is not None:
                count += 1
                yield Row(number, row, count / total, name)


def _arrays(path: Path, name: str, content: bytes) -> list[Array]:
    """Rows of one array of numbers, (rows, points, 3), or of an array of arrays."""
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError:
        return ragged_rows(path, name, content)
    if found.ndim != 3:
        raise SourceError(
            f"{path.name}: {name} has the shape {found.shape}; give drawings (rows, points, 3)"
        )
    return list(found)


def drawing_of(path: Path, row: Row) -> Drawing:
    """The drawing of a row. Raises DrawingError."""
    if isinstance(row.content, bytes):
        record = record_of(row.content)
        word = record.get("word") or word_of(path)
        known = record.get("recognized")
        strokes = _strokes(record["drawing"])
        raw = any(_is_raw(stroke) for stroke in strokes)
        paths = [stroke[:, :2] for stroke in strokes]
        whole = simplified(paths) if raw else [each.astype(np.int64) for each in paths]
        return Drawing(movements(whole), str(word), known if isinstance(known, bool) else None, raw)
    return Drawing(_stroke_3(row.content), word_of(path), None)


def record_of(line: bytes) -> dict[str, Any]:
    """The object of a line. Raises DrawingError."""
    try:
        record = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DrawingError(f"no JSON object in UTF-8 ({error})") from error
    if not isinstance(record, dict) or "drawing" not in record:
        raise DrawingError("no object with a drawing")
    return record


def _strokes(drawing: Any) -> list[Array]:
    """Each stroke as (points, 2), or (points, 3) with times; empty ones are left out."""
    if not isinstance(drawing, list):
        raise DrawingError("its drawing is no list of strokes")
    found = []
    for number, stroke in enumerate(drawing, 1):
        try:
            points = np.array(stroke, np.float64).T
        except (ValueError, TypeError):
            raise DrawingError(f"stroke {number} is no list of equally many x and y") from None
        if points.size == 0:
            continue
        if points.ndim != 2 or points.shape[1] not in (2, 3):
            raise DrawingError(f"stroke {number} is no list of equally many x and y")
        if not np.isfinite(points[:, :2]).all():
            raise DrawingError(f"stroke {number} holds a place that is no number")
        if np.abs(points[:, :2]).max() > FARTHEST:
            raise DrawingError(f"stroke {number} leads farther than any screen")
        found.append(points)
    if not found:
        raise DrawingError("it has no stroke")
    return found


def _is_raw(stroke: Array) -> bool:
    """Whether places are as the screen told them, not QuickDraw's simplified ones."""
    places = stroke[:, :2]
    return bool(
        stroke.shape[1] > 2 or places.min() < 0 or places.max() > SIDE or (places % 1).any()
    )


def _stroke_3(row: Array) -> Array:
    if row.ndim != 2 or row.shape[1] != 3:
        raise DrawingError(f"its shape is {row.shape}, not three numbers a point (dx, dy, pen)")
    if not len(row):
        raise DrawingError("it has no point")
    if not np.isfinite(row).all():
        raise DrawingError("it holds a movement that is no number")
    if np.abs(row[:, :2].astype(np.float64)).max() > FARTHEST:
        raise DrawingError("it holds a movement farther than any screen")
    if not np.isin(row[:, 2], (0, 1)).all():
        raise DrawingError("its pen is neither 0 nor 1; give movements (dx, dy, pen)")
    return row
