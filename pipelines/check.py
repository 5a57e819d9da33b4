"""Every block of params.yaml, and what blocks say of each other, before anything runs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pipelines.declared import declared
from pipelines.params import STRONGEST, DatasetParams, Params, Recipe
from repertoire.config import ConfigError, RepertoireError, parse, section
from repertoire.contract import load_family
from repertoire.data.own_expectations import own_expectations
from repertoire.data.sources import Source
from repertoire.kinds import load_baselines
from repertoire.readers import load_reader
from repertoire.studies import load_study

SHA256 = re.compile(r"[0-9a-f]{64}")


def check(params: Params) -> None:
    """Raises ConfigError with the place of the first mistake in any block."""
    params.export()
    for name, block in section(params.content, "sources", source=params.source).items():
        place = f"{params.source}.sources.{name}"
        _check_source(parse(Source, block, place), place)
    for name in section(params.content, "families", source=params.source):
        _loaded(load_family, name, f"{params.source}.families.{name}")
    datasets = {name: params.dataset(name) for name in params.names("datasets")}
    for name, dataset in datasets.items():
        _check_dataset(dataset, f"{params.source}.datasets.{name}")
    for name in params.names("recipes"):
        _check_recipe(params.recipe(name), datasets, f"{params.source}.recipes.{name}")
    for name in params.names("studies"):
        study = params.study(name)
        module = _loaded(load_study, study.module, f"{params.source}.studies.{name}.module")
        parse(module.Config, study.config, f"{params.source}.studies.{name}.config")


def _check_dataset(dataset: DatasetParams, place: str) -> None:
    reader = _loaded(load_reader, dataset.reader, f"{place}.reader")
    parse(reader.Config, dataset.config, f"{place}.config")
    parse(load_baselines(reader.KIND).Config, dataset.baseline, f"{place}.baseline")
    own_expectations(dataset.expectations, f"{place}.expectations")


def _check_source(source: Source, place: str) -> None:
    if not SHA256.fullmatch(source.sha256):
        raise ConfigError(f"{place}.sha256: {source.sha256!r} is not 64 hexadecimal digits")


def _check_recipe(recipe: Recipe, datasets: Mapping[str, DatasetParams], place: str) -> None:
    if recipe.dataset not in datasets:
        raise ConfigError(
            f"{place}.dataset: no data set {recipe.dataset!r}; there are: {_list(datasets)}"
        )
    family = _loaded(load_family, recipe.family, f"{place}.family")
    dataset = datasets[recipe.dataset]
    kind = load_reader(dataset.reader).KIND
    if kind not in family.kinds:
        raise ConfigError(
            f"{place}.family: {recipe.family} takes data of kind {_list(family.kinds)}; "
            f"{recipe.dataset} is of kind {kind}"
        )
    config = parse(family.Config, recipe.config, f"{place}.config")
    _check_gate(recipe, kind, f"{place}.gate")
    for key, other in family.same_in_baseline.items():
        own, wanted = asdict(config)[key], _plain(dataset, kind, other)
        if own and own != wanted:
            raise ConfigError(
                f"{place}.config.{key}: differs from datasets.{recipe.dataset}.baseline"
                f"{'.' if other else ''}{other}; the gate compares the two, so make them equal"
            )


def _plain(dataset: DatasetParams, kind: str, key: str) -> Any:
    """The parsed baseline config as plain values, or one key of it."""
    values = asdict(parse(load_baselines(kind).Config, dataset.baseline, "baseline"))
    return values.get(key) if key else values


def _check_gate(recipe: Recipe, kind: str, place: str) -> None:
    gate = recipe.gate
    means = declared(recipe.family, kind)
    try:
        metric = means.metric(gate.metric)
    except RepertoireError as error:
        raise ConfigError(f"{place}.metric: {recipe.family} has {error}") from None
    if gate.better != metric.better:
        raise ConfigError(f"{place}.better: of {gate.metric} the {metric.better} value is better")
    if gate.baseline != STRONGEST and not means.baseline(gate.baseline, metric):
        raise ConfigError(
            f"{place}.baseline: data of kind {kind} have no baseline {gate.baseline!r} of "
            f"{gate.metric}; there are: "
            f"{_list(f'{baseline.name}_{metric.against}' for baseline in means.baselines)}"
        )


def _loaded(load: Any, name: str, place: str) -> Any:
    try:
        return load(name)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
