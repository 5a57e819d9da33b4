"""A folder that is one model, as a storage initializer puts it into /mnt/models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import standins
from starlette.testclient import TestClient

from serving import app
from serving.app import create_app, main
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service

ASKED = {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [2, 3, 5]}]}


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process sets once for its sessions is left alone."""
    monkeypatch.setattr(app, "share_memory", lambda most: None)


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """Its manifest calls it `double`."""
    standins.doubling(tmp_path / "double")
    return Path(shutil.move(tmp_path / "double", tmp_path / "mnt"))


def opened(root: Path, name: str | None = None) -> Repository:
    made = Repository(root, name=name)
    made.refresh()
    return made


def rename(folder: Path, name: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"name": name}))


@pytest.mark.parametrize(("given", "found"), [(None, "double"), ("doubling-7", "doubling-7")])
def test_a_folder_that_is_a_model_is_served_by_its_name_or_the_given_one(
    alone: Path, given: str | None, found: str
) -> None:
    repository = opened(alone, given)
    assert list(repository.models) == [found] and repository.model(found).name == found
    plane = Plane(repository)
    with TestClient(create_app(Service(repository, plane), poll_seconds=3600)) as client:
        for path in (found, f"{found}.scale"):
            answer = client.post(f"/v2/models/{path}/infer", json=ASKED).json()
            assert answer["outputs"][0]["data"] == [4, 6, 10]
        left = client.post(f"/v2/repository/models/{found}/unload")
        assert left.json()["models"] == [f"{found}.scale"]
        assert client.get(f"/v2/models/{found}/ready").status_code == 404
        back = client.post(f"/v2/repository/models/{found}.scale/load")
        assert back.status_code == 200, back.text
    plane.close()


def test_a_model_may_be_called_as_a_folder_of_its_own_files(alone: Path) -> None:
    repository = opened(alone, "onnx")
    repository.refresh()
    assert list(repository.models) == ["onnx"] and not repository.problems


@pytest.mark.parametrize("name", [None, 7, "", "a.b", "a/b"])
def test_a_manifest_without_a_usable_name_leaves_that_of_the_folder(
    alone: Path, name: object
) -> None:
    rename(alone, name)
    assert list(opened(alone).models) == ["mnt"]


def test_a_new_version_is_taken_in_and_a_damaged_one_is_not(alone: Path) -> None:
    repository = opened(alone)
    manifest = (alone / "manifest.json").read_text()
    (alone / "manifest.json").unlink()
    repository.refresh()
    assert list(repository.models) == ["double"] and "export again" in repository.problems["double"]
    (alone / "manifest.json").write_text(manifest)
    shutil.rmtree(alone / "onnx")
    standins.doubling(alone, 3.0)
    repository.refresh()
    model = repository.model("double")
    run = repository.session(model, model.manifest.graph("scale")).run
    assert run(["y"], {"x": np.full((1, 1), 7, np.float32)})[0].item() == 21


def test_folders_of_models_are_served_though_a_manifest_lies_beside_them(
    models: Path, alone: Path
) -> None:
    shutil.copy(alone / "manifest.json", models)
    repository = opened(models)
    assert repository.alone is None and {"double", "bigram"} <= set(repository.models)


@pytest.mark.parametrize("name", ["a.b", "a/b", " "])
def test_a_name_that_no_address_can_hold_is_refused(
    alone: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--models", str(alone), "--name", name])
    assert f"{name!r} is no name of a model" in capsys.readouterr().err


def test_a_name_for_folders_of_models_is_refused(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--models", str(models), "--port", "0", "--name", "seven"]) == 1
    [line] = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("error: --name is for a folder that is one model;")


def test_a_single_model_that_is_damaged_is_one_line(
    alone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (alone / "manifest.json").write_text("{}")
    assert main(["--models", str(alone), "--port", "0"]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert "mnt: manifest.json lacks the field 'format'; export again" in line
