"""fingerprint: params.yaml and the code -> fingerprints/<stage>/<item>.json.

A file holds all that decides a stage's result besides its data: its params, and the modules that
it runs. DVC sees neither what a module imports nor that a title is not part of training; a stage
that depends on its fingerprint runs again exactly when one of them changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.check import check
from pipelines.code import closure, digests
from pipelines.params import (
    Recipe,
    StudyParams,
    dataset_names,
    dataset_params,
    deciding,
    export_params,
    read_params,
    recipe_names,
    recipe_params,
    study_names,
    study_params,
)
from pipelines.stage import family_modules, run_stage
from repertoire.data.files import whole_folder, write_json
from repertoire.readers import load_reader

FOLDER = Path("fingerprints")


def fingerprint() -> None:
    """Check every block of params.yaml, so that a mistake in the last one is found at once."""
    check(read_params())
    recipes = {name: recipe_params(name) for name in recipe_names()}
    studies = {name: study_params(name) for name in study_names()}
    with whole_folder(FOLDER) as folder:
        for name in dataset_names():
            _write_dataset(folder, name)
        for name, recipe in recipes.items():
            _write_recipe(folder, name, recipe)
        for name, study in studies.items():
            _write_study(folder, name, study)
    counts = f"{len(dataset_names())} data sets, {len(recipes)} recipes, {len(studies)} studies"
    print(f"{FOLDER}: {counts}")


def _write_dataset(folder: Path, name: str) -> None:
    params = dataset_params(name)
    modules = ["pipelines.prepare", f"repertoire.readers.{params.reader}", "pipelines.baseline"]
    modules += [f"{_home(name)}.{module}" for module in ("baselines", "facts")]
    _write(folder / f"prepare/{name}.json", asdict(params), modules)


def _home(dataset: str) -> str:
    """The package of the kind of a data set."""
    return f"repertoire.kinds.{load_reader(dataset_params(dataset).reader).KIND}"


def _write_recipe(folder: Path, name: str, recipe: Recipe) -> None:
    modules = {
        process: [f"pipelines.{process}", *family_modules(recipe.family, process)]
        for process in ("train", "export", "evaluate")
    }
    # It names the baselines that the net is compared with.
    modules["evaluate"].append(f"{_home(recipe.dataset)}.baselines")
    _write(folder / f"train/{name}.json", deciding(recipe), modules["train"])
    params = {"recipe": asdict(recipe), "export": asdict(export_params())}
    _write(folder / f"evaluate/{name}.json", params, modules["export"] + modules["evaluate"])


def _write_study(folder: Path, name: str, study: StudyParams) -> None:
    """Without its title, which the report alone shows."""
    params = {"module": study.module, "config": dict(study.config)}
    modules = ["pipelines.study", f"repertoire.studies.{study.module}"]
    _write(folder / f"study/{name}.json", params, modules)


def _write(path: Path, params: Mapping[str, Any], modules: Iterable[str]) -> None:
    write_json(path, {"params": params, "code": digests(closure(modules))})


if __name__ == "__main__":
    run_stage("fingerprint", fingerprint)
