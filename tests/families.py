"""Small recipes for the contract tests: one for every family and variant that params.yaml has."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.stage import Recipe
from repertoire.config import parse, read_yaml
from repertoire.contract import Family, load_family
from repertoire.data.dataset import Dataset
from tests.project import ROOT, SMALL_RECIPES

MODEL_OF = {"language_model": "lstm", "seq2seq": "dates"}  # whose small sizes a variant takes
DATA_OF = {"korean_strings": "dates", "shakespeare_characters": "shakespeare_words"}

RECIPES: dict[str, Any] = read_yaml(ROOT / "params.yaml")["recipes"]


def small(name: str, project_folder: Path) -> tuple[Family, Any, Dataset, Recipe]:
    """Family, small config, small data and recipe of a block of the real params.yaml."""
    recipe = parse(Recipe, RECIPES[name], name)
    family = load_family(recipe.family)
    sizes = SMALL_RECIPES[MODEL_OF.get(recipe.family, name)]
    config = parse(family.Config, {**recipe.config, **sizes}, name)
    if recipe.family == "language_model" and config.tied:
        config = replace(config, units=config.embedding + 2)
    data = Dataset(project_folder / "data" / DATA_OF.get(recipe.dataset, recipe.dataset), limit=97)
    return family, config, data, recipe
