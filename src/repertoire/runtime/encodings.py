"""Which encoding a text file is in, told by its first bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from repertoire.runtime.errors import InvalidInput

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

SAMPLE = 2**20  # bytes that are looked at
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins with the mark of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
ZEROS = 0.02  # of the bytes of UTF-8 at most, in damaged lines; UTF-16 has more
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


def encoding_of(content: bytes, place: str) -> str:
    """The name of the encoding of a file that begins with ``content``, as Python knows it.

    A byte-order mark decides, then valid UTF-8, then charset-normalizer. Where it fits as well,
    Windows-1252 is taken before the encodings of other Latin scripts, as web browsers do. Raises
    InvalidInput where none fits; ``place`` is what it calls the file.
    """
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return name
    sample = content[:SAMPLE]
    if _is_utf8(sample):
        return "utf-8"
    # Few letters beyond ASCII look like anything; where they stand alone, no pair is one character.
    alone = not re.search(rb"[\x80-\xff]{2}", sample)
    matches = _matches(sample, SINGLE if alone else [*SINGLE, *PAIRS], place)
    best = matches[0]
    return _latin([match for match in matches if match.chaos <= best.chaos]) or best.encoding


def known_encoding(name: str) -> str:
    """``name`` if Python has such an encoding of text. Raises InvalidInput."""
    try:
        "a".encode(name)
    except (LookupError, ValueError):
        known = "utf-8, utf-16, cp1252, cp949"
        raise InvalidInput(f"there is no encoding {name!r}; well-known are {known}") from None
    return name


def _is_utf8(sample: bytes) -> bool:
    """Without zero bytes, or with few; the end may cut a character."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    zeros = sample.count(0)  # in UTF-16 each line break has one, and each other sign of ASCII
    return zeros <= ZEROS * len(sample) or zeros < sample.count(b"\n")


def _matches(sample: bytes, names: list[str], place: str) -> Sequence[CharsetMatch]:
    """The encodings that fit, the best first; at least one."""
    # Imported late: most files are UTF-8, and the runtime goes without it.
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        raise InvalidInput(
            f"{place} is not UTF-8; say what it is, for example --encoding cp1252, "
            "or install charset-normalizer, which tells"
        ) from None
    if found := list(from_bytes(sample, cp_isolation=names)):
        return found
    raise InvalidInput(
        f"{place} is not text in any known encoding; save it as UTF-8, or say what it is, "
        "for example --encoding cp1252"
    )


def _latin(matches: Sequence[CharsetMatch]) -> str | None:
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
