"""Gathers what the stages left, and writes one page that needs nothing but itself."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.report import card
from pipelines.report.charts import draw, panels
from pipelines.report.compare import comparisons, verdicts
from pipelines.report.figures import load_figure
from pipelines.report.words import lowered, metric_words, number, small, spaced
from pipelines.stage import Recipe, recipe_names, recipe_params, study_names, study_params
from repertoire.config import RepertoireError
from repertoire.data.files import read_json, whole_file

OUTPUT = Path("reports/index.html")
REGISTRATIONS = Path("reports/registrations.json")
COLUMN = 990  # CSS pixels of the text column
GAP = 28
CHART_HEIGHT = 270


def report() -> None:
    """Write reports/index.html; equal inputs give equal bytes."""
    names = recipe_names()
    versions = read_json(REGISTRATIONS) if REGISTRATIONS.exists() else {}
    models = [_model(name, versions) for name in names]
    if not models:
        raise RepertoireError("params.yaml.recipes: no recipe to report; add one")
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "spaced": spaced, "lowered": lowered}
    page = environment.get_template("template.html.jinja").render(
        summary=_summary(models),
        datasets=_datasets(models),
        models=models,
        studies=[_study(name) for name in study_names()],
    )
    with whole_file(OUTPUT) as partial:
        partial.write_text(page, encoding="utf-8")
    beaten = sum(model["gate"]["passed"] for model in models)
    print(f"{OUTPUT}: {len(models)} recipes, {beaten} beat their baseline")


def _read(name: str, file: str) -> Any:
    """A file that ``evaluate`` or a stage before it wrote."""
    path = Path("artifacts") / name / file
    try:
        return read_json(path)
    except FileNotFoundError:
        raise RepertoireError(
            f"{path}: no such file, recipe {name} was not evaluated; "
            f"run `dvc repro evaluate@{name}`"
        ) from None


def _study(name: str) -> dict[str, Any]:
    """Everything the page says of one study."""
    params, folder = study_params(name), Path("studies") / name / "plots"
    try:
        records = read_json(folder / "figures.json")
    except FileNotFoundError:
        raise RepertoireError(
            f"{folder}: no figures, study {name} did not run; run `dvc repro study@{name}`"
        ) from None
    return {
        "name": name,
        "title": params.title,
        "text": card.study_text(params.module),
        "figures": [load_figure(folder, record) for record in records],
    }


def _model(name: str, versions: dict[str, str]) -> dict[str, Any]:
    """Everything the page says of one recipe."""
    recipe, folder = recipe_params(name), Path("artifacts") / name
    measured, manifest = _read(name, "metrics.json"), _read(name, "manifest.json")
    records = _read(name, "plots/figures.json")
    rows = comparisons(
        measured["gate"], measured["test"], manifest["baselines"], dict(recipe.config)
    )
    return {
        "name": name,
        "title": recipe.title,
        "family": recipe.family.upper() if len(recipe.family) < 4 else spaced(recipe.family),
        "dataset": recipe.dataset,
        "gate": measured["gate"],
        "rows": rows,
        "history": _read(name, "trained/history.json"),
        "manifest": manifest,
        "card": _card(name, recipe, measured["test"], manifest, records),
        "figures": [load_figure(folder / "plots", record) for record in records],
        "version": versions.get(name),
    }


def _card(
    name: str, recipe: Recipe, metrics: dict[str, float], manifest: dict[str, Any], records: Any
) -> dict[str, Any]:
    facts = manifest["facts"]
    what, sources = card.family_text(recipe.family)
    return {
        "what": what,
        "sources": sources,
        "data": f"{spaced(recipe.dataset)}; {facts['origin']}; licence: {facts['licence']}",
        "splits": card.splits(facts),
        "use": card.intended_use(manifest["tasks"], recipe.dataset),
        "limits": card.limits(facts, metrics, recipe),
        "metrics": card.metric_rows(metrics),
        "settings": card.settings(recipe),
        "sizes": card.sizes(Path("artifacts") / name, manifest),
        "parity": card.parity(manifest),
        "digests": card.digests(manifest),
        "requests": card.requests(name, manifest["tasks"], recipe, records),
    }


def _summary(models: list[dict[str, Any]]) -> dict[str, Any]:
    differences = [card.largest_differences(model["manifest"])[0] for model in models]
    return {
        "recipes": len(models),
        "beaten": sum(model["gate"]["passed"] for model in models),
        "families": len({model["family"] for model in models}),
        "difference": small(max(differences)),
    }


def _datasets(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Models by data set, in the order of params.yaml."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for model in models:
        groups.setdefault(model["dataset"], []).append(model)
    return [
        {
            "name": name,
            "models": group,
            "facts": group[0]["manifest"]["facts"],
            "splits": card.splits(group[0]["manifest"]["facts"]),
            "verdicts": verdicts([(m["title"], m["rows"]) for m in group]),
            "signatures": _signatures(group[0]["manifest"]["baselines"]),
            "charts": [chart for part in _by_gate(group) for chart in _charts(part)],
        }
        for name, group in groups.items()
    ]


def _signatures(baselines: dict[str, Any]) -> list[str]:
    return [
        f"{metric_words(key.removesuffix('_signature') + '_percent')[0]}: {value}"
        for key, value in baselines.items()
        if key.endswith("_signature")
    ]


def _by_gate(group: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Models whose losses share an axis: those of one family with one metric at the gate."""
    parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for model in group:
        parts.setdefault((model["family"], model["gate"]["metric"]), []).append(model)
    return list(parts.values())


def _charts(group: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gate = group[0]["gate"]
    found = panels([model["history"] for model in group], gate["metric"], gate["better"])
    width = (COLUMN - GAP * (len(found) - 1)) / max(len(found), 1)
    return [
        {
            "titles": [model["title"] for model in group],
            "validation": [_kept(model) for model in group],
            "panels": [
                {"title": panel.title, "drawing": draw(panel, width, CHART_HEIGHT)}
                for panel in found
            ],
        }
    ]


def _kept(model: dict[str, Any]) -> str:
    """The best validation value, which decided what was kept."""
    gate = model["gate"]
    values = [epoch[gate["metric"]] for epoch in model["history"]["epochs"]]
    best = min(values) if gate["better"] == "lower" else max(values)
    return f"{lowered(metric_words(gate['metric'])[0])} {number(best)}"
