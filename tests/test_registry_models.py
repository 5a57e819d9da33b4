"""Every task of every recipe answers its example, by MLflow and in a program of one's own."""

import json

import jsonschema_rs
import mlflow
import onnx
import pytest
import torch

from pipelines.examples import examples
from pipelines.export import record
from pipelines.registry.content import Content
from pipelines.registry.model import write_model
from repertoire.data.files import write_json
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import Parity
from repertoire.runtime import load
from repertoire.runtime.task import Known, plain
from repertoire.runtime.tasks import TASKS
from tests.families import RECIPES, small

NAMES = sorted(RECIPES)
DRAWN = ("seed",)  # what an answer drawn without a seed says of itself


def test_every_recipe_and_every_task_is_covered(project):
    assert len(NAMES) >= 63
    covered = {task for name in NAMES for task in small(name, project.folder)[0].tasks}
    assert covered == set(TASKS) and len(covered) >= 26


def shipped(name, project, folder):
    """The folder of an untrained model of the recipe, and what there is to register of it."""
    family, config, data, recipe = small(name, project.folder)
    torch.manual_seed(recipe.seed)
    graphs = family.graphs(family.build(config, data.facts).eval(), data.facts)
    (folder / "onnx").mkdir(parents=True)
    records = []
    for graph in graphs:
        content = export_graph(graph)
        (folder / f"onnx/{graph.name}.onnx").write_bytes(content)
        records.append(record(graph, content, Parity(0.0, 0.0, [])))
    known = Known(data.facts, recipe.config, [])
    manifest = {
        "format": "repertoire/1",
        "family": family.name,
        "tasks": list(family.tasks),
        "examples": examples(family.tasks, known, records[0], data),
        "graphs": records,
        "encodings": data.encodings,
        "facts": data.facts,
    }
    write_json(folder / "manifest.json", manifest)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Content(name, folder, recipe, manifest, {"gate": {}}, "0" * 64), graphs[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_each_task_is_answered_within_its_schema(name, project, tmp_path):
    content, first = shipped(name, project, tmp_path / "a")
    write_model(tmp_path / "model", content)
    registered = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    [answer] = registered.predict(registered.input_example)
    assert answer
    own = load(tmp_path / "model")
    for task in own.tasks:
        request = content.manifest["examples"][task]
        found = plain(getattr(own, task)(**request))
        told = {"results": found if isinstance(found, list) else [found]}
        body = told if TASKS[task].many else found
        jsonschema_rs.validator_for(TASKS[task].answer_schema()).validate(body)
        jsonschema_rs.validator_for(TASKS[task].request_schema(own.model)).validate(request)
    loaded = mlflow.onnx.load_model(str(tmp_path / "model"))
    assert loaded == onnx.load_from_string(export_graph(first))
    assert len(list((tmp_path / "model").rglob("*.onnx"))) == len(content.manifest["graphs"])


def test_rows_settings_and_tasks_reach_the_model_by_mlflow(project, tmp_path):
    content, _ = shipped("lstm", project, tmp_path / "a")
    write_model(tmp_path / "model", content)
    registered, own = mlflow.pyfunc.load_model(str(tmp_path / "model")), load(tmp_path / "model")
    texts = ["the", "a b c", "the"]
    assert registered.predict([{"text": text} for text in texts]) == own.score(texts)
    told = {"task": "generate", "max_tokens": 5, "seed": 3}
    drawn = registered.predict([{"prompt": text} for text in texts], params=told)
    assert drawn == own.generate(texts, max_tokens=5, seed=3)
    assert [each["seed"] for each in drawn] == [3, 4, 5]
    with pytest.raises(mlflow.MlflowException, match=r"top_p is 7\.0; send a number from 0 to 1"):
        registered.predict([{"prompt": "a"}], params={"task": "generate", "top_p": 7.0})
    with pytest.raises(mlflow.MlflowException, match="has no task 'juggle'; its tasks are: score"):
        registered.predict([{"prompt": "a"}], params={"task": "juggle"})
