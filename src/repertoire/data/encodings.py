"""Which encoding a text file is in, told by its first bytes."""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from repertoire.data.sources import SourceError

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

SAMPLE = 2**20  # bytes that are looked at
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Encodings in use; of all that exist, one that nobody uses may fit a few letters best.
SINGLE = [
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("koi8_r", "cp874", "utf_16_le", "utf_16_be"),
]
PAIRS = ["cp949", "cp932", "euc_jp", "gb18030", "big5"]
# Encodings of other Latin scripts, and the languages that are written in them.
LATIN = {
    "cp1250": ("Croatian", "Czech", "Hungarian", "Polish", "Romanian", "Slovak", "Slovene"),
    "cp1254": ("Turkish",),
    "cp1257": ("Estonian", "Latvian", "Lithuanian"),
    "cp1258": ("Vietnamese",),
}
CLEARLY = 0.015  # of a text's coherence with a language
WORDS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a byte-order mark", "utf-16": "UTF-16"}


def encoding_of(content: bytes, place: str) -> str:
    """The name of the encoding of a file that begins with ``content``, as Python knows it.

    A byte-order mark decides, then valid UTF-8, then charset-normalizer. Where it fits as well,
    Windows-1252 is taken before the encodings of other Latin scripts, as web browsers do. Raises
    SourceError where none fits; ``place`` is the file's name.
    """
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return name
    # Imported late: most files are UTF-8.
    from charset_normalizer import from_bytes

    sample = content[:SAMPLE]
    if b"\0" not in sample and is_utf8(sample):
        return "utf-8"
    # Few letters beyond ASCII look like anything; where they stand alone, no pair is one character.
    alone = not re.search(rb"[\x80-\xff]{2}", sample)
    matches = from_bytes(sample, cp_isolation=SINGLE if alone else [*SINGLE, *PAIRS])
    best = matches.best()
    if best is None:
        raise SourceError(f"{place}: not text in any known encoding; save it as UTF-8")
    return _latin([match for match in matches if match.chaos <= best.chaos]) or best.encoding


def _latin(matches: "Sequence[CharsetMatch]") -> str | None:
    """Which Latin script it is, if Western European letters fit as well as any.

    Another one counts only in a language that is written in it, and if it fits better.
    """
    western = next((m for m in matches if "cp1252" in m.could_be_from_charset), None)
    if western is None or not {matches[0].encoding} & {"cp1252", *LATIN}:
        return None
    for match in matches:
        clearly = match.coherence > western.coherence + CLEARLY
        if match.language in LATIN.get(match.encoding, ()) and clearly:
            return match.encoding
    return "cp1252"


def known_encoding(name: str) -> str:
    """``name`` if Python knows such an encoding; raises SourceError otherwise."""
    try:
        codecs.lookup(name)
    except LookupError:
        raise SourceError(
            f"no encoding {name!r}; well-known ones: utf-8, cp1252, cp949, utf-16"
        ) from None
    return name


def encoding_words(name: str) -> str:
    """The encoding as a person would name it."""
    return WORDS.get(name, name.replace("_", "-").upper())


def told_words(name: str, given: str) -> str:
    """The same, with the remedy where no mark and no option but its letters told it."""
    sure = bool(given) or name in WORDS
    return encoding_words(name) + ("" if sure else " by its letters (--encoding corrects it)")


def decoded(content: bytes, place: str, encoding: str = "") -> tuple[str, str]:
    """The text of a whole file and its encoding, told where ``encoding`` is empty.

    Raises SourceError with the byte that does not fit.
    """
    name = known_encoding(encoding) if encoding else encoding_of(content, place)
    try:
        return content.decode(name), name
    except UnicodeDecodeError as error:
        raise not_in(name, place, error) from None


def not_in(name: str, place: str, error: UnicodeDecodeError) -> SourceError:
    """The error of a file that is not in the encoding that its beginning shows."""
    line = error.object[: error.start].count(b"\n") + 1
    return SourceError(
        f"{place}: line {line:,} is not {encoding_words(name)} (byte {error.start:,}); "
        "save the file as UTF-8, or name its encoding"
    )


def head(path: Path, count: int = SAMPLE) -> bytes:
    """The first bytes of a file, uncompressed where its name ends in .gz and the like."""
    import pyarrow as pa

    with pa.input_stream(str(path), compression="detect") as file:
        return file.read(count)


def is_utf8(content: bytes) -> bool:
    """Whether bytes are UTF-8; a character that the end cuts is allowed."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return False
    return True
