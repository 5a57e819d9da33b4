"""The encodings of text files: errors as those of sources, and what people call them."""

from pathlib import Path

from repertoire.data.sources import SourceError
from repertoire.runtime import encodings
from repertoire.runtime.errors import InvalidInput

WORDS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a byte-order mark", "utf-16": "UTF-16"}


def encoding_of(content: bytes, place: str, given: str = "") -> str:
    """``given`` if there is such an encoding; where it is empty, the one that the bytes tell.

    Raises SourceError; ``place`` is the file's name.
    """
    try:
        return encodings.known_encoding(given) if given else encodings.encoding_of(content, place)
    except InvalidInput as error:
        raise SourceError(str(error)) from None


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
    name = encoding_of(content, place, encoding)
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


def head(path: Path, count: int = encodings.SAMPLE) -> bytes:
    """The first bytes of a file, uncompressed where its name ends in .gz and the like."""
    import pyarrow as pa

    with pa.input_stream(str(path), compression="detect") as file:
        return file.read(count)
