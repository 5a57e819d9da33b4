"""Gathers what the stages left, and writes pages that need nothing but themselves."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from pipelines.artifact import (
    ARTIFACTS,
    EVALUATION,
    FIGURES,
    HISTORY,
    MANIFEST,
    RESULTS,
    not_evaluated,
    read_artifact,
)
from pipelines.code import ROOT
from pipelines.declared import declared
from pipelines.params import (
    Recipe,
    recipe_names,
    recipe_params,
    study_names,
    study_params,
)
from pipelines.report import card
from pipelines.report.charts import draw, panels
from pipelines.report.compare import comparisons, verdicts
from pipelines.report.figures import load_figure
from pipelines.report.inputs import inputs_digest
from pipelines.report.limits import limits
from pipelines.report.words import lowered, number, small, spaced, uncertain
from repertoire.config import RepertoireError
from repertoire.data.files import read_json, whole_folder
from repertoire.measured import Declared, Metric

OUTPUT = Path("reports")
INPUTS = "inputs.sha256"  # what the pages were made of
COLUMN = 990  # CSS pixels of the text column
GAP = 28
CHART_HEIGHT = 270


def report() -> None:
    """Write reports/: a first page, one a family, one of the studies; equal inputs, equal bytes."""
    digest, known = inputs_digest(), OUTPUT / INPUTS
    if known.exists() and known.read_text(encoding="utf-8") == digest:
        print(f"{OUTPUT}/index.html: nothing that it shows has changed")
        return
    names = recipe_names()
    if not names:
        raise RepertoireError("params.yaml.recipes: no recipe to report; add one")
    # One recipe of several may be run by itself; of none there is nothing to show.
    missing = [name for name in names if not (ARTIFACTS / name / MANIFEST).exists()]
    if missing == names:
        raise not_evaluated(names[0], ARTIFACTS / names[0] / MANIFEST)
    models = [_model(name) for name in names if name not in missing]
    pages = [*_family_pages(models), *_study_pages([_study(name) for name in study_names()])]
    first = {"summary": _summary(models), "datasets": _datasets(models), "models": models}
    listed = [page["listed"] for page in pages]
    with whole_folder(OUTPUT) as folder:
        _render(folder, "index.html", "index.html.jinja", {"pages": listed, **first})
        for page in pages:
            content = {"pages": listed, **page["content"]}
            _render(folder, page["listed"]["file"], page["template"], content)
        (folder / INPUTS).write_text(digest, encoding="utf-8")
    beaten = sum(model["gate"]["passed"] for model in models)
    print(f"{OUTPUT}/index.html: {_beaten_words(len(models), beaten)}")
    if missing:
        print(f"not shown, for they were not evaluated: {', '.join(missing)}")


def _beaten_words(recipes: int, beaten: int) -> str:
    if recipes == 1:
        return f"1 recipe, which {'beats' if beaten else 'does not beat'} its baseline"
    if beaten == 1:
        return f"{recipes} recipes, 1 beats its baseline"
    return f"{recipes} recipes, {beaten or 'none'} beat their baseline"


def _render(folder: Path, file: str, template: str, content: dict[str, Any]) -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "spaced": spaced, "lowered": lowered}
    environment.globals["uncertain"] = uncertain
    environment.globals["served"] = _served()
    page = environment.get_template(template).render(here=file, **content)
    (folder / file).write_text(page, encoding="utf-8")


def _served() -> str:
    """The folder of models as the repository's root sees it; one elsewhere is only hinted at."""
    here = Path.cwd()
    inside = here.is_relative_to(ROOT)
    return str(here.relative_to(ROOT) / ARTIFACTS) if inside else f"…/{ARTIFACTS}"


def _family_pages(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for model in models:
        groups.setdefault(model["module"], []).append(model)
    return [
        {
            "template": "family.html.jinja",
            "listed": {
                "file": f"{module}.html",
                "title": _heading(group[0]["family"]),
                "places": [(f"model-{model['name']}", model["title"]) for model in group],
            },
            "content": {
                "title": _heading(group[0]["family"]),
                "what": group[0]["card"]["what"],
                "sources": group[0]["card"]["sources"],
                "models": group,
            },
        }
        for module, group in groups.items()
    ]


def _study_pages(studies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One page of all studies, or none."""
    places = [(f"study-{study['name']}", study["title"]) for study in studies]
    listed = {"file": "studies.html", "title": "Studies", "places": places}
    page = {"template": "studies.html.jinja", "listed": listed, "content": {"studies": studies}}
    return [page] if studies else []


def _heading(name: str) -> str:
    """A name at the start of a line; one that is spelled in its own way stays as it is."""
    return name if re.search(r"\d", name) else name[:1].upper() + name[1:]


def _study(name: str) -> dict[str, Any]:
    """Everything the page says of one study."""
    params, folder = study_params(name), Path("studies") / name
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


def _model(name: str) -> dict[str, Any]:
    """Everything the page says of one recipe."""
    recipe, folder = recipe_params(name), ARTIFACTS / name
    measured, manifest = read_artifact(name, RESULTS), read_artifact(name, MANIFEST)
    records, history = read_artifact(name, FIGURES), read_artifact(name, HISTORY)
    means = declared(recipe.family, manifest["facts"]["kind"])
    config, baselines = dict(recipe.config), manifest["baselines"]
    return {
        "name": name,
        "title": recipe.title,
        "module": recipe.family,
        "address": f"{recipe.family}.html#model-{name}",
        "parameters": card.parameters(folder),
        "family": card.family_name(recipe.family),
        "dataset": recipe.dataset,
        "gate": measured["gate"],
        "rows": comparisons(measured["gate"], measured, baselines, config, means),
        "means": means,
        "history": history,
        "steps": history["epochs"][-1]["steps_done"],
        "manifest": manifest,
        "card": _card(name, recipe, measured, manifest, records, means),
        "figures": [load_figure(folder / EVALUATION, record) for record in records],
    }


def _card(
    name: str,
    recipe: Recipe,
    measured: dict[str, Any],
    manifest: dict[str, Any],
    records: Any,
    means: Declared,
) -> dict[str, Any]:
    facts, metrics = manifest["facts"], measured["test"]
    what, sources = card.family_text(recipe.family)
    return {
        "what": what,
        "sources": sources,
        "data": f"{spaced(recipe.dataset)}; {facts['origin']}; licence: {facts['licence']}",
        "splits": card.splits(facts),
        "use": card.intended_use(manifest["tasks"], recipe.dataset),
        "verdict": card.verdict(manifest),
        "limits": limits(facts, metrics, recipe, means),
        "metrics": card.metric_rows(metrics, measured["standard_errors"], means),
        "settings": card.settings(recipe),
        "sizes": card.sizes(ARTIFACTS / name, manifest),
        "parity": card.parity(manifest),
        "digests": card.digests(manifest),
        "requests": card.requests(name, manifest, recipe, records),
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
            "verdicts": _compared(group),
            "signatures": _signatures(group[0]["manifest"]["baselines"], group[0]["means"]),
            "charts": [chart for part in _by_gate(group) for chart in _charts(part)],
        }
        for name, group in groups.items()
    ]


def _compared(group: list[dict[str, Any]]) -> list[str]:
    """Sentences about several models; of one the table says it all."""
    return verdicts([(m["title"], m["rows"]) for m in group]) if len(group) > 1 else []


def _signatures(baselines: dict[str, Any], means: Declared) -> list[str]:
    return [
        f"{means.shown(key.removesuffix('_signature') + '_percent').label}: {value}"
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
    metric = _of_gate(group[0])
    found = panels([model["history"] for model in group], metric)
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


def _of_gate(model: dict[str, Any]) -> Metric:
    found: Metric = model["means"].shown(model["gate"]["metric"], model["gate"]["better"])
    return found


def _kept(model: dict[str, Any]) -> str:
    """The best validation value, which decided what was kept."""
    metric = _of_gate(model)
    values = [epoch[metric.key] for epoch in model["history"]["epochs"]]
    best = min(values) if metric.better == "lower" else max(values)
    return f"{lowered(metric.label)} {number(best)}"
