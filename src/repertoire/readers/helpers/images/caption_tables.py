"""Which captions belong to which image files: the tables of Hugging Face's ``imagefolder``.

A table called ``metadata`` lies beside the images or above them, and names each by its path from
there. Where there is none, any table will do whose columns name images and captions.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from repertoire.data.doors import BadRows, OptionNeeded
from repertoire.data.image_files import image_paths, visible_files
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.data.table_formats import Reading, ending
from repertoire.data.tables import ENDINGS, ROW, SPLIT, read_table
from repertoire.kinds.captions.wording import plain

METADATA = "metadata"
FILE_COLUMNS = ("file_name", "filename", "file", "image", "image_name", "image_path", "path", "img")
TEXT_COLUMNS = ("text", "texts", "caption", "captions", "description", "sentence", "comment")
SPLIT_COLUMN = "split"


@dataclass(frozen=True)
class Columns:
    """The columns of a table that name an image and hold its captions, and its encoding."""

    file: str
    text: str
    encoding: str


@dataclass
class Captioned:
    """An image file, where it was first named, its captions in order, and its split if known."""

    path: Path
    name: str
    table: str
    row: int
    split: str
    captions: list[str] = field(default_factory=list)


class Folder:
    """The image files below ``raw``, found by the names that tables give them."""

    def __init__(self, raw: Path) -> None:
        self.raw = raw
        self.paths = {relative(raw, path): path for path in image_paths(raw)}

    @cached_property
    def _by_name(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.paths:
            found.setdefault(name.rpartition("/")[2], []).append(name)
        return found

    def find(self, table: Path, name: str) -> str:
        """The relative path of an image; raises LookupError with the reason.

        From the table's folder, or else from ``raw``, or else by its name if no other has it.
        """
        wanted = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")
        beside = relative(self.raw, table).rpartition("/")[0]
        for path in (f"{beside}/{wanted}" if beside else wanted, wanted):
            if path in self.paths:
                return path
        alike = self._by_name.get(wanted.rpartition("/")[2], [])
        if len(alike) > 1:
            raise LookupError(f"{name}: {len(alike)} images have this name, such as {alike[0]}")
        if not alike:
            raise LookupError(f"{name}: there is no such image")
        return alike[0]


def relative(raw: Path, path: Path) -> str:
    """A path from ``raw`` on, composed (NFC): some systems keep names decomposed."""
    return unicodedata.normalize("NFC", path.relative_to(raw).as_posix())


def file_at(raw: Path, name: str) -> Path:
    """The file of a relative path as ``relative`` spells it. Raises SourceError if it is gone."""
    if (raw / name).exists():
        return raw / name
    for path in visible_files(raw):
        if relative(raw, path) == name:
            return path
    raise SourceError(f"{name}: no such file any more; put it back, or add the data again")


def caption_tables(raw: Path, columns: Columns) -> list[Path]:
    """Tables called ``metadata``, or else all that have a column of file names."""
    files = [path for path in visible_files(raw) if ending(path) in ENDINGS]
    if called := [path for path in files if path.name.lower().split(".")[0] == METADATA]:
        return called
    wanted = [columns.file] if columns.file else FILE_COLUMNS
    found = [path for path in files if set(_names(path, columns.encoding)) & set(wanted)]
    if not found:
        raise SourceError(
            "no metadata.csv or metadata.jsonl lies with the images, nor another table with a "
            f"column {' or '.join(wanted[:3])}; write one with a row an image: file_name, text"
        )
    return found


def _names(path: Path, encoding: str) -> list[str]:
    """The columns of a file that may be a table; none of what is not."""
    try:
        return read_table(path, Reading(encoding, limit=2**16)).columns
    except SourceError:
        return []


def chosen_columns(tables: Sequence[Path], columns: Columns) -> Columns:
    """Those that are named, or else that have a usual name. Raises OptionNeeded."""
    there = read_table(tables[0], Reading(columns.encoding, limit=2**16)).columns
    file = _chosen("file", columns.file, FILE_COLUMNS, there, tables[0])
    others = [name for name in there if name not in (file, SPLIT_COLUMN)]
    text = _chosen("text", columns.text, TEXT_COLUMNS, others, tables[0])
    return Columns(file, text, columns.encoding)


def _chosen(
    option: str, given: str, usual: Sequence[str], there: Sequence[str], table: Path
) -> str:
    what = "names the image" if option == "file" else "is the caption"
    if given:
        if given not in there:
            raise OptionNeeded(
                f"{table.name} has no column {given!r} that {what}; it has: {', '.join(there)}"
            )
        return given
    found = [name for name in there if name.lower() in usual]
    if not found and len(there) == 1:
        return there[0]
    if len(found) == 1:
        return found[0]
    few = "several columns" if found else "no column of a usual name"
    names = found or there
    raise OptionNeeded(
        f"{table.name}: {few} could say which {what}: {', '.join(names)}; "
        f"say which: --{option} {names[0] if names else 'NAME'}"
    )


def captioned_images(
    raw: Path, tables: Sequence[Path], columns: Columns, bad: BadRows
) -> list[Captioned]:
    """Every image with its captions, in the order of the tables; what cannot be used goes to
    ``bad``: rows without image or caption, and images that no row names.
    """
    folder = Folder(raw)
    found: dict[str, Captioned] = {}
    named: set[str] = set()
    for table in tables:
        for row in _rows(raw, table, columns, bad):
            _add(folder, table, row, found, named, bad)
    for name in folder.paths.keys() - named:
        bad.add(name, None, "no caption", "add a row for it, or leave the image away")
    for image in found.values():
        image.captions = list(dict.fromkeys(image.captions))
    return list(found.values())


@dataclass(frozen=True)
class _Row:
    number: int
    file: str
    captions: list[str]
    split: str


def _rows(raw: Path, table: Path, columns: Columns, bad: BadRows) -> Iterator[_Row]:
    """The rows of a table whose cells are what they should be."""
    where = relative(raw, table)
    content = read_table(table, Reading(columns.encoding))
    for name in (columns.file, columns.text):
        if name not in content.columns:
            raise SourceError(
                f"{where}: has no column {name!r} as the other tables have; it has: "
                f"{', '.join(content.columns)}"
            )
    for each in content.bad:
        bad.add(where, each.row, each.reason)
    frame = content.frame
    splits = frame[SPLIT_COLUMN] if SPLIT_COLUMN in content.columns else frame[SPLIT]
    cells = (frame[ROW], frame[columns.file], frame[columns.text], splits)
    for number, file, text, cell in zip(*(column.to_list() for column in cells), strict=True):
        split = split_called(str(cell)) if cell else ""
        if not isinstance(file, str) or not file.strip():
            bad.add(where, number, f"the cell {columns.file} is empty", "name an image")
        elif split is None:
            bad.add(where, number, f"the split {cell!r} is none of: train, valid, test")
        else:
            yield _Row(number, file, _texts(text), split)


def _texts(cell: Any) -> list[str]:
    """The captions of a cell: one, or a list of them as JSON Lines and Parquet have it."""
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            read = json.loads(cell)
        except ValueError:
            return [cell]
        return [str(text) for text in read if text is not None]
    if isinstance(cell, str):
        return [cell]
    return [] if cell is None or isinstance(cell, float) else [str(t) for t in cell if t]


def _add(
    folder: Folder,
    table: Path,
    row: _Row,
    found: dict[str, Captioned],
    named: set[str],
    bad: BadRows,
) -> None:
    where = relative(folder.raw, table)
    try:
        name = folder.find(table, row.file)
    except LookupError as error:
        bad.add(where, row.number, str(error.args[0]), "correct the name")
        return
    named.add(name)
    captions = [plain(text) for text in row.captions]
    if not captions or not all(captions):
        bad.add(where, row.number, f"{row.file}: the caption has no words", "write one")
        captions = [caption for caption in captions if caption]
    if not captions:
        return
    split = row.split or split_of_folders(name)
    image = found.setdefault(
        name, Captioned(folder.paths[name], name, where, row.number, split, [])
    )
    if split != image.split:
        bad.add(where, row.number, f"{row.file}: in two splits, see row {image.row}")
        return
    image.captions += captions


def split_of_folders(name: str) -> str:
    """The split that one of the folders of a relative path is named after, or ""."""
    called = (split_called(folder) for folder in name.split("/")[:-1])
    return next((split for split in called if split), "")


def repeated(images: Sequence[Captioned]) -> int:
    """How many captions are said of more than one image."""
    counts = Counter(caption for image in images for caption in image.captions)
    return sum(count > 1 for count in counts.values())
