"""Every task of every recipe answers its example, by MLflow and in a program of one's own."""

import json

import jsonschema_rs
import mlflow
import onnx
import pandas as pd
import pytest
from mlflow.pyfunc import scoring_server

from repertoire.runtime.tasks import TASKS
from repertoire.runtime.wire import plain
from tests.families import RECIPES, small
from tests.shipped import registered

NAMES = sorted(RECIPES)


def test_every_recipe_and_every_task_is_covered(project):
    assert len(NAMES) >= 63
    covered = {task for name in NAMES for task in small(name, project.folder)[0].tasks}
    assert covered == set(TASKS) and len(covered) >= 25


def rows_of(task, own, request):
    """The rows that one request holds."""
    rows = request.get(task.rows)
    if not task.many or rows is None or task.is_row(own.model, rows):
        return [request]
    return [{**request, task.rows: row} for row in rows]


def served(flow, body):
    """What MLflow's server answers to a body of JSON."""
    schema = flow.metadata.get_input_schema()
    answer = scoring_server.invocations(body, "application/json", flow, schema)
    assert answer.status == 200
    return json.loads(answer.response)["predictions"]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_each_task_is_answered_alike_within_its_schema(name, project, tmp_path):
    flow, own = registered(name, project, tmp_path)
    for name in own.tasks:
        task, request = TASKS[name].of(own.model), own.manifest["examples"][name]
        seed = {"seed": 3} if task.seeded else {}
        found = plain(getattr(own, name)(**request | seed))
        body = {"results": found if isinstance(found, list) else [found]}
        jsonschema_rs.validator_for(task.answer_schema()).validate(body if task.many else found)
        jsonschema_rs.validator_for(task.request_schema(own.model)).validate(request)
        rows = rows_of(task, own, request | seed)
        assert flow.predict(rows, params={"task": name}) == body["results"]
        sent = {"inputs": rows[:1], "params": {"task": name}}
        assert served(flow, json.dumps(sent)) == body["results"][:1]
        spelled = [{n: v if isinstance(v, str) else json.dumps(v) for n, v in rows[0].items()}]
        assert flow.predict(pd.DataFrame(spelled), params={"task": name}) == body["results"][:1]
    example = (tmp_path / "model/serving_input_example.json").read_text(encoding="utf-8")
    assert json.loads(example) == {"inputs": flow.input_example}
    [first] = served(flow, example)
    declared = flow.metadata.signature.outputs
    assert set(declared.required_input_names()) <= first.keys() <= set(declared.input_names())
    loaded = mlflow.onnx.load_model(str(tmp_path / "model"))
    file = next(iter(own.model.manifest.graphs.values())).file
    assert loaded == onnx.load(tmp_path / "model" / file)
    assert len(list((tmp_path / "model").rglob("*.onnx"))) == len(own.model.manifest.graphs)
