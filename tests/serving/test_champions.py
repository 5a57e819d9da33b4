"""From an MLflow registry to a folder of models."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import standins
from onnx import helper

from repertoire.runtime.errors import BadModel
from serving.registry import champion_folder, champions
from serving.repository import Repository


@pytest.fixture(scope="module")
def uri(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{shutil.copy(stored, tmp_path_factory.mktemp('registry'))}"


@pytest.fixture
def client(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def register(client: Any, name: str, folder: Path, factor: float) -> str:
    """Registers a folder by reference. Returns the version."""
    standins.doubling(folder / name, factor)
    version = client.create_model_version(name, (folder / name).as_uri()).version
    return str(version)


def test_champions_come_change_and_go(client: Any, uri: str, tmp_path: Path) -> None:
    into = tmp_path / "served"
    with pytest.raises(BadModel, match="has the alias 'champion'"):
        champions.synchronise(uri, into)
    for name in ("double", "other"):
        client.create_registered_model(name)
        first = register(client, name, tmp_path / "first", 2)
        client.set_registered_model_alias(name, "champion", first)
    assert champions.synchronise(uri, into)["renewed"] == ["double", "other"]
    assert champions.synchronise(uri, into)["renewed"] == []

    second = register(client, "double", tmp_path / "second", 3)
    client.set_registered_model_alias("double", "champion", second)
    client.delete_registered_model_alias("other", "champion")
    summary = champions.synchronise(uri, into)
    assert summary == {
        "champions": {"double": "2"},
        "renewed": ["double"],
        "removed": ["other"],
        "problems": {},
    }
    repository = Repository(into)
    repository.refresh()
    assert {m.name: m.version for m in repository.models.values()} == {"double": "2"}

    client.set_registered_model_alias("double", "champion", first)
    champions.synchronise(uri, into)
    assert json.loads((into / "double/manifest.json").read_text())["version"] == "1"


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)


def altered(folder: Path) -> None:
    graph = folder / "onnx/scale.onnx"
    graph.write_bytes(graph.read_bytes() + b"\x00")


def without_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def with_two_manifests(folder: Path) -> None:
    shutil.copy(folder / "manifest.json", folder / "onnx")


def of_another_format(folder: Path) -> None:
    file = folder / "manifest.json"
    file.write_text(file.read_text().replace("repertoire/1", "repertoire/7"))


def no_json(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"[" * 100_003)


def of_another_domain(folder: Path) -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    port = ("batch", "width")
    model = standins.graph_model([node], [("x", "float32", port)], [("y", "float32", port)])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    content = model.SerializeToString()
    (folder / "onnx/scale.onnx").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["graphs"][0]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


BROKEN = {
    emptied: "files cannot be fetched from",
    altered: "scale.onnx is not what the manifest names (sha256)",
    without_manifest: "no manifest.json in",
    with_two_manifests: "2 manifest.json in",
    of_another_format: "format 'repertoire/7' is not 'repertoire/1'",
    no_json: "manifest.json cannot be read",
    of_another_domain: "operator domain com.microsoft is not allowed",
}


def test_a_broken_champion_is_named_and_all_others_and_its_older_copy_are_served(
    stored: Path, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    uri, into = f"sqlite:///{shutil.copy(stored, tmp_path)}", tmp_path / "served"
    client = MlflowClient(uri, uri)
    names = {spoil.__name__: line for spoil, line in BROKEN.items()}
    for name in (*names, "whole", "a.dot"):
        client.create_registered_model(name)
        first = register(client, name, tmp_path / "first", 3)
        client.set_registered_model_alias(name, "champion", first)
    summary = champions.synchronise(uri, into)
    dot = "'a.dot' is no name for a folder; rename the registered model"
    assert summary["problems"] == {"a.dot": dot}
    for spoil in BROKEN:
        name = spoil.__name__
        second = register(client, name, tmp_path / "second", 5)
        spoil(tmp_path / "second" / name)
        client.set_registered_model_alias(name, "champion", second)
    summary = champions.synchronise(uri, into)
    assert summary["renewed"] == [] and summary["problems"].pop("a.dot") == dot
    for name, line in names.items():
        assert line in summary["problems"][name] and "\n" not in summary["problems"][name]

    repository = Repository(into)
    repository.outside = summary["problems"]
    repository.refresh()
    assert {m.version for m in repository.models.values()} == {"1"}
    assert repository.models.keys() == {*names, "whole"}
    assert all("version 1 stays in service" in line for line in repository.problems.values())

    fresh = tmp_path / "fresh"  # where nothing older is
    assert champions.synchronise(uri, fresh)["renewed"] == ["whole"]
    assert [each.name for each in fresh.iterdir() if each.is_symlink()] == ["whole"]


def test_a_version_that_was_refused_is_not_fetched_at_every_look_but_again_on_demand(
    client: Any, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_registered_model("late")
    version = register(client, "late", tmp_path, 2)
    (tmp_path / "late").rename(tmp_path / "hidden")
    client.set_registered_model_alias("late", "champion", version)
    refusals, into = champions.Refusals(), tmp_path / "served"
    fetched: list[str] = []
    fetch = champions.fetch

    def counting(client: Any, uri: str, name: str, version: str, to: Path) -> Path:
        fetched.append(name)
        return fetch(client, uri, name, version, to)

    monkeypatch.setattr(champions, "fetch", counting)
    for _ in range(5):
        found = champions.synchronise(uri, into, refusals, thorough=False)
        assert "late" in found["problems"]
    assert fetched.count("late") == 1
    refusals.known["late"].until = 0.0  # seconds later
    champions.synchronise(uri, into, refusals, thorough=False)
    assert fetched.count("late") == 2 and refusals.known["late"].seconds == 8.0
    (tmp_path / "hidden").rename(tmp_path / "late")
    assert "late" in champions.synchronise(uri, into, refusals)["renewed"]
    assert "late" not in champions.synchronise(uri, into, refusals, thorough=False)["problems"]


def test_a_folder_that_is_no_champion_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "double").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    folder = champion_folder.ChampionFolder(tmp_path)
    with folder.claimed() as scratch:
        for name in ("double", "elsewhere"):
            with pytest.raises(BadModel, match="choose another folder"):
                folder.put(name, "1", scratch, lambda to: to)
    assert not folder.links()
