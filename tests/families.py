"""Small recipes for the contract tests: one for every family and variant that params.yaml has."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.params import Recipe
from repertoire.config import parse
from repertoire.contract import Family, load_family
from repertoire.data.dataset import Dataset
from tests.project import SMALL_RECIPES, full_params
from tests.small import gathered

STAND_INS = gathered("STAND_INS")
DATA_OF = gathered("DATA_OF")

RECIPES: dict[str, Any] = full_params()["recipes"]


def small(name: str, project_folder: Path) -> tuple[Family, Any, Dataset, Recipe]:
    """Family, small config, small data and recipe of a block of a real params.yaml."""
    recipe = parse(Recipe, RECIPES[name], name)
    family = load_family(recipe.family)
    sizes = SMALL_RECIPES[STAND_INS.get(name, name)]
    config = parse(family.Config, {**recipe.config, **sizes}, name)
    if recipe.family == "language_model" and config.tied:
        config = replace(config, units=config.embedding + 2)
    data = Dataset(project_folder / "data" / DATA_OF.get(recipe.dataset, recipe.dataset), limit=97)
    return family, config, data, recipe
