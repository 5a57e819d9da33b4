"""Every call of NVIDIA's client for HTTP, which is not this project's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins
import tritonclient.http as triton
from live import running, service_of
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from serving.service import Service

X = np.array([[1, 2, 3], [5, 7, 11]], np.float32)


@pytest.fixture
def service(models: Path) -> Iterator[Service]:
    made = service_of(models)
    yield made
    made.plane.close()


@pytest.fixture
def client(service: Service) -> Iterator[triton.InferenceServerClient]:
    with running(service) as port, triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
        yield client


def given(values: np.ndarray, name: str = "x", *, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput(name, values.shape, np_to_triton_dtype(values.dtype))
    return tensor.set_data_from_numpy(values, binary_data=binary)


def wanted(name: str = "y", **more: Any) -> triton.InferRequestedOutput:
    return triton.InferRequestedOutput(name, **more)


def test_health_and_metadata(client: triton.InferenceServerClient, service: Service) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("double") and client.is_model_ready("bigram.next")
    assert not client.is_model_ready("nobody") and not client.is_model_ready("double.nothing")
    version = service.repository.model("double").version
    assert client.is_model_ready("double.scale", version)
    assert not client.is_model_ready("double.scale", "none")
    told = client.get_server_metadata()
    assert told["name"] == "repertoire" and "statistics" in told["extensions"]
    described = client.get_model_metadata("double.scale", version)
    port = {"name": "x", "datatype": "FP32", "shape": [-1, -1]}
    assert described["inputs"] == [port] and described["versions"] == [version]


def test_a_configuration_says_what_the_metadata_do(client: triton.InferenceServerClient) -> None:
    config = client.get_model_config("double")
    assert config["max_batch_size"] == 256 and config["dynamic_batching"] == {}
    [given] = config["input"]
    assert given == {"name": "x", "data_type": "TYPE_FP32", "dims": [-1], "optional": False}
    assert config["output"] == [{"name": "y", "data_type": "TYPE_FP32", "dims": [-1]}]
    config = client.get_model_config("lstm.next")  # its states have the batch as second axis
    assert config["max_batch_size"] == 0
    optional = {each["name"]: (each["dims"], each["optional"]) for each in config["input"]}
    assert optional["hidden"] == ([2, -1, 7], True) and optional["tokens"] == ([-1, -1], False)
    with pytest.raises(InferenceServerException, match="lstm has several graphs"):
        client.get_model_config("lstm")


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("returned", [True, False, None])
@pytest.mark.parametrize("request_coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("response_coding", [None, "gzip", "deflate"])
def test_infer_in_binary_and_json_plain_and_packed(
    client: triton.InferenceServerClient,
    sent: bool,
    returned: bool | None,
    request_coding: str | None,
    response_coding: str | None,
) -> None:
    values = np.arange(1201 * 2, dtype=np.float32).reshape(2, -1) % 1000
    answer = client.infer(
        "double",
        [given(values, binary=sent)],
        outputs=None if returned is None else [wanted(binary_data=returned)],
        request_id="seven",
        request_compression_algorithm=request_coding,
        response_compression_algorithm=response_coding,
    )
    assert np.array_equal(answer.as_numpy("y"), 2 * values)
    assert answer.get_response()["id"] == "seven"
    assert answer.get_output("y")["datatype"] == "FP32"


def test_infer_in_the_background_and_by_a_body_made_apart(
    client: triton.InferenceServerClient,
) -> None:
    pending = [client.async_infer("double", [given(X * n)]) for n in (1, 2, 3)]
    found = [each.get_result().as_numpy("y") for each in pending]
    assert np.array_equal(found, [2 * X, 4 * X, 6 * X])
    body, length = client.generate_request_body([given(X)])
    assert length is not None and len(body) == length + X.nbytes


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int8, np.int32, np.uint16, np.uint64])
@pytest.mark.parametrize("binary", [True, False])
def test_other_datatypes_are_cast_where_nothing_is_lost(
    client: triton.InferenceServerClient, dtype: Any, binary: bool
) -> None:
    answer = client.infer("double", [given(X.astype(dtype), binary=binary)])
    assert np.array_equal(answer.as_numpy("y"), 2 * X)
    ids = given(np.array([[2, 3]], dtype), "tokens", binary=binary)
    assert client.infer("bigram.next", [ids]).as_numpy("top_ids").shape == (1, 3)
    lossy = {"f": np.array([[2.5]], dtype)}.get(np.dtype(dtype).kind)
    if lossy is not None:
        with pytest.raises(InferenceServerException, match=r"tokens holds 2\.5"):
            client.infer("bigram.next", [given(lossy, "tokens", binary=binary)])


@pytest.mark.parametrize("binary", [True, False])
def test_the_likeliest_classes_come_as_texts(
    client: triton.InferenceServerClient, table: np.ndarray, binary: bool
) -> None:
    asked = [wanted("log_probs", class_count=3, binary_data=binary), wanted("top_ids")]
    tokens = given(np.array([[2], [4]]), "tokens")
    answer = client.infer("bigram.next", [tokens], outputs=asked)
    found = answer.as_numpy("log_probs")
    assert found.shape == (2, 3) and answer.get_output("log_probs")["datatype"] == "BYTES"
    texts = [[each.decode() if binary else each for each in row] for row in found.tolist()]
    order = np.argsort(-table[[2, 4]], axis=1)[:, :3]
    rows = zip(table[[2, 4]], order, strict=True)
    assert texts == [[f"{row[n]:f}:{n}" for n in best] for row, best in rows]
    assert np.array_equal(answer.as_numpy("top_ids"), order)


def test_more_classes_than_there_are_give_all_of_them(
    client: triton.InferenceServerClient,
) -> None:
    values = np.array([[7, 11, 7, 13]], np.float32)
    answer = client.infer("double", [given(values)], outputs=[wanted(class_count=100)])
    expected = [b"26.000000:3", b"22.000000:1", b"14.000000:0", b"14.000000:2"]
    assert answer.as_numpy("y").tolist() == [expected]


def test_classes_have_their_names_where_the_model_knows_them(
    client: triton.InferenceServerClient, models: Path
) -> None:
    ports = [("x", "float32", ("batch", 2))], [("log_probs", "float32", ("batch", 2))]
    nodes = [standins.helper.make_node("Neg", ["x"], ["log_probs"])]
    graph = standins.graph_model(nodes, *ports)
    entry = standins.graph_entry(models / "moods", "classify", graph, *ports)
    standins.write_manifest(models / "moods", "classifier", ["classify"], [entry])
    manifest = json.loads((models / "moods" / "manifest.json").read_text())
    manifest["facts"] = {"classes": ["glad", "sad"]}
    (models / "moods" / "manifest.json").write_text(json.dumps(manifest))
    client.load_model("moods")
    asked = [wanted("log_probs", class_count=2)]
    answer = client.infer("moods", [given(np.array([[7, 5]], np.float32))], outputs=asked)
    texts = answer.as_numpy("log_probs").tolist()
    assert texts == [[b"-5.000000:1:sad", b"-7.000000:0:glad"]]


@pytest.mark.parametrize(
    "more",
    [
        {"sequence_id": 7, "sequence_start": True},
        {"priority": 1},
        {"parameters": {"flavour": "sweet"}},
    ],
)
def test_what_is_not_supported_is_refused_by_its_name(
    client: triton.InferenceServerClient, more: dict[str, Any]
) -> None:
    name = next(iter(more.get("parameters", more)))
    with pytest.raises(InferenceServerException, match=f"{name} of the request is not") as refused:
        client.infer("double", [given(X)], **more)
    assert refused.value.status() == "400"


def test_regions_of_shared_memory_are_refused_by_name(
    client: triton.InferenceServerClient,
) -> None:
    tensor, output = given(X), wanted()
    output.set_shared_memory("region", 24)
    with pytest.raises(InferenceServerException, match="shared_memory_region of output y is not"):
        client.infer("double", [tensor], outputs=[output])
    tensor.set_shared_memory("region", 24)
    with pytest.raises(InferenceServerException, match="shared_memory_region of input x is not"):
        client.infer("double", [tensor])


def test_a_timeout_ends_the_wait(client: triton.InferenceServerClient, service: Service) -> None:
    graph = service.repository.model("double").manifest.graph("scale")
    service.plane._busy.add(graph.sha256)  # as if it ran for long
    with pytest.raises(InferenceServerException, match="no answer in the time given") as late:
        client.infer("double", [given(X)], timeout=200_000)
    assert late.value.status() == "504"
    service.plane._release(graph)
    answer = client.infer("double", [given(X)], timeout=10_000_000)
    assert np.array_equal(answer.as_numpy("y"), 2 * X)


def statistics(client: triton.InferenceServerClient, name: str = "double") -> dict[str, Any]:
    [found] = client.get_inference_statistics(name)["model_stats"]
    return found


def test_statistics_count_what_was_done(client: triton.InferenceServerClient) -> None:
    before = statistics(client)
    assert before["name"] == "double.scale" and before["last_inference"] == 0
    assert before["inference_stats"]["success"] == {"count": 0, "ns": 0}
    for rows in (2, 1, 2):
        client.infer("double", [given(X[:rows])])
    with pytest.raises(InferenceServerException):
        client.infer("double", [given(X * 1000)])
    with pytest.raises(InferenceServerException):
        client.infer("double", [given(X)], priority=1)
    after = statistics(client)
    assert (after["inference_count"], after["execution_count"]) == (5, 3)
    stats = after["inference_stats"]
    assert stats["success"]["count"] == 3 and stats["fail"]["count"] == 2
    parts = ("queue", "compute_input", "compute_infer", "compute_output")
    assert [stats[part]["count"] for part in parts] == [3] * 4
    assert 0 < stats["compute_infer"]["ns"] < stats["success"]["ns"] < 60e9
    assert abs(sum(stats[part]["ns"] for part in parts) - stats["success"]["ns"]) < 10
    assert stats["cache_hit"] == stats["cache_miss"] == {"count": 0, "ns": 0}
    sizes = {each["batch_size"]: each["compute_infer"]["count"] for each in after["batch_stats"]}
    assert sizes == {1: 1, 2: 2} and after["last_inference"] > 1.7e12


def test_statistics_are_of_one_graph_of_a_model_or_of_all(
    client: triton.InferenceServerClient, service: Service
) -> None:
    names = [each["name"] for each in client.get_inference_statistics("lstm")["model_stats"]]
    assert names == ["lstm.next", "lstm.sample"]
    version = service.repository.model("lstm").version
    [one] = client.get_inference_statistics("lstm.next", version)["model_stats"]
    assert (one["name"], one["version"]) == ("lstm.next", version)
    everything = {each["name"] for each in client.get_inference_statistics()["model_stats"]}
    assert {"double.scale", "bigram.score", *names} <= everything
    with pytest.raises(InferenceServerException, match="there is no model 'nobody'"):
        client.get_inference_statistics("nobody")


def test_the_index_has_the_names_that_infer_takes(client: triton.InferenceServerClient) -> None:
    index = client.get_model_repository_index()
    names = {each["name"] for each in index}
    assert {"double.scale", "lstm.next", "lstm.sample", "bigram.score"} <= names
    for each in index:
        assert each["state"] == "READY" and client.is_model_ready(each["name"], each["version"])
        assert client.get_model_metadata(each["name"])["inputs"]


@pytest.mark.parametrize("name", ["double", "double.scale"])
def test_an_unloaded_model_is_not_served_until_it_is_loaded(
    client: triton.InferenceServerClient, service: Service, name: str
) -> None:
    client.unload_model(name, unload_dependents=True)
    service.repository.refresh()  # what looks at the folder now and then does not bring it back
    assert not client.is_model_ready("double") and client.is_server_ready()
    with pytest.raises(InferenceServerException, match="it was unloaded; load it"):
        client.infer("double.scale", [given(X)])
    states = {each["name"]: each["state"] for each in client.get_model_repository_index()}
    assert states["double.scale"] == "UNAVAILABLE" and states["mirror.translate"] == "READY"
    client.unload_model(name)
    client.load_model(name)
    assert np.array_equal(client.infer("double", [given(X)]).as_numpy("y"), 2 * X)


@pytest.mark.parametrize(
    "more", [{"config": "{}"}, {"config": "{}", "files": {"file:1/model.onnx": b""}}]
)
def test_a_model_of_the_request_is_not_loaded(
    client: triton.InferenceServerClient, more: dict[str, Any]
) -> None:
    with pytest.raises(InferenceServerException, match=r"config is not supported|not JSON"):
        client.load_model("double", config=more["config"])
    with pytest.raises(InferenceServerException, match="there is no model 'nobody'"):
        client.load_model("nobody")
    with pytest.raises(InferenceServerException, match="there is no model 'nobody'"):
        client.unload_model("nobody")


Call = Callable[[triton.InferenceServerClient], object]


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.get_system_shared_memory_status(),
        lambda c: c.get_system_shared_memory_status("r"),
        lambda c: c.register_system_shared_memory("r", "/r", 7),
        lambda c: c.unregister_system_shared_memory(),
        lambda c: c.unregister_system_shared_memory("r"),
        lambda c: c.get_cuda_shared_memory_status(),
        lambda c: c.get_cuda_shared_memory_status("r"),
        lambda c: c.register_cuda_shared_memory("r", b"7", 0, 7),
        lambda c: c.unregister_cuda_shared_memory(),
        lambda c: c.unregister_cuda_shared_memory("r"),
        lambda c: c.get_trace_settings(),
        lambda c: c.get_trace_settings("double"),
        lambda c: c.update_trace_settings(settings={"trace_rate": "1"}),
        lambda c: c.update_trace_settings("double", {"trace_rate": "1"}),
        lambda c: c.get_log_settings(),
        lambda c: c.update_log_settings({"log_info": True}),
    ],
)
def test_extensions_that_are_not_supported_say_so(
    client: triton.InferenceServerClient, call: Call
) -> None:
    with pytest.raises(InferenceServerException, match="not supported") as refused:
        call(client)
    assert refused.value.status() == "501"
