"""evaluate@<recipe>: onnx + test split -> evaluation/, manifest.json, metrics.json; no torch."""

from pathlib import Path

from safetensors.numpy import load_file

from pipelines.artifact import ARTIFACTS, EVALUATION, METRICS, RESULTS
from pipelines.params import STRONGEST, Recipe, export_params, family_config, recipe_params
from pipelines.stage import run_stage
from repertoire.config import RepertoireError
from repertoire.contract import load_family
from repertoire.data.dataset import Dataset
from repertoire.data.figures import write_figures
from repertoire.data.files import digest_file, read_json, whole_folder, write_json
from repertoire.engines.onnx_engine import OnnxRun
from repertoire.metrics.gate import margin_over, strongest
from repertoire.metrics.rounding import rounded
from repertoire.metrics.uncertainty import standard_errors, values

ERROR_DIGITS = 3


def evaluate(name: str) -> None:
    """Measure what ships, and sign it with a manifest that is enough to use it."""
    recipe = recipe_params(name)
    family = load_family(recipe.family)
    config = family_config(recipe, name, family.Config)
    data = Dataset(Path("data") / recipe.dataset)
    folder = ARTIFACTS / name
    run = OnnxRun(folder / "onnx", export_params().threads)
    measurements = family.evaluate(run, config, data, "test")
    metrics = rounded(values(measurements))
    errors = rounded(standard_errors(measurements), ERROR_DIGITS)
    snapshots = load_file(folder / "trained/snapshots.safetensors")
    figures = family.illustrate(run, config, data, snapshots)
    gate = _gate(recipe, metrics, errors)
    with whole_folder(folder / EVALUATION) as partial:
        write_figures(partial, figures)
        results = {"test": metrics, "standard_errors": errors, "gate": gate}
        write_json(partial / Path(RESULTS).name, results)
    _write_manifest(name, recipe, data, metrics, errors, family.tasks)
    summary = {
        "value": gate["value"],
        "standard_error": gate["standard_error"],
        "baseline": gate["baseline_value"],
        "passed": gate["passed"],
    }
    write_json(folder / METRICS, summary)
    print(
        f"{name}: test {gate['metric']} {gate['value']} ± {gate['standard_error']} against "
        f"{gate['baseline']} {gate['baseline_value']}: margin {gate['margin']:.6g}, "
        f"{'passes' if gate['passed'] else 'DOES NOT PASS'} with {gate['wanted']:.6g} wanted"
    )


def _gate(recipe: Recipe, metrics: dict[str, float], errors: dict[str, float]) -> dict[str, object]:
    gate = recipe.gate
    baselines = read_json(Path("baselines") / f"{recipe.dataset}.json")
    name = gate.baseline
    if name == STRONGEST:
        name = strongest(gate.metric, gate.better, metrics, baselines) or STRONGEST
    for key, known in ((gate.metric, metrics), (name, baselines)):
        if key not in known:
            raise RepertoireError(f"gate: no {key!r}; there are: {', '.join(known)}")
    if gate.metric not in errors:
        raise RepertoireError(
            f"gate: {gate.metric} has no standard error, so no margin over chance can be stated; "
            "the test split needs at least two units"
        )
    value, baseline = metrics[gate.metric], baselines[name]
    margin = margin_over(gate.better, value, baseline)
    wanted = gate.standard_errors * errors[gate.metric]
    return {
        "metric": gate.metric,
        "better": gate.better,
        "value": value,
        "standard_error": errors[gate.metric],
        "baseline": name,
        "baseline_value": baseline,
        "margin": margin,
        "wanted": wanted,
        "passed": margin > wanted,
    }


def _write_manifest(
    name: str,
    recipe: Recipe,
    data: Dataset,
    metrics: dict[str, float],
    errors: dict[str, float],
    tasks: tuple[str, ...],
) -> None:
    folder = ARTIFACTS / name
    exported = read_json(folder / "onnx" / "graphs.json")
    write_json(
        folder / "manifest.json",
        {
            "format": "repertoire/1",
            "name": name,
            "title": recipe.title,
            "family": recipe.family,
            "dataset": recipe.dataset,
            "tasks": list(tasks),
            "graphs": exported["graphs"],
            "encodings": data.encodings,
            "facts": data.facts,
            "metrics": {f"test_{key}": value for key, value in metrics.items()},
            "standard_errors": {f"test_{key}": value for key, value in errors.items()},
            "baselines": read_json(Path("baselines") / f"{recipe.dataset}.json"),
            "parity": exported["metric_differences"],
            "digests": {
                **read_json(folder / "trained/history.json")["digests"],
                "weights": digest_file(folder / "trained/weights.safetensors"),
            },
        },
    )


if __name__ == "__main__":
    run_stage("evaluate", evaluate)
