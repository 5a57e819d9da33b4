"""Repositories for Triton, read by the protobufs of its own client."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import tritonclient
from google.protobuf import text_format

from pipelines.triton import main
from tests.families import RECIPES
from tests.serving import standins
from tests.shipped import shipped

NAMES = sorted(RECIPES)
TYPES = {
    onnx.TensorProto.INT64: "TYPE_INT64",
    onnx.TensorProto.FLOAT: "TYPE_FP32",
    onnx.TensorProto.UINT8: "TYPE_UINT8",
}


def protobufs():
    """`model_config_pb2` of the client; its package for gRPC would need grpcio."""
    [place] = tritonclient.__path__
    file = Path(place) / "grpc/model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


triton = protobufs()


def write(models, into, *more):
    assert main(["--models", str(models), "--into", str(into), *map(str, more)]) == 0


def read(folder):
    """The configuration of a graph; fields that Triton does not know raise."""
    text = (folder / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, triton.ModelConfig())


def ports_of(values):
    """(name, type, sizes) of each value of an ONNX graph; a size that is free is its name."""
    for value in values:
        tensor = value.type.tensor_type
        sizes = [each.dim_param or each.dim_value for each in tensor.shape.dim]
        yield value.name, tensor.elem_type, sizes


def expected(folder, graph, name, rows, noted):
    """What Triton's documents ask for, from the ONNX file and nothing else of this project."""
    file = onnx.load(str(folder / "1/model.onnx"))
    inputs, outputs = list(ports_of(file.graph.input)), list(ports_of(file.graph.output))
    batched = all(sizes[:1] == ["batch"] for *_, sizes in inputs + outputs)
    config = triton.ModelConfig(
        name=name,
        platform="onnxruntime_onnx",
        backend="onnxruntime",
        max_batch_size=rows if batched else 0,
        default_model_filename="model.onnx",
    )
    config.version_policy.latest.num_versions = 1
    config.instance_group.add(name=graph, count=1, kind=triton.ModelInstanceGroup.KIND_CPU)
    if batched:
        config.dynamic_batching.SetInParent()
    for made, ports in ((config.input, inputs), (config.output, outputs)):
        for port, kind, sizes in ports:
            sizes = [-1 if isinstance(each, str) else each for each in sizes[int(batched) :]]
            one = made.add(name=port, data_type=TYPES[kind], dims=sizes or [1])
            if batched and not sizes:
                one.reshape.SetInParent()
    for key, value in noted.items():
        config.parameters[key].string_value = value
    return config


def compared(models, into, rows=256):
    """Each graph of each model, field by field. Returns the configurations by name."""
    found = {}
    for folder in sorted(models.iterdir()):
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        for graph in manifest["graphs"]:
            name = f"{folder.name}.{graph['name']}"
            config = found[name] = read(into / name)
            noted = {
                "sha256": graph["sha256"],
                "version": config.parameters["version"].string_value,
            }
            assert config == expected(into / name, graph["name"], name, rows, noted)
            told = {
                side: [(port["name"], port["shape"]) for port in graph[side]]
                for side in ("inputs", "outputs")
            }
            file = onnx.load(str(into / name / "1/model.onnx")).graph
            assert told["inputs"] == [(n, sizes) for n, _, sizes in ports_of(file.input)]
            assert told["outputs"] == [(n, sizes) for n, _, sizes in ports_of(file.output)]
    assert sorted(found) == sorted(each.name for each in into.iterdir())
    return found


def check_as_triton_does(config):
    """What Triton and its backend of onnxruntime refuse when they load a model."""
    for port in (*config.input, *config.output):
        assert port.dims and all(size == -1 or size >= 1 for size in port.dims)
        if port.HasField("reshape"):
            assert config.max_batch_size > 0 and not port.reshape.shape and list(port.dims) == [1]
    assert not any(port.optional for port in config.input)
    assert config.max_batch_size > 0 or not config.HasField("dynamic_batching")


@pytest.mark.parametrize("name", NAMES)
def test_every_graph_of_every_recipe_is_configured_as_its_file_says(name, project, tmp_path):
    (tmp_path / "models").mkdir()
    shipped(name, project, tmp_path / "models" / name)
    write(tmp_path / "models", tmp_path / "triton")
    for config in compared(tmp_path / "models", tmp_path / "triton").values():
        check_as_triton_does(config)
        ort.InferenceSession(str(tmp_path / "triton" / config.name / "1/model.onnx"))


@pytest.fixture
def models(tmp_path):
    """Two models: batches first, and states whose second axis is the batch."""
    standins.doubling(tmp_path / "models/double")
    standins.lstm(tmp_path / "models/lstm", words=23, width=7)
    return tmp_path / "models"


def odd(folder):
    """One number a row in and out beside one number alone, which no batch has."""
    for name, scalar in (("rows", ("batch",)), ("alone", ())):
        inputs = [("x", "float32", ("batch",)), ("factor", "float32", scalar)]
        outputs = [("y", "float32", ("batch",))]
        nodes = [onnx.helper.make_node("Mul", ["x", "factor"], ["y"])]
        model = standins.graph_model(nodes, inputs, outputs)
        entry = standins.graph_entry(folder / name, "scale", model, inputs, outputs)
        standins.write_manifest(folder / name, "toy", [], [entry])


def test_a_number_a_row_is_reshaped_and_a_number_alone_has_one_size(tmp_path):
    odd(tmp_path / "models")
    write(tmp_path / "models", tmp_path / "triton", "--rows", "11")
    found = compared(tmp_path / "models", tmp_path / "triton", rows=11)
    rows, alone = found["rows.scale"], found["alone.scale"]
    assert rows.max_batch_size == 11 and rows.HasField("dynamic_batching")
    assert [list(port.dims) for port in rows.input] == [[1], [1]]
    assert all(port.HasField("reshape") for port in (*rows.input, *rows.output))
    assert alone.max_batch_size == 0 and not alone.HasField("dynamic_batching")
    assert [list(port.dims) for port in (*alone.input, *alone.output)] == [[-1], [1], [-1]]
    assert not any(port.HasField("reshape") for port in (*alone.input, *alone.output))
    for config in found.values():
        check_as_triton_does(config)


def test_states_are_inputs_that_triton_waits_for(models, tmp_path):
    write(models, tmp_path / "triton")
    config = compared(models, tmp_path / "triton")["lstm.next"]
    dims = {port.name: list(port.dims) for port in config.input}
    assert dims["hidden"] == [2, -1, 7] and dims["tokens"] == [-1, -1]
    assert config.max_batch_size == 0
    check_as_triton_does(config)


def test_names_and_graphs_that_are_named_are_written_with_the_same_bytes_each_time(
    models, tmp_path
):
    write(models, tmp_path / "one", "double")
    write(models, tmp_path / "two", "double", "double")
    assert [each.name for each in (tmp_path / "one").iterdir()] == ["double.scale"]
    for file in ("config.pbtxt", "1/model.onnx"):
        one, two = (tmp_path / place / "double.scale" / file for place in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    original = models / "double/onnx/scale.onnx"
    assert (tmp_path / "one/double.scale/1/model.onnx").read_bytes() == original.read_bytes()
    session = ort.InferenceSession(str(tmp_path / "one/double.scale/1/model.onnx"))
    assert session.run(["y"], {"x": np.full((1, 1), 7, np.float32)})[0].item() == 14


def test_a_name_in_any_script_and_with_quotes_is_read_back(models, tmp_path):
    name = 'größe "7" \\ 크기'
    (models / "double").rename(models / name)
    write(models, tmp_path / "triton")
    assert f"{name}.scale" in compared(models, tmp_path / "triton")


def dotted(models):
    (models / "double").rename(models / "a.b")


def damaged(models):
    (models / "lstm/onnx/next.onnx").write_bytes(b"7")


def of_texts(models):
    file = models / "double/manifest.json"
    file.write_text(file.read_text().replace("float32", "string"))


@pytest.mark.parametrize(
    ("change", "more", "line"),
    [
        (None, ["nobody"], "there is no model 'nobody' in "),
        (dotted, [], "model 'a.b': a dot parts a model's name from its graph's"),
        (damaged, [], "model 'lstm': onnx/next.onnx is not what the manifest names"),
        (of_texts, [], "model 'double': port x: dtype 'string' is none of"),
        (shutil.rmtree, [], "there is no folder "),
        (lambda models: [shutil.rmtree(each) for each in models.iterdir()], [], "no model in "),
    ],
)
def test_what_cannot_be_written_is_one_line_and_nothing_is(
    models, tmp_path, change, more, line, capsys
):
    if change:
        change(models)
    before = sorted(tmp_path.iterdir())
    assert main(["--models", str(models), "--into", str(tmp_path / "triton"), *more]) == 1
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: {line}")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_holds_something_is_left_alone(models, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    assert main(["--models", str(models), "--into", str(tmp_path / "mine")]) == 1
    assert "is there already; name another folder or remove it" in capsys.readouterr().err
    assert list((tmp_path / "mine").iterdir()) == [tmp_path / "mine/letter.txt"]
    (tmp_path / "mine/letter.txt").unlink()
    write(models, tmp_path / "mine")


@pytest.mark.parametrize("options", [[], ["--into", "x", "--rows", "0"]])
def test_options_that_say_nothing_are_one_line(options, capsys):
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2 and len(capsys.readouterr().err.splitlines()) == 1
