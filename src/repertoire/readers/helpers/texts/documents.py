"""Plain text in anybody's files: which files are text, and the lines of each."""

import bz2
import codecs
import gzip
import lzma
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from repertoire.data.encodings import encoding_of, not_in
from repertoire.data.sources import SourceError
from repertoire.data.splits import NAMES, split_of_place
from repertoire.data.tables import is_about

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
PACKED = 4  # times a packed text is about as long when unpacked
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
OTHERS = {  # what is no plain text, by how it begins
    b"%PDF": ("a PDF", "extract its text first, for example: pdftotext FILE.pdf FILE.txt"),
    b"PK\x03\x04": (
        "an archive or an office document",
        "unpack it, or save it as plain text (.txt, UTF-8)",
    ),
    b"\xd0\xcf\x11\xe0": ("an office document", "save it as plain text (.txt, UTF-8)"),
    b"{\\rtf": ("rich text (RTF)", "save it as plain text (.txt, UTF-8)"),
    b"\x89PNG": ("an image", "name files of text"),
    b"\xff\xd8\xff": ("an image", "name files of text"),
    b"GIF8": ("an image", "name files of text"),
    b"PAR1": ("a Parquet table", "say which column is the text: --text COLUMN"),
    b"7z\xbc\xaf": ("an archive", "unpack it and name the folder"),
    b"Rar!": ("an archive", "unpack it and name the folder"),
}
WEB_PAGE = re.compile(rb"\s*(<\?xml|<!doctype|<html|<body|<tei)", re.IGNORECASE)
# Signs at which Unicode breaks a line, though no editor counts them as lines.
BREAKS = str.maketrans(dict.fromkeys("\x0b\x0c\x85\u2028\u2029", "\n"))
UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")


@dataclass(frozen=True)
class TextFile:
    """A file below the folder: its name there, the split that it is called after, its bytes."""

    path: Path
    name: str
    split: str
    size: int


@dataclass
class Document:
    """The lines of a file, without their line breaks; ``whole``: none were left out at its end.

    ``numbers`` are those of the lines in the file, or of the rows of a table.
    ``composed`` says that letters were stored in parts (NFD) and are whole here (NFC); ``breaks``
    counts form feeds and line separators inside lines, which are "\\n" here.
    """

    name: str
    split: str
    lines: list[str]
    numbers: Sequence[int]
    encoding: str
    whole: bool
    composed: bool
    breaks: int
    bad: Sequence[tuple[int, str]] = ()  # rows that could not be read, and why


def natural(name: str) -> list[str | int]:
    """A sort key by which chapter 2 comes before chapter 10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def files_below(raw: Path) -> list[TextFile]:
    """Every file of a folder and its folders, in the order of names, but ``about_files``."""
    files = _every_file(raw)
    return [file for file in files if not is_about(file.path.name)] or files


def about_files(raw: Path) -> list[str]:
    """Names of the files that tell about the others, such as README.md."""
    files = _every_file(raw)
    about = [file.name for file in files if is_about(file.path.name)]
    return about if len(about) < len(files) else []


def _every_file(raw: Path) -> list[TextFile]:
    """Hidden files are passed over."""
    found = []
    for folder, folders, names in os.walk(raw, followlinks=True):
        folders[:] = [name for name in folders if not _hidden(name)]
        for name in names:
            path = Path(folder) / name
            if not _hidden(name):
                place = path.relative_to(raw)
                size = path.stat().st_size * (PACKED if path.suffix.lower() in OPENERS else 1)
                found.append(TextFile(path, place.as_posix(), split_of_place(place), size))
    return sorted(found, key=lambda file: (natural(file.name), file.name))


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX")) or name in ("Thumbs.db", "desktop.ini")


def of_splits(files: Sequence[TextFile]) -> tuple[list[TextFile], list[str]]:
    """The files that are called after splits, or all where none is; and names of the others.

    Raises SourceError where a held-out split is there and no training.
    """
    named = [file for file in files if file.split]
    if not named:
        return list(files), []
    if not any(file.split == "train" for file in named):
        raise SourceError(
            f"{named[0].name}: called after the split {named[0].split}, but no file is called "
            f"train; add train.txt, or rename it ({', '.join(NAMES)} name splits)"
        )
    return named, [file.name for file in files if not file.split]


def is_table(file: TextFile) -> bool:
    """Whether the name's ending is that of a table."""
    name = file.name.lower()
    for packed in OPENERS:
        name = name.removesuffix(packed)
    return name.endswith(TABLES)


def other_format(file: TextFile) -> str:
    """What a file is if it is no plain text, and a remedy; "" for text."""
    start = _bytes(file, 512)[0]
    for mark, (what, remedy) in OTHERS.items():
        if start.startswith(mark):
            return f"{what}, not plain text; {remedy}"
    if WEB_PAGE.match(start) or file.name.lower().endswith((".html", ".htm", ".xml")):
        return "a web page or XML, not plain text; save the text alone as .txt (UTF-8)"
    return ""


def _bytes(file: TextFile, limit: int | None) -> tuple[bytes, bool]:
    """The first bytes of a file, unpacked, and whether that is all of it."""
    opened: Any = OPENERS.get(file.path.suffix.lower(), open)
    try:
        with opened(file.path, "rb") as stream:
            if limit is None:
                return stream.read(), True
            content = stream.read(limit + 1)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise SourceError(f"{file.name}: cannot be read ({error}); save it again") from error
    return content[:limit], len(content) <= limit


def read_document(file: TextFile, limit: int | None, encoding: str) -> Document:
    """The lines of a file, or those whole ones that its first ``limit`` bytes hold.

    ``encoding`` is told by the file where it is empty. Raises SourceError.
    """
    content, whole = _bytes(file, limit)
    name = encoding_of(content, file.name, encoding)
    try:
        text = codecs.getincrementaldecoder(name)().decode(content, final=whole)
    except UnicodeDecodeError as error:
        raise not_in(name, file.name, error) from None
    clean = cleaned(text)
    lines = clean.text.split("\n")
    if lines[-1] == "" or (not whole and len(lines) > 1):
        lines.pop()
    if clean.breaks:
        lines = [line.translate(BREAKS).strip("\n") for line in lines]
    numbers = range(1, len(lines) + 1)
    return Document(
        file.name, file.split, lines, numbers, name, whole, clean.composed, clean.breaks
    )


class Clean(NamedTuple):
    """A text in NFC whose lines end with "\\n"; the rest as in ``Document``."""

    text: str
    composed: bool
    breaks: int


def cleaned(text: str) -> Clean:
    """Without a byte-order mark and carriage returns, letters in one part each (NFC)."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    composed = not unicodedata.is_normalized("NFC", text)
    if composed:
        text = unicodedata.normalize("NFC", text)
    return Clean(text, composed, sum(map(text.count, "\x0b\x0c\x85\u2028\u2029")))


def read_documents(files: Sequence[TextFile], most_bytes: int, encoding: str) -> Iterator[Document]:
    """Each file, or its beginning where all together have more than ``most_bytes``."""
    total = sum(file.size for file in files)
    for file in files:
        limit = None if total <= most_bytes else max(1, file.size * most_bytes // total)
        yield read_document(file, limit, encoding)


def unprintable(line: str) -> str | None:
    """Why a line cannot be used, if it holds a sign that no text has."""
    found = UNPRINTABLE.search(line)
    if found is None:
        return None
    code = f"U+{ord(found[0]):04X}"
    if found[0] == "\ufffd":
        return f"a damaged character ({code}), as a wrong encoding leaves it"
    return f"a control character ({code})"


def shortened(line: str, longest: int) -> list[str]:
    """A line in pieces of at most ``longest`` characters, cut at spaces where there are any."""
    pieces = []
    while len(line) > longest:
        place = line.rfind(" ", longest // 2, longest + 1)
        if place < 0:
            place = longest
        pieces.append(line[:place])
        line = line[place:].removeprefix(" ")
    return [*pieces, line]
