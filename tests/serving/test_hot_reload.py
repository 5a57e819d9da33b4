"""What is loaded, what is refused, and what happens when a folder changes under the server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import standins
from onnx import helper
from starlette.testclient import TestClient

from repertoire.runtime.model import Model
from serving import repository
from serving.repository import Repository
from serving.service import Service

ASK = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3]}]}


def doubled(client: TestClient) -> float:
    answer = client.post("/v2/models/double/infer", json=ASK).json()
    return float(answer["outputs"][0]["data"][0])


def replace_graph(folder: Path, content: bytes) -> None:
    """Puts other bytes in place of the first graph, and a manifest that vouches for them."""
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / manifest["graphs"][0]["file"]).write_bytes(content)
    manifest["graphs"][0]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def problem(root: Path, name: str) -> str:
    repository = Repository(root)
    repository.refresh()
    assert name not in repository.models
    return repository.problems[name]


def test_a_changed_model_is_taken_in_and_told_by_its_version(
    client: TestClient, models: Path
) -> None:
    assert doubled(client) == 6
    before = client.get("/v2/models/double").json()["versions"]
    standins.doubling(models / "double", factor=5)
    assert client.post("/v2/repository/models/double/load").is_success
    assert doubled(client) == 15
    assert client.get("/v2/models/double").json()["versions"] != before


def test_a_bad_new_version_is_reported_and_the_old_one_stays(
    client: TestClient, models: Path
) -> None:
    assert doubled(client) == 6
    replace_graph(models / "double", b"\x08\x09 this is no model")
    refused = client.post("/v2/repository/models/double/load")
    assert refused.status_code == 503
    assert "stays in service" in refused.json()["error"]
    assert doubled(client) == 6
    assert "double" in client.get("/v2/health/ready").json()["problems"]
    standins.doubling(models / "double", factor=7)
    assert client.post("/v2/repository/models/double/load").is_success
    assert doubled(client) == 21
    assert client.get("/v2/health/ready").json()["problems"] == {}


def test_models_appear_and_disappear_with_their_folders(client: TestClient, models: Path) -> None:
    standins.doubling(models / "triple", factor=3)
    shutil.rmtree(models / "double")
    client.post("/v2/repository/models/triple/load")
    index = client.post("/v2/repository/index").json()
    served = {each["name"].partition(".")[0] for each in index}
    assert served == {"bigram", "triple", "lstm", "mirror", "negative"}


def test_a_model_being_exported_again_stays_in_service(client: TestClient, models: Path) -> None:
    assert doubled(client) == 6
    (models / "double/manifest.json").unlink()
    assert client.post("/v2/repository/models/double/load").status_code == 503
    assert doubled(client) == 6


def test_an_unloaded_model_is_gone_until_it_is_loaded_whatever_happens_to_its_folder(
    client: TestClient, models: Path
) -> None:
    assert client.post("/v2/repository/models/double/unload").is_success
    standins.doubling(models / "double", factor=5)
    assert client.post("/v2/repository/models/mirror/load").is_success  # looks at all folders
    assert client.post("/v2/repository/models/double/unload").is_success  # once more
    refused = client.post("/v2/models/double/infer", json=ASK)
    assert refused.status_code == 404 and "load it to serve it again" in refused.json()["error"]
    index = {each["name"]: each for each in client.post("/v2/repository/index").json()}
    assert index["double.scale"]["state"] == "UNAVAILABLE"
    assert client.post("/v2/repository/models/double/load").is_success
    assert doubled(client) == 15
    assert client.post("/v2/repository/models/nobody/unload").status_code == 404


def test_loads_and_unloads_at_once_end_in_the_last_and_never_in_an_error(
    service: Service, models: Path
) -> None:
    held = service.repository
    ones = {"x": np.full((1, 1), 7, np.float32)}
    job = service.plane.submit(held.model("double"), "scale", ones)
    with ThreadPoolExecutor(5) as pool:
        for _ in range(23):
            pool.submit(held.unload, "mirror").result()
            ends = [pool.submit(held.load, "mirror") for _ in range(3)]
            ends += [pool.submit(held.unload, "double"), pool.submit(held.refresh)]
            assert all(end.exception() is None for end in ends)
            assert "mirror" in held.models and "double" not in held.models
            assert held.load("double").name == "double"
    assert job.result()["y"][0, 0] == 14.0


def test_one_folder_that_cannot_be_read_is_a_problem_of_its_own(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "mirror").rename(models / "a.dot")
    (models / "lstm/manifest.json").write_bytes(b"[" * 100_003)
    read = repository.read_model

    def failing(folder: Path) -> Model:
        if folder.name == "bigram":
            raise RuntimeError("a fault")
        return read(folder)

    monkeypatch.setattr(repository, "read_model", failing)
    found = Repository(models)
    found.refresh()
    assert found.models.keys() == {"double", "negative"}
    assert found.problems.keys() == {"a.dot", "lstm", "bigram"}
    assert "rename the folder" in found.problems["a.dot"]
    assert found.problems["bigram"] == "it cannot be loaded; the server's log says why"


def test_a_graph_that_differs_from_its_sha256_is_refused(models: Path) -> None:
    file = models / "double/onnx/scale.onnx"
    file.write_bytes(file.read_bytes() + b"\x00")
    assert "sha256" in problem(models, "double")


def test_a_manifest_of_another_format_is_refused(models: Path) -> None:
    file = models / "double/manifest.json"
    file.write_text(file.read_text().replace("repertoire/1", "repertoire/2"))
    assert "'repertoire/2' is not 'repertoire/1'" in problem(models, "double")


@pytest.mark.parametrize("path", ["../double.onnx", "/etc/passwd", "onnx/../../x"])
def test_a_graph_outside_the_folder_is_refused(models: Path, path: str) -> None:
    file = models / "double/manifest.json"
    file.write_text(file.read_text().replace("onnx/scale.onnx", path))
    assert "outside the model folder" in problem(models, "double")


def test_a_manifest_that_lacks_a_field_is_refused_with_its_name(models: Path) -> None:
    file = models / "double/manifest.json"
    file.write_text(file.read_text().replace('"tasks"', '"chores"'))
    assert "lacks the field 'tasks'" in problem(models, "double")


def test_external_tensors_are_refused_even_inside_a_branch(models: Path, tmp_path: Path) -> None:
    weight = onnx.numpy_helper.from_array(np.ones(1, np.float32), "hidden_weight")
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../../etc/passwd")
    result = helper.make_tensor_value_info("hidden_weight", onnx.TensorProto.FLOAT, [1])
    branch = helper.make_graph([], "branch", [], [result], [weight])
    inputs, outputs = [("x", "float32", ("batch", 3))], [("y", "float32", (1,))]
    yes = np.array(True)
    node = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    model = standins.graph_model([node], inputs, outputs, {"yes": yes})
    replace_graph(models / "double", model.SerializeToString())
    assert "external files are not allowed" in problem(models, "double")


def test_operators_of_other_domains_are_refused(models: Path) -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    port = ("batch", "width")
    model = standins.graph_model([node], [("x", "float32", port)], [("y", "float32", port)])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    replace_graph(models / "double", model.SerializeToString())
    assert "operator domain com.microsoft is not allowed" in problem(models, "double")


def test_a_file_changed_after_its_check_is_not_opened(models: Path) -> None:
    repository = Repository(models)
    repository.refresh()
    os.truncate(models / "double/onnx/scale.onnx", 20)
    model = repository.model("double")
    with pytest.raises(Exception, match="sha256"):
        repository.session(model, model.manifest.graph("scale"))


def test_no_more_sessions_stay_open_than_allowed_and_equal_graphs_share_one(models: Path) -> None:
    shutil.copytree(models / "double", models / "twin")
    repository = Repository(models, sessions=2)
    repository.refresh()

    def session(name: str, graph: str) -> object:
        model = repository.model(name)
        return repository.session(model, model.manifest.graph(graph))

    first = session("double", "scale")
    assert session("twin", "scale") is first
    session("bigram", "score")
    session("bigram", "next")
    assert session("double", "scale") is not first
