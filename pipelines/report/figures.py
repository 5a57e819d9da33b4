"""The figures that evaluation wrote, ready to be put into the page."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from pipelines.report.charts import draw_lines

CELL = 17  # side of a heat map's cell; labels are set at 11 px
LETTER = 6.6  # average advance of a label's letter
WIDE = 12.0  # and of a Hangul syllable


def load_figure(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """A record of figures.json with its picture or heat map drawn."""
    figure = {**record, "title": record["name"].replace("-", " ")}
    if record["kind"] == "images":
        content = (folder / record["file"]).read_bytes()
        figure["source"] = "data:image/png;base64," + base64.b64encode(content).decode()
        # PNG states its width in bytes 16 to 20 and its height in the four that follow.
        figure["width"] = int.from_bytes(content[16:20], "big")
        figure["height"] = int.from_bytes(content[20:24], "big")
    elif record["kind"] == "heatmap":
        parts = (record[key] for key in ("values", "rows", "columns"))
        figure["drawing"], figure["width"] = heatmap(*parts)
    elif record["kind"] == "lines":
        figure["drawing"] = draw_lines(record)
        figure["labels"] = [line["label"] for line in record["lines"]]
    elif record["kind"] == "table":
        figure["numeric"] = [_numeric(column) for column in zip(*record["cells"], strict=True)]
    return figure


def heatmap(
    values: Sequence[Sequence[float]], rows: Sequence[str], columns: Sequence[str]
) -> tuple[Markup, int]:
    """Inline SVG and its width: a darker cell is a larger value; long labels stand on end."""
    rows, columns = [_visible(r) for r in rows], [_visible(c) for c in columns]
    left = max(map(_extent, rows), default=0) + 10
    top = max([20.0, *(_extent(c) + 10 for c in columns if len(c) > 2)])
    width, height = left + CELL * len(columns) + 2, top + CELL * len(rows) + 2
    parts = [
        f'<svg class="heatmap" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'style="width:{width:.0f}px" aria-label="{len(rows)} by {len(columns)} heat map">'
    ]
    for index, label in enumerate(columns):
        parts.append(_column_label(left + CELL * (index + 0.5), top - 6, label))
    for index, (label, line) in enumerate(zip(rows, values, strict=True)):
        y = top + CELL * index
        parts.append(
            f'<text x="{left - 7:.1f}" y="{y + 12.5:.1f}" class="e">{escape(label)}</text>'
        )
        parts += [_cell(left + CELL * n, y, v) for n, v in enumerate(line)]
    parts.append("</svg>")
    return Markup("".join(parts)), round(width)  # labels are escaped above; the rest is numbers


def _cell(x: float, y: float, value: float) -> str:
    # Below a hundredth nothing would be seen; the faint tile keeps the grid readable.
    shade = f' class="on" fill-opacity="{min(value, 1):.2f}"' if value >= 0.01 else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{CELL - 1}" height="{CELL - 1}"{shade}/>'


def _column_label(x: float, y: float, label: str) -> str:
    if len(label) < 3:
        return f'<text x="{x:.1f}" y="{y:.1f}" class="m">{escape(label)}</text>'
    return f'<text transform="translate({x + 3.5:.1f} {y:.1f}) rotate(-90)">{escape(label)}</text>'


def _extent(label: str) -> float:
    return sum(WIDE if ord(letter) > 0x2E80 else LETTER for letter in label)


def _visible(label: str) -> str:
    return label.replace(" ", "␣").replace("\n", "↵")


def _numeric(column: Sequence[Any]) -> bool:
    return all(re.fullmatch(r"[-−]?[\d.,]+( ?%)?", str(cell)) for cell in column)
