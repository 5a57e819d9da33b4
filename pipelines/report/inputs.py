"""Everything that the report shows, as one digest: with the same one it is not drawn again.

The report is no DVC stage. It shows all recipes, so an experiment with one of them would leave the
stage out of date.
"""

import json
import pkgutil
from dataclasses import asdict
from pathlib import Path

from pipelines.artifact import ARTIFACTS, EVALUATION, HISTORY, MANIFEST
from pipelines.code import ROOT, closure, digests
from pipelines.params import recipe_names, recipe_params, study_names, study_params
from repertoire.data.files import digest_file, digest_text, digest_tree
from repertoire.runtime import tasks

TEXTS = (
    "pipelines/report/*.jinja",
    "src/repertoire/families/*/__init__.py",
    "src/repertoire/studies/*.py",
)


def inputs_digest() -> str:
    """sha256 of params, texts and code of the report, and of the results that it shows."""
    recipes = {name: asdict(recipe_params(name)) for name in recipe_names()}
    studies = {name: asdict(study_params(name)) for name in study_names()}
    texts = [path for pattern in TEXTS for path in sorted(ROOT.glob(pattern))]
    shown = [ARTIFACTS / name / file for name in recipes for file in (MANIFEST, HISTORY)]
    folders = [ARTIFACTS / name / EVALUATION for name in recipes]
    folders += [Path("studies") / name for name in studies]
    parts = {
        "params": [recipes, studies],
        "code": digests(closure(_modules())),
        "texts": [digest_file(path) for path in texts],
        "results": [digest_file(path) for path in shown if path.exists()],
        "figures": [digest_tree([folder]) for folder in folders if folder.is_dir()],
    }
    return digest_text(json.dumps(parts, sort_keys=True))


def _modules() -> list[str]:
    """What draws the pages; each module of tasks says what a card says of them."""
    offered = [f"{tasks.__name__}.{module.name}" for module in pkgutil.iter_modules(tasks.__path__)]
    return ["pipelines.report.__main__", *offered]
