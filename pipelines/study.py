"""study@<name>: a small experiment with data of its own -> studies/<name>/: plots, metrics."""

from pathlib import Path

from pipelines.stage import run_stage, study_params
from repertoire.config import parse
from repertoire.data.figures import write_figures
from repertoire.data.files import write_json
from repertoire.metrics.rounding import rounded
from repertoire.studies import load_study


def study(name: str) -> None:
    """Run one study and write what it found."""
    params = study_params(name)
    module = load_study(params.module)
    config = parse(module.Config, params.config, f"params.yaml.studies.{name}.config")
    figures, metrics = module.study(config)
    values = rounded(metrics)
    folder = Path("studies") / name
    write_figures(folder / "plots", figures)
    write_json(folder / "metrics.json", values)
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))


if __name__ == "__main__":
    run_stage("study", study)
