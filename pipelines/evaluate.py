"""evaluate@<recipe>: onnx + test split -> evaluation/, manifest.json, metrics.json; no torch."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.artifact import (
    ARTIFACTS,
    BASELINES,
    EVALUATION,
    METRICS,
    RESULTS,
    check_graphs,
    draws_of,
)
from pipelines.declared import declared
from pipelines.examples import examples
from pipelines.params import STRONGEST, Recipe, export_params, family_config, recipe_params
from pipelines.stage import run_stage
from pipelines.verdict import SAID, verdict_sentence
from repertoire.config import RepertoireError
from repertoire.contract import load_family
from repertoire.data.dataset import Dataset
from repertoire.data.figures import write_figures
from repertoire.data.files import digest_file, read_json, whole_folder, write_json
from repertoire.data.tensors import read_tensors
from repertoire.measured import Declared, strongest
from repertoire.metrics.gate import Comparison, compare
from repertoire.metrics.rounding import rounded
from repertoire.metrics.uncertainty import Drawn, drawn_values, read_draws, values
from repertoire.runtime.manifest import graphs_of
from repertoire.runtime.onnx_run import OnnxRun
from repertoire.runtime.task import Known

ERROR_DIGITS = 3


def evaluate(name: str) -> None:
    """Measure what ships, and sign it with a manifest that is enough to use it."""
    recipe = recipe_params(name)
    family = load_family(recipe.family)
    config = family_config(recipe, name, family.Config)
    data = Dataset(Path("data") / recipe.dataset)
    folder = ARTIFACTS / name
    exported = read_json(folder / "onnx" / "graphs.json")
    check_graphs(name, exported["graphs"], "graphs.json")
    run = OnnxRun.of_files(folder / "onnx", graphs_of(exported["graphs"]), export_params().threads)
    measurements = family.evaluate(run, config, data, "test")
    metrics = rounded(values(measurements))
    drawn = drawn_values(measurements)
    found = {key: each.error for key, each in drawn.items()}
    errors = rounded({k: v for k, v in found.items() if v is not None}, ERROR_DIGITS)
    snapshots = read_tensors(folder / "trained/snapshots.safetensors")
    figures = family.illustrate(run, config, data, snapshots)
    means = declared(recipe.family, data.facts["kind"])
    for key in metrics:
        means.metric(key)  # raises where the family does not describe what it measures
    compared = verdicts(recipe, means, metrics, drawn)
    metric = recipe.gate.metric
    gate = _gate(recipe, metrics[metric], errors[metric], compared[0])
    with whole_folder(folder / EVALUATION) as partial:
        write_figures(partial, figures)
        results = {
            "test": metrics,
            "standard_errors": errors,
            "gate": gate,
            "verdicts": [_plain(comparison) for comparison in compared],
        }
        write_json(partial / Path(RESULTS).name, results)
    _write_manifest(name, recipe, data, exported, results, family.tasks)
    write_json(folder / METRICS, _summary(gate))
    print(
        f"{name}: test {gate['metric']} {gate['value']} ± {gate['standard_error']}: "
        f"{SAID[compared[0].verdict]} {gate['baseline']} {gate['baseline_value']} "
        f"(margin {gate['margin']:.6g} ± {compared[0].error:.3g}, {compared[0].test}); "
        f"the gate asks for a margin above {gate['wanted']:.3g}: "
        f"{'passed' if gate['passed'] else 'NOT PASSED'}"
    )


def _plain(comparison: Comparison) -> dict[str, object]:
    return {**asdict(comparison), "verdict": comparison.verdict}


def verdicts(
    recipe: Recipe,
    means: Declared,
    metrics: Mapping[str, float],
    drawn: Mapping[str, Drawn],
) -> list[Comparison]:
    """The gate's metric beside that of every baseline in it, the gate's own first.

    ``means`` describes their keys, ``drawn`` are the bootstrap values of the net. Raises
    RepertoireError where the gate names what was not measured, or what has no standard error.
    """
    gate = recipe.gate
    baselines = read_json(BASELINES / f"{recipe.dataset}.json")
    _known(gate.metric, metrics)
    beside = means.beside(means.metric(gate.metric), baselines, recipe.config, gate.baseline)
    name = gate.baseline
    if name == STRONGEST:
        name = strongest(beside) or STRONGEST
    _known(name, baselines)
    if gate.metric not in drawn or drawn[gate.metric].error is None:
        raise RepertoireError(
            f"gate: {gate.metric} has no standard error, so no margin over chance can be stated; "
            "the test split needs at least two units"
        )
    file = draws_of(recipe.dataset)
    paired = read_draws(file) if file.exists() else {}
    value, own = metrics[gate.metric], drawn[gate.metric]
    rivals = [key for key, baseline in beside.items() if baseline.role != "real"]
    return [
        compare(gate.better, value, own, (rival, baselines[rival]), paired.get(rival))
        for rival in dict.fromkeys([name, *rivals])
    ]


def _known(key: str, values: Mapping[str, Any]) -> None:
    if key not in values:
        raise RepertoireError(f"gate: no {key!r}; there are: {', '.join(values)}")


def _gate(recipe: Recipe, value: float, error: float, first: Comparison) -> dict[str, object]:
    wanted = recipe.gate.standard_errors * first.error
    return {
        "metric": recipe.gate.metric,
        "better": recipe.gate.better,
        "value": value,
        "standard_error": error,
        "baseline": first.baseline,
        "baseline_value": first.baseline_value,
        "margin": first.margin,
        "wanted": wanted,
        "passed": first.margin > wanted,
        "verdict": first.verdict,
    }


def _summary(gate: Mapping[str, Any]) -> dict[str, Any]:
    """What git keeps and `dvc metrics diff` compares."""
    return {
        "value": gate["value"],
        "standard_error": gate["standard_error"],
        "baseline": gate["baseline_value"],
        "passed": gate["passed"],
    }


def _write_manifest(
    name: str,
    recipe: Recipe,
    data: Dataset,
    exported: Mapping[str, Any],
    results: Mapping[str, Any],
    tasks: tuple[str, ...],
) -> None:
    folder = ARTIFACTS / name
    metrics, errors = results["test"], results["standard_errors"]
    baselines = read_json(BASELINES / f"{recipe.dataset}.json")
    known = Known(data.facts, recipe.config, read_json(folder / EVALUATION / "figures.json"))
    write_json(
        folder / "manifest.json",
        {
            "format": "repertoire/1",
            "name": name,
            "title": recipe.title,
            "family": recipe.family,
            "dataset": recipe.dataset,
            "tasks": list(tasks),
            "examples": examples(tasks, known, exported["graphs"][0], data),
            "graphs": exported["graphs"],
            "encodings": data.encodings,
            "facts": data.facts,
            "metrics": {f"test_{key}": value for key, value in metrics.items()},
            "standard_errors": {f"test_{key}": value for key, value in errors.items()},
            "baselines": baselines,
            "verdict": _verdict(recipe, data, results, baselines),
            "parity": exported["metric_differences"],
            "digests": {
                **read_json(folder / "trained/history.json")["digests"],
                "weights": digest_file(folder / "trained/weights.safetensors"),
            },
        },
    )


def _verdict(
    recipe: Recipe, data: Dataset, results: Mapping[str, Any], baselines: Mapping[str, Any]
) -> dict[str, Any]:
    """The first of the verdicts, and what it says in a sentence."""
    found = {"metric": recipe.gate.metric, **results["verdicts"][0]}
    means = declared(recipe.family, data.facts["kind"])
    metric = means.metric(recipe.gate.metric)
    baseline = means.beside(metric, baselines, {}, found["baseline"])[found["baseline"]]
    value = results["test"][metric.key]
    return {**found, "sentence": verdict_sentence(found, value, metric, baseline)}


if __name__ == "__main__":
    run_stage("evaluate", evaluate)
