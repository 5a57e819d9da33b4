"""MLflow's own commands on a registered model: what a person sends, and reads."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import mlflow
import pytest

from tests.project import ROOT
from tests.services import free_port, until
from tests.shipped import registered

PYTHONPATH = f"{ROOT / 'src'}:{ROOT}"
TEXTS = ["may 5", "007", "12", "1.50"]


@pytest.fixture(scope="module")
def folder(project, tmp_path_factory):
    made = tmp_path_factory.mktemp("lstm")
    registered("lstm", project, made)
    return made


def mlflow_models(*arguments):
    return [sys.executable, "-m", "mlflow", "models", *map(str, arguments), "--env-manager=local"]


def environment():
    return {**os.environ, "PYTHONPATH": PYTHONPATH}


def predicted(folder, kind, content):
    """What `mlflow models predict` writes for a file of that kind."""
    (folder / f"in.{kind}").write_text(content, encoding="utf-8")
    places = ("-i", folder / f"in.{kind}", "-o", folder / "out.json")
    command = mlflow_models("predict", "-m", folder / "model", *places, "-t", kind)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out.json").read_text("utf-8"))["predictions"]


def test_a_csv_file_is_answered_and_its_texts_of_digits_stay_texts(folder):
    own = mlflow.pyfunc.load_model(str(folder / "model"))
    content = "text\n" + "".join(f"{text}\n" for text in TEXTS)
    assert predicted(folder, "csv", content) == own.predict([{"text": text} for text in TEXTS])


def test_a_json_file_is_answered(folder):
    own = mlflow.pyfunc.load_model(str(folder / "model"))
    rows = [{"prompt": "a", "seed": 5, "max_tokens": 2}, {"prompt": "the", "seed": 7}]
    told = {"task": "generate", "max_tokens": 3}
    content = json.dumps({"inputs": rows, "params": told})
    assert predicted(folder, "json", content) == own.predict(rows, params=told)


def invoked(port, body):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture(scope="module")
def port(folder):
    """Where `mlflow models serve` serves the model."""
    found = free_port()
    command = mlflow_models("serve", "-m", folder / "model", "--port", found, "--workers", 1)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{found}/ping", timeout=1))
        yield found
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def test_a_server_of_mlflow_answers_rows_and_settings(folder, port):
    own = mlflow.pyfunc.load_model(str(folder / "model"))
    rows = [{"prompt": "the", "max_tokens": 3}, {"prompt": "a"}]
    told = {"task": "generate", "seed": 3, "max_tokens": 2}
    expected = own.predict(rows, params=told)
    for key in ("inputs", "dataframe_records"):
        status, answer = invoked(port, json.dumps({key: rows, "params": told}))
        assert (status, answer["predictions"]) == (200, expected)
    example = (folder / "model/serving_input_example.json").read_text("utf-8")
    assert invoked(port, example)[1]["predictions"] == own.predict(own.input_example)


def test_a_server_of_mlflow_says_in_a_line_what_is_wrong(port):
    told = {"task": "generate", "temperature": -7.0}
    status, answer = invoked(port, json.dumps({"inputs": [{"prompt": "a"}], "params": told}))
    assert status == 400 and "stack_trace" not in answer
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
    last = answer["message"].rpartition("Error: ")[2]
    assert last == "temperature is -7.0; send a number from 0 to 100"
