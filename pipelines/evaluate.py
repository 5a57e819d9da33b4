"""evaluate@<recipe>: onnx + test split -> evaluation/, manifest.json, metrics.json; no torch."""

from pathlib import Path

from safetensors.numpy import load_file

from pipelines.artifact import ARTIFACTS, EVALUATION, METRICS, RESULTS
from pipelines.params import Recipe, export_params, family_config, recipe_params
from pipelines.stage import run_stage
from repertoire.config import RepertoireError
from repertoire.contract import load_family
from repertoire.data.dataset import Dataset
from repertoire.data.figures import write_figures
from repertoire.data.files import digest_file, read_json, whole_folder, write_json
from repertoire.engines.onnx_engine import OnnxRun
from repertoire.metrics.gate import margin_over
from repertoire.metrics.rounding import rounded


def evaluate(name: str) -> None:
    """Measure what ships, and sign it with a manifest that is enough to use it."""
    recipe = recipe_params(name)
    family = load_family(recipe.family)
    config = family_config(recipe, name, family.Config)
    data = Dataset(Path("data") / recipe.dataset)
    folder = ARTIFACTS / name
    run = OnnxRun(folder / "onnx", export_params().threads)
    metrics = rounded(family.evaluate(run, config, data, "test"))
    snapshots = load_file(folder / "trained/snapshots.safetensors")
    figures = family.illustrate(run, config, data, snapshots)
    gate = _gate(recipe, metrics)
    with whole_folder(folder / EVALUATION) as partial:
        write_figures(partial, figures)
        write_json(partial / Path(RESULTS).name, {"test": metrics, "gate": gate})
    _write_manifest(name, recipe, data, metrics, family.tasks)
    summary = {"value": gate["value"], "baseline": gate["baseline_value"], "passed": gate["passed"]}
    write_json(folder / METRICS, summary)
    print(
        f"{name}: test {gate['metric']} {gate['value']} against {gate['baseline']} "
        f"{gate['baseline_value']}: margin {gate['margin']:.6g}, "
        f"{'beats' if gate['passed'] else 'DOES NOT BEAT'} it by the {gate['wanted']} wanted"
    )


def _gate(recipe: Recipe, metrics: dict[str, float]) -> dict[str, object]:
    gate = recipe.gate
    baselines = read_json(Path("baselines") / f"{recipe.dataset}.json")
    for key, values in ((gate.metric, metrics), (gate.baseline, baselines)):
        if key not in values:
            raise RepertoireError(f"gate: no {key!r}; there are: {', '.join(values)}")
    value, baseline = metrics[gate.metric], baselines[gate.baseline]
    margin = margin_over(gate.better, value, baseline)
    return {
        "metric": gate.metric,
        "better": gate.better,
        "value": value,
        "baseline": gate.baseline,
        "baseline_value": baseline,
        "margin": margin,
        "wanted": gate.margin,
        "passed": margin >= gate.margin,
    }


def _write_manifest(
    name: str, recipe: Recipe, data: Dataset, metrics: dict[str, float], tasks: tuple[str, ...]
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
