"""Training curves as inline SVG in the page's own font and colours."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from pipelines.report.words import spaced
from repertoire.measured import Metric

SERIES = 8
SMOOTHED = 5  # records of a running mean
# Colours that stand for the page's variables, so that a dark page redraws the curves as well.
MUTED, LINE = "#010203", "#010204"
INKS = [f"#0102{0x10 + n:02x}" for n in range(SERIES)]
VARIABLES = {MUTED: "var(--muted)", LINE: "var(--line)"} | {
    ink: f"var(--series-{n})" for n, ink in enumerate(INKS)
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "repertoire",
    "font.size": 11,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True)
class Curve:
    """``label`` is written at the curve's end if not empty; ``kept`` is a place to be marked."""

    x: Sequence[float]
    y: Sequence[float]
    colour: int
    label: str = ""
    kept: int | None = None


@dataclass(frozen=True)
class Panel:
    """One small diagram."""

    title: str
    axis: str
    curves: list[Curve]
    log: bool = False


def panels(histories: Sequence[Mapping[str, Any]], metric: Metric) -> list[Panel]:
    """Losses, whatever else was recorded a step, and the validation metric if it has a course."""
    keys = list(
        dict.fromkeys(k for h in histories for r in h["steps"][:1] for k in r if k != "step")
    )
    nats = [k for k in keys if k.endswith("_nats")]
    found = []
    if nats:
        found.append(Panel("Training loss, nats", "step", _step_curves(histories, nats)))
    for key in keys:
        if key not in nats:
            title, curves = spaced(key).capitalize(), _step_curves(histories, [key])
            positive = all(min(curve.y) > 0 for curve in curves)
            found.append(Panel(title, "step", curves, log=positive))
    if any(len(h["epochs"]) > 2 for h in histories):
        title = f"Validation: {metric.label}" + (f", {metric.unit}" if metric.unit else "")
        found.append(Panel(title, "epoch", _epoch_curves(histories, metric)))
    return found


def _step_curves(histories: Sequence[Mapping[str, Any]], keys: list[str]) -> list[Curve]:
    curves = []
    for index, history in enumerate(histories):
        # A training shorter than one record has no course.
        recorded = history["steps"][0] if history["steps"] else ()
        for place, key in enumerate(k for k in keys if k in recorded):
            x = np.array([record["step"] for record in history["steps"]], float)
            y = np.array([record[key] for record in history["steps"]], float)
            if len(x) > 8 * SMOOTHED:
                window = np.full(SMOOTHED, 1 / SMOOTHED)
                x, y = (np.convolve(v, window, "valid") for v in (x, y))
            # Alone on its data set, a model's losses are told apart by colour.
            several = len(histories) == 1 and len(keys) > 1
            label = spaced(key.removesuffix("_nats")) if several else ""
            label = "total" if label == "loss" else label
            curves.append(Curve(x.tolist(), y.tolist(), place if several else index, label))
    return curves


def _epoch_curves(histories: Sequence[Mapping[str, Any]], metric: Metric) -> list[Curve]:
    curves = []
    for index, history in enumerate(histories):
        y = [record[metric.key] for record in history["epochs"]]
        kept = int(np.argmin(y) if metric.better == "lower" else np.argmax(y))
        x = [record["epoch"] for record in history["epochs"]]
        curves.append(Curve(x, y, index, kept=kept))
    return curves


def draw(panel: Panel, width: float, height: float) -> Markup:
    """The panel as SVG of that many CSS pixels; equal panels give equal bytes."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((width / 72, height / 72))
        labelled = [curve for curve in panel.curves if curve.label]
        right = 1 - (85 if labelled else 8) / width
        axes = figure.add_axes((42 / width, 40 / height, right - 42 / width, 1 - 50 / height))
        for curve in panel.curves:
            _draw_curve(axes, curve)
        _frame(axes, panel)
        _label_ends(axes, labelled, panel.axis)
        return Markup(_inlined(_svg(figure), panel.title, width))


def draw_lines(record: Mapping[str, Any], width: float = 560, height: float = 320) -> Markup:
    """A LINES figure as SVG: courses, bands around them, dots with their names."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((width / 72, height / 72))
        axes = figure.add_axes((62 / width, 44 / height, 1 - 74 / width, 1 - 56 / height))
        for index, line in enumerate(record["lines"]):
            ink = INKS[index % SERIES]
            if line["low"]:
                axes.fill_between(line["x"], line["low"], line["high"], color=ink, alpha=0.15, lw=0)
            axes.plot(line["x"], line["y"], "o" if line["points"] else "-", color=ink, markersize=4)
            for x, y, text in zip(line["x"], line["y"], line["texts"], strict=False):
                axes.annotate(
                    text, (x, y), (4, 3), textcoords="offset points", color=ink, fontsize=9
                )
        axes.set_xlabel(record["columns"][0])
        axes.set_ylabel(record["columns"][1])
        for name in record["logarithmic"]:
            _logarithmic(axes, name)
        axes.set_axisbelow(True)
        return Markup(_inlined(_svg(figure), record["name"], width))


def _logarithmic(axes: Axes, name: str) -> None:
    """Powers of ten; where fewer than two would fit, 1, 2 and 5 in plain digits."""
    getattr(axes, f"set_{name}scale")("log")
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    if high / low < 100:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(buffer, metadata=metadata)
    return buffer.getvalue()


def _draw_curve(axes: Axes, curve: Curve) -> None:
    ink = INKS[curve.colour % SERIES]
    axes.plot(curve.x, curve.y, color=ink)
    if curve.kept is not None:
        axes.plot(curve.x[curve.kept], curve.y[curve.kept], "o", color=ink, markersize=6)


def _frame(axes: Axes, panel: Panel) -> None:
    axes.set_xlabel(panel.axis)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if panel.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axes.yaxis.set_minor_formatter(NullFormatter())
    elif panel.axis == "step":
        # The first steps would press everything else flat.
        calm = [curve.y[len(curve.y) // 30 :] for curve in panel.curves]
        low, high = min(map(min, calm)), max(map(max, calm))
        if high > low:
            axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    if not panel.log:
        axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_axisbelow(True)


def _label_ends(axes: Axes, curves: list[Curve], axis: str) -> None:
    """Names at the right ends, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    below = -np.inf
    for curve in sorted(curves, key=lambda c: c.y[-1]):
        below = max(curve.y[-1], below + 0.075 * (high - low))
        axes.annotate(
            curve.label,
            (curve.x[-1], below),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=INKS[curve.colour % SERIES],
            annotation_clip=False,
        )


def _inlined(svg: str, title: str, width: float) -> str:
    """Only the element itself, scaling with its place; group ids would clash between panels."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    # Beyond its own size a little, but not so far that its letters outgrow the text.
    bound = f'style="max-width: {1.2 * width:.0f}px"'
    head = f'<svg {box[0] if box else ""} {bound} role="img" aria-label="{escape(title)}">'
    svg = re.sub(r"<svg[^>]*>", head, svg, count=1)
    for ink, variable in VARIABLES.items():
        svg = svg.replace(ink, variable)
    return re.sub(r"\n\s*", "\n", svg)
