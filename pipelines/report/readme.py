"""`python -m pipelines.report.readme`: README's table of results, from what was measured.

Says how far these results are from those that README held, which is how far another processor
differs where nothing else changed.
"""

from pathlib import Path

from pipelines.artifact import MANIFEST, RESULTS, read_artifact
from pipelines.declared import declared
from pipelines.params import recipe_names, recipe_params
from pipelines.report.card import family_name
from pipelines.report.compare import comparisons
from pipelines.report.words import number, spaced, uncertain
from pipelines.stage import run_stage
from repertoire.config import RepertoireError
from repertoire.data.files import whole_file

README = Path("README.md")
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"
HEAD = ("family", "model", "data", "test metric", "value", "verdict", "baselines")
VALUE, VERDICT = HEAD.index("value"), HEAD.index("verdict")
RIVALS = 2  # the strongest besides the gate


def readme() -> None:
    """Replace the table between the marks in README.md."""
    text = README.read_text(encoding="utf-8")
    before, table, after = _parts(text)
    rows = [_row(name) for name in recipe_names()]
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    written = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    with whole_file(README) as partial:
        partial.write_text(before + written + after, encoding="utf-8")
    print(f"{README}: {len(rows)} rows; {difference(table, written)}")


def difference(old: str, new: str) -> str:
    """How many values of two tables differ, and by how much at most."""
    known, found = values(old), values(new)
    gaps = {
        model: abs(found[model] - value) / abs(value)
        for model, value in known.items()
        if found.get(model, value) != value and value
    }
    if not gaps:
        return "no value differs from the table before"
    worst = max(gaps, key=lambda model: gaps[model])
    return (
        f"{len(gaps)} of {len(known)} values differ from the table before, "
        f"by {100 * gaps[worst]:.2g} % at most ({worst})"
    )


def values(table: str) -> dict[str, float]:
    """The value of each model in a table."""
    rows = [line.strip("| \n").split(" | ") for line in table.splitlines()[2:]]
    return {row[1]: _number(row[VALUE]) for row in rows}


def _number(cell: str) -> float:
    """The value that a cell begins with; its standard error may follow."""
    return float(cell.split()[0].replace("−", "-").replace(",", ""))


def _parts(text: str) -> tuple[str, str, str]:
    """The text up to the table, the table, and the text after it."""
    before, begin, rest = text.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not begin or not end:
        raise RepertoireError(
            f"{README}: no lines {BEGIN.strip()} and {END.strip()} around a table"
        )
    return before + begin, table, end + after


def _row(name: str) -> tuple[str, ...]:
    recipe = recipe_params(name)
    results, manifest = read_artifact(name, RESULTS), read_artifact(name, MANIFEST)
    gate = results["gate"]
    means = declared(recipe.family, manifest["facts"]["kind"])
    rows = comparisons(gate, results, manifest["baselines"], dict(recipe.config), means)
    first, metric = rows[0], rows[0].metric
    rivals = [r for r in rows[1:] if r.metric == metric and r.baseline.role == "baseline"]
    shown = (first, *rivals[:RIVALS])
    beside = [f"{row.baseline.label} {number(row.baseline_value)}" for row in shown]
    return (
        family_name(recipe.family),
        recipe.title,
        spaced(recipe.dataset),
        f"{metric.label}, {metric.unit}" if metric.unit else metric.label,
        uncertain(first.value, first.error),
        first.verdict,
        ", ".join(beside),
    )


if __name__ == "__main__":
    run_stage("readme", readme)
