"""What a person reads in MLflow: the model card as Markdown, and the figures as image files."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.artifact import MANIFEST
from pipelines.declared import declared
from pipelines.registry.content import Content
from pipelines.report import card
from pipelines.report.limits import limits
from pipelines.report.words import spaced
from repertoire.config import RepertoireError
from repertoire.data.files import read_json

LONGEST = 5000  # characters that MLflow's database keeps
# The light colours of the report's page.
COLOURS = {
    "ink": "#1b2330",
    "muted": "#626c7b",
    "line": "#e3e7ed",
    "tile": "#f1f4f8",
    "series-0": "#2a66cc",
    "series-1": "#d66a12",
    "series-2": "#2b8a57",
    "series-3": "#c03264",
    "series-4": "#7a54c0",
    "series-5": "#128a99",
    "series-6": "#8a6a35",
    "series-7": "#59626f",
}
STYLE = (
    "text{font:11px sans-serif;fill:var(--ink)}.e{text-anchor:end}.m{text-anchor:middle}"
    ".heatmap rect{fill:var(--tile)}.heatmap rect.on{fill:var(--series-0)}"
)


def model_card(content: Content) -> str:
    """The card's text, cut at the end of a line where it is too long for MLflow.

    Metrics that nobody declares any more are called by their keys. Raises RepertoireError for a
    manifest that lacks what a card says.
    """
    try:
        text = "\n\n".join(_lines(content)) + "\n"
    except KeyError as error:
        raise _lacking(content, str(error.args[0])) from error
    return text if len(text) <= LONGEST else text[: text.rindex("\n", 0, LONGEST) + 1]


def _lines(content: Content) -> list[str]:
    manifest, recipe = content.manifest, content.recipe
    facts = manifest["facts"]
    metrics, errors = (
        {key.removeprefix("test_"): value for key, value in manifest[part].items()}
        for part in ("metrics", "standard_errors")
    )
    means = declared(recipe.family, facts["kind"])
    rows = card.metric_rows(metrics, errors, means)
    what = import_module(f"repertoire.families.{recipe.family}").__doc__ or recipe.family
    return [
        f"# {recipe.title}",
        " ".join(what.split("\n\n")[0].split()),
        f"**Intended use.** {card.intended_use(manifest['tasks'], recipe.dataset)}",
        f"**Data.** {spaced(recipe.dataset)}; {facts['origin']}; licence: {facts['licence']}. "
        f"{card.splits(facts)}.",
        f"**Verdict.** {_verdict(content)}",
        "## Measured on the test split",
        "\n".join(f"- {name}: {value} {unit}".rstrip() for name, value, unit in rows),
        "## Limits",
        "\n".join(f"- {note}" for note in limits(facts, metrics, recipe, means)),
        "## Files",
        f"{card.sizes(content.folder, manifest)}. {card.parity(manifest)}",
        "## Settings",
        "\n".join(f"- {name}: {value}" for name, value in card.settings(recipe)),
    ]


def _verdict(content: Content) -> str:
    """Raises RepertoireError for a manifest that was written before it held the sentence."""
    if sentence := card.verdict(content.manifest):
        return sentence
    raise _lacking(content, "verdict.sentence")


def _lacking(content: Content, key: str) -> RepertoireError:
    return RepertoireError(
        f"{content.folder / MANIFEST}: no {key}, which evaluate writes; "
        f"run `dvc repro --force evaluate@{content.name}`"
    )


def write_figures(target: Path, plots: Path) -> None:
    """Every figure of ``plots`` that is a drawing or an image, as a file of its own."""
    # Here, because it imports matplotlib, and mostly everything is registered already.
    from pipelines.report.figures import load_figure

    target.mkdir(parents=True)
    for record in read_json(plots / "figures.json"):
        if record["kind"] == "images":
            (target / record["file"]).symlink_to((plots / record["file"]).resolve())
        elif drawing := load_figure(plots, record).get("drawing"):
            (target / f"{record['name']}.svg").write_text(_standing_alone(drawing), "utf-8")
    (target / "figures.json").symlink_to((plots / "figures.json").resolve())


def _standing_alone(drawing: Any) -> str:
    """A drawing of the report's page as a file: with the page's colours and letters in it."""
    variables = "".join(f"--{name}:{colour};" for name, colour in COLOURS.items())
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        r"\1>" + f"<style>svg{{{variables}}}{STYLE}</style>"
    )
    return re.sub(r"<svg ([^>]*)>", head, str(drawing), count=1)
