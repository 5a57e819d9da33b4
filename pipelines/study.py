"""study@<name>: a small experiment with data of its own -> studies/<name>/: figures, findings."""

from pathlib import Path

from pipelines.params import study_params
from pipelines.stage import run_stage
from repertoire.config import parse
from repertoire.data.figures import write_figures
from repertoire.data.files import whole_folder, write_json
from repertoire.metrics.rounding import rounded
from repertoire.studies import load_study

FINDINGS = "findings.json"  # metrics by name


def study(name: str) -> None:
    """Run one study and write what it found."""
    params = study_params(name)
    module = load_study(params.module)
    config = parse(module.Config, params.config, f"params.yaml.studies.{name}.config")
    figures, metrics = module.study(config)
    values = rounded(metrics)
    with whole_folder(Path("studies") / name) as folder:
        write_figures(folder, figures)
        write_json(folder / FINDINGS, values)
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))


if __name__ == "__main__":
    run_stage("study", study)
