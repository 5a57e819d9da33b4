"""The published scale: the same stages, a target for each recipe, and steps at published sizes."""

import itertools
import math

import pytest
import torch

from pipelines.params import DatasetParams, Recipe, StudyParams
from pipelines.results import Target
from repertoire.config import parse, read_yaml
from repertoire.contract import Plan, load_family
from repertoire.data.dataset import Dataset
from repertoire.readers import load_reader
from repertoire.studies import load_study
from tests.families import DATA_OF
from tests.project import ROOT, whole_blocks
from tests.small import gathered

FOLDER = ROOT / "pipelines/benchmarks"
PARAMS = whole_blocks("pipelines/benchmarks")
SIZES = gathered("BENCHMARK_SIZES")
RECIPES = PARAMS["recipes"] or {}
STUDIES = PARAMS["studies"]
STEPS = 2


def test_the_stages_are_those_of_the_default_scale():
    ours, default = (read_yaml(f / "dvc.yaml")["stages"] for f in (FOLDER, ROOT))
    assert set(default) == set(ours)
    assert {k: v for k, v in ours.items() if k != "fingerprint"} == {
        k: default[k] for k in ours if k != "fingerprint"
    }


def test_every_recipe_and_study_names_what_it_should_reach():
    targets = {name: parse(Target, block, name) for name, block in PARAMS["targets"].items()}
    measured = {*RECIPES, *STUDIES}
    assert measured <= set(targets) <= measured | set(PARAMS["datasets"])
    assert all(target.published for target in targets.values())


@pytest.mark.parametrize("name", sorted(PARAMS["datasets"] or {}))
def test_every_data_set_is_pinned_and_its_config_is_whole(name):
    params = parse(DatasetParams, PARAMS["datasets"][name], name)
    parse(load_reader(params.reader).Config, params.config, name)
    assert params.sources and all(len(s.sha256) == 64 for s in params.sources.values())


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_study_measures_its_target_in_few_steps_at_its_published_size(name):
    params = parse(StudyParams, STUDIES[name], name)
    module = load_study(params.module)
    config = parse(module.Config, {**params.config, **SIZES[name]}, name)
    _, metrics = module.study(config)
    assert PARAMS["targets"][name]["metric"] in metrics
    assert all(math.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_takes_steps_at_its_published_size(name, project):
    recipe = parse(Recipe, RECIPES[name], name)
    family = load_family(recipe.family)
    config = parse(family.Config, {**recipe.config, **SIZES.get(name, {})}, name)
    data = Dataset(project.folder / "data" / DATA_OF[recipe.dataset])
    torch.manual_seed(recipe.seed)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(recipe.seed, 1))
    losses = [learner.step(batch) for batch in itertools.islice(learner.batches(0), STEPS)]
    assert len(losses) == STEPS
    assert all(math.isfinite(value) for loss in losses for value in loss.values())
