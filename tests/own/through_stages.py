"""From a folder of files through a door and all stages to a model that a server answers with."""

from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from starlette.testclient import TestClient

from pipelines import evaluate, export, train
from pipelines.params import STRONGEST
from repertoire.config import parse, read_yaml
from repertoire.contract import load_family
from repertoire.data.dataset import Dataset, write_dataset
from repertoire.data.files import write_json
from repertoire.data.sources import Files
from repertoire.data.validation import common, validate, with_identity
from repertoire.kinds import load_baselines
from repertoire.metrics.rounding import rounded
from repertoire.readers import load_reader
from serving.app import create_app
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service
from tests.project import ROOT

LIMITS = {"slice_rows": 200, "value_tolerance": 1e-4, "metric_tolerance": 1e-3}
LIMITS |= {"largest_batch": 3, "largest_axis": 5, "threads": 1}


def prepared(folder: Path, reader_name: str, raw: Path, **options: str) -> dict[str, Any]:
    """Writes data/own/ and baselines/own.json as the stages do; returns the block of params."""
    reader = load_reader(reader_name)
    proposal = reader.propose(raw, {name.replace("_", "-"): v for name, v in options.items()})
    config = parse(reader.Config, proposal.config, "config")
    table = with_identity(reader.tabulate(config, Files({"raw": raw})))
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    validate("own", table, [*common(columns), *reader.expectations(config)])
    data = folder / "data" / "own"
    data.mkdir(parents=True)
    write_dataset(data, reader.encode(config, table), {"dataset": "own", "kind": reader.KIND})
    module = load_baselines(reader.KIND)
    baselines = module.baselines(parse(module.Config, proposal.baseline, "b"), Dataset(data))
    (folder / "baselines").mkdir()
    write_json(folder / "baselines" / "own.json", rounded(baselines))
    rows = int((table["split"] == "train").sum())
    return {"config": proposal.config, "proposal": proposal, "baselines": baselines, "rows": rows}


def trained(folder: Path, family: str, made: dict[str, Any], epochs: int, **changes: Any) -> Path:
    """Trains, exports and evaluates the family's preset; returns artifacts/own/."""
    preset = load_family(family).preset(Dataset(folder / "data" / "own").facts, made["rows"])
    recipe = {
        "title": "own",
        "family": family,
        "dataset": "own",
        "seed": 1,
        "training": {"epochs": epochs, "threads": 1, "checkpoint_seconds": 60, "record_steps": 2},
        "gate": {
            "metric": preset.metric,
            "better": preset.better,
            "baseline": STRONGEST,
        },
        "config": {**preset.config, **changes},
    }
    shared = {"gate": read_yaml(ROOT / "params.yaml")["gate"], "training": {}, "families": {}}
    params = {"sources": {}, "datasets": {}, "studies": {}, **shared}
    params |= {"recipes": {"own": recipe}, "export": LIMITS}
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(params, file)
    with chdir(folder):
        train.train("own")
        export.export("own")
        evaluate.evaluate("own")
    return folder / "artifacts" / "own"


@contextmanager
def served(artifact: Path):
    """A client of a server of this model: ``ask(task, **fields)`` gives the answer."""
    repository = Repository(artifact.parent)
    repository.refresh()
    plane = Plane(repository)
    with TestClient(create_app(Service(repository, plane, body=100_000))) as client:
        yield lambda task, **fields: client.post(f"/v1/models/own/{task}", json=fields).json()
    plane.close()
