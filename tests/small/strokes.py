"""Pen-stroke fonts of a few strokes a letter, in a wheel like the real carrier."""

import base64
import io
import tarfile
import zipfile
from pathlib import Path

FONTS = ("rowmans", "scripts", "scriptc")


def pair(x: int, y: int) -> str:
    """Two coordinates as a font file writes them."""
    return chr(x + ord("R")) + chr(y + ord("R"))


def font(lean: int) -> str:
    """95 glyphs: a bow whose height tells the letter, and a bar on every other one."""
    lines = ['#{"define_base_line": 9}']
    for n in range(95):
        strokes = [pair(-3, 9), pair(lean, 8 - n % 13), pair(3, 9)]
        if n % 2:
            strokes += [" R", pair(-2, 4), pair(2, 4 - lean)]
        lines.append(f"{n:5}{len(strokes) + 1:3}" + "".join([pair(-4, 4), *strokes]))
    return "\n".join(lines)


def source(fonts: dict[str, str], before: str = "") -> str:
    """A Python source with a tar of fonts as its longest literal."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as tar:
        for name, text in fonts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return f"{before}\nclass Fonts:\n    data = {base64.b64encode(buffer.getvalue())!r}\n"


def write_fonts(path: Path) -> None:
    """A wheel whose source fails if it is run."""
    text = source({name: font(n) for n, name in enumerate(FONTS)}, "raise SystemExit('was run')")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("HersheyFonts/HersheyFonts.py", text)


ARCHIVES = {"Hershey_Fonts-2.1.0-py2.py3-none-any.whl": write_fonts}
DATA = {"stroke_fonts": {"rows": 307, "longest": 5, "most_points": 61}}
BASELINES = {"stroke_fonts": {"components": 3, "iterations": 5}}
SIZES = {"units": 13, "components": 3, "batch": 17, "draw_points": 11, "examples": 2}
DATA_OF = {"sheep": "stroke_fonts"}
RECIPES = {"strokes_free": SIZES, "strokes_written": {**SIZES, "windows": 2}}
