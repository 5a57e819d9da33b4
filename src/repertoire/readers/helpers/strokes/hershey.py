"""Glyphs as pen strokes, in the format in which Hershey's fonts (1967) are passed on.

A line is one glyph: five digits of number, three of length in pairs, then pairs of letters whose
distance from "R" is a coordinate. The first pair holds the left and right margin; " R" lifts the
pen. Lines follow ASCII from the space on; a line that begins with "#" holds JSON about the font.
"""

import ast
import base64
import binascii
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repertoire.contract import Array
from repertoire.data.sources import expecting, one_member, unexpected

LIFT = " R"
FIRST = 32  # the ASCII code of the first glyph


@dataclass(frozen=True)
class Glyph:
    """``strokes``: float (points, 2) each, x to the right, y down, the baseline at y = 0."""

    left: float
    right: float
    strokes: tuple[Array, ...]


Font = dict[str, Glyph]


def parse_font(text: str) -> Font:
    """Glyphs by character. Raises ValueError for a line whose length is not the stated one."""
    base, font = 9.0, Font()
    for line in text.splitlines():
        if line.startswith("#"):
            base = float(json.loads(line[1:]).get("define_base_line", base))
        elif line.strip():
            font[chr(FIRST + len(font))] = _glyph(line, base)
    return font


def _glyph(line: str, base: float) -> Glyph:
    stated, body = int(line[5:8]), line[8:]
    if len(body) != 2 * stated or stated < 1:
        raise ValueError(f"a glyph states {stated} pairs and has {len(body) / 2:g}: {line[:30]!r}")
    pairs = [body[i : i + 2] for i in range(0, len(body), 2)]
    left, right = (float(ord(letter) - ord("R")) for letter in pairs[0])
    strokes: list[list[tuple[float, float]]] = [[]]
    for pair in pairs[1:]:
        if pair == LIFT:
            strokes.append([])
        else:
            x, y = (ord(letter) - ord("R") for letter in pair)
            strokes[-1].append((x, y - base))
    return Glyph(left, right, tuple(np.array(s, float) for s in strokes if s))


def read_fonts(path: Path, pattern: str, names: Iterable[str]) -> dict[str, Font]:
    """The named fonts out of the one Python source that matches ``pattern`` in a wheel.

    It holds a tar of fonts as a literal in base64. The source is parsed, never run.
    """
    source, content = one_member(path, pattern)
    with expecting(path, f"fonts in {source}"):
        with tarfile.open(fileobj=io.BytesIO(_literal(content))) as tar:
            files = {m.name: tar.extractfile(m) for m in tar if m.isfile()}
            texts = {name: file.read().decode("ascii") for name, file in files.items() if file}
        if missing := [name for name in names if name not in texts]:
            known = ", ".join(sorted(texts))
            raise unexpected(path, f"no font {missing[0]!r} in it; there are: {known}")
        return {name: parse_font(texts[name]) for name in names}


def _literal(source: bytes) -> bytes:
    """The longest bytes literal of a Python source, out of its base64."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    longest = max((n.value for n in nodes if isinstance(n.value, bytes)), key=len, default=b"")
    try:
        return base64.b64decode(longest, validate=True)
    except binascii.Error as error:
        raise ValueError(f"its fonts are not in base64: {error}") from error
