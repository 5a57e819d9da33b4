"""The task `detect`, against stand-ins that expect flat pictures and rows of noughts."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import standins
from onnx import TensorProto, helper
from PIL import Image
from starlette.testclient import TestClient

from serving.batch import command as batch

NAMES = ["dark", "grey"]
TABLES = {"short": ["x", "y"], "long": ["x", "y", "z"]}


def write(folder: Path, pictures: bool) -> None:
    """Expects 100 times the number of what is normal of every pixel, and 0 of every column."""
    shape = ("batch", 3, 5) if pictures else ("batch", 3)
    name, kind = ("images", "uint8") if pictures else ("rows", "float32")
    axes = list(range(1, len(shape)))
    inputs = [(name, kind, shape), ("normal", "int64", ("batch",), 0, 1)]
    outputs = [
        ("score", "float32", ("batch",)),
        ("decision", "int64", ("batch",)),
        ("error", "float32", shape),
        ("expected", kind, shape),
    ]
    node = helper.make_node
    nodes = [
        node("Cast", [name], ["values"], to=TensorProto.FLOAT),
        node("Cast", ["normal"], ["number"], to=TensorProto.FLOAT),
        node("Mul", ["number", "step"], ["level"]),
        node("Unsqueeze", ["level", "axes"], ["column"]),
        node("Sub", ["values", "values"], ["noughts"]),
        node("Add", ["noughts", "column"], ["flat"]),
        node("Cast", ["flat"], ["expected"], to=standins.TYPES[kind]),
        node("Sub", ["values", "flat"], ["apart"]),
        node("Mul", ["apart", "apart"], ["error"]),
        node("ReduceMean", ["error", "axes"], ["score"], keepdims=0),
        node("Greater", ["score", "limit"], ["above"]),
        node("Cast", ["above"], ["decision"], to=TensorProto.INT64),
    ]
    weights = {
        "axes": np.array(axes),
        "step": np.array(100 if pictures else 0, np.float32),
        "limit": np.array(10, np.float32),
    }
    model = standins.graph_model(nodes, inputs, outputs, weights)
    entry = standins.graph_entry(folder, "detect", model, inputs, outputs)
    images = {"images": {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": [3, 5]}}
    encodings = images if pictures else {"rows": {"kind": "rows", "tables": TABLES}}
    standins.write_manifest(folder, "novelty_detector", ["detect"], [entry], encodings)
    place = folder / "manifest.json"
    facts = {"names": NAMES if pictures else list(TABLES)}
    place.write_text(json.dumps({**json.loads(place.read_text()), "facts": facts}))


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("detectors")
    write(root / "shades", pictures=True)
    write(root / "tables", pictures=False)
    return root


def flat(level: int) -> np.ndarray:
    return np.full((3, 5), level, np.uint8)


def levels(png: str) -> set[int]:
    return set(np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))).ravel().tolist())


@pytest.mark.parametrize("normal", [1, "grey"])
def test_a_picture_is_compared_with_what_its_normal_class_expects(
    client: TestClient, normal: object
) -> None:
    body = {"images": [flat(97).tolist(), flat(60).tolist()], "normal": normal}
    found = client.post("/v1/models/shades/detect", json=body).json()["results"]
    assert [each["anomaly"] for each in found] == [False, True]
    assert [each["score"] for each in found] == [9, 1600]
    assert [levels(each["expected"]) for each in found] == [{100}, {100}]
    assert [levels(each["difference"]) for each in found] == [{3}, {40}]


def test_a_row_is_answered_by_the_columns_of_its_own_table(client: TestClient) -> None:
    body = {"rows": [3, 5], "normal": "short"}
    [found] = client.post("/v1/models/tables/detect", json=body).json()["results"]
    assert list(found["columns"]) == ["x", "y"] and found["anomaly"] is True
    assert found["columns"]["y"] == {"value": 5, "expected": 0, "error": 25}
    body = {"rows": [[1, 1, 1], [0, 3.5, 4]], "normal": 1}
    found = client.post("/v1/models/tables/detect", json=body).json()["results"]
    assert [each["anomaly"] for each in found] == [False, False]
    assert [len(each["columns"]) for each in found] == [3, 3]
    body = {"rows": {"y": 5, "id": "seven", "x": 3}, "normal": "short"}
    [found] = client.post("/v1/models/tables/detect", json=body).json()["results"]
    assert found["columns"]["y"] == {"value": 5, "expected": 0, "error": 25}


@pytest.mark.parametrize(
    ("model", "body", "status", "line"),
    [
        (
            "shades",
            {"images": [flat(0).tolist()]},
            400,
            "normal is missing; send one of dark, grey",
        ),
        ("shades", {"images": [flat(0).tolist()], "normal": "red"}, 422, "dark, grey"),
        ("shades", {"images": [flat(0).tolist()], "normal": 2}, 422, "send one of"),
        ("shades", {"images": [flat(0).tolist()], "normal": True}, 400, "normal is true"),
        ("shades", {"rows": [[1, 2]], "normal": 0}, 400, "rows: model 'shades' takes images"),
        ("shades", {"normal": 0}, 400, "images is missing"),
        ("tables", {"rows": [[1, 2]], "normal": 1}, 422, "rows[0] has 2 cells; send 3: x, y, z"),
        ("tables", {"rows": [[1, 0], [1, "2"]], "normal": 0}, 400, "rows[1], y, is"),
        ("tables", {"rows": [{"x": 1, "w": 2}], "normal": 0}, 400, "rows[0], y, is null"),
        ("tables", {"rows": {"w": 2}, "normal": 0}, 422, "rows[0] has none of the model's columns"),
        ("tables", {"rows": [[1, 1e300]], "normal": 0}, 422, "beyond float32"),
        ("tables", {"rows": [[1, 1e38]], "normal": 0}, 422, "rows[0] holds numbers too large"),
        ("tables", {"rows": [[1, 2]], "normal": 0, "n": 1}, 400, "unknown field n"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(
    client: TestClient, model: str, body: object, status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/{model}/detect", json=body)
    assert answer.status_code == status and line in answer.text


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def run(model: str, source: Path, output: Path, models: Path, normal: str) -> int:
    arguments = (model, "detect", source, output, "--models", models, "--set", f"normal={normal}")
    return batch.main([str(each) for each in arguments])


def test_batches_of_pictures_and_of_rows_are_judged(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for level in (99, 50):
        Image.fromarray(flat(level)).save(folder / f"{level}.png")
    assert run("shades", folder, tmp_path / "p.jsonl", models, "grey") == 0
    found = [(each["file"], each["anomaly"]) for each in lines(tmp_path / "p.jsonl")]
    assert found == [("50.png", True), ("99.png", False)]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps({"row": r}) for r in ([9, 9], [1, 2], [1, 2, 3])))
    assert run("tables", rows, tmp_path / "r.jsonl", models, "short") == 0
    assert [each["anomaly"] for each in lines(tmp_path / "r.jsonl")] == [True, False]
    [bad] = lines(tmp_path / "r.jsonl.errors.jsonl")
    assert bad["row"] == 2 and "send 2" in str(bad["reason"])


def test_a_table_is_judged_by_the_columns_that_the_model_knows_by_name(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text("id,height,x,y\na,5,0,1e0\nb, 7.0 ,0,\nc,high,1,1\nd,1,2,3\n")
    arguments = ["tables", "detect", f"{source}", f"{output}", "--models", f"{models}"]
    arguments += ["--set", "normal=long", "--keep", "id"]
    assert batch.main(arguments) == 2
    error = capsys.readouterr().err
    assert "has no column z; its columns are id, height, x, y; say which one it is" in error
    assert batch.main([*arguments, "--column", "z=height"]) == 0
    assert "row: x, y, z" in capsys.readouterr().out
    found = [json.loads(line) for line in output.read_text().split("\n") if line]
    values = [[each["value"] for each in row["columns"].values()] for row in found]
    assert [row["id"] for row in found] == ["a", "d"] and values == [[0, 1, 5], [2, 3, 1]]
    bad = (tmp_path / "out.jsonl.errors.jsonl").read_text()
    assert "the row has no y" in bad and "height is 'high', not a number" in bad
