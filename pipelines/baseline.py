"""baseline, of prepare@<dataset>: data -> baselines/<dataset>.json, which nets on it must beat."""

from pathlib import Path

from pipelines.artifact import BASELINES, draws_of
from pipelines.params import dataset_params
from pipelines.stage import run_stage
from repertoire.config import parse
from repertoire.data.dataset import Dataset
from repertoire.data.files import whole_file, write_json
from repertoire.kinds import load_baselines
from repertoire.metrics.rounding import rounded
from repertoire.metrics.uncertainty import Scores, write_draws


def baseline(name: str) -> None:
    """Score simple models of the data on its test split."""
    data = Dataset(Path("data") / name)
    module = load_baselines(data.facts["kind"])
    place = f"params.yaml.datasets.{name}.baseline"
    config = parse(module.Config, dataset_params(name).baseline, place)
    scores = module.baselines(config, data)
    values = rounded(scores)
    write_json(BASELINES / f"{name}.json", values)
    draws = scores.draws() if isinstance(scores, Scores) else {}
    with whole_file(draws_of(name)) as partial:
        write_draws(partial, draws)
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))


if __name__ == "__main__":
    run_stage("baseline", baseline)
