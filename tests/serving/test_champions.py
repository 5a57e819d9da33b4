"""From an MLflow registry to a folder of models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import standins

from repertoire.runtime.errors import BadModel
from serving import registry
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
        registry.synchronise(uri, into)
    for name in ("double", "other"):
        client.create_registered_model(name)
        first = register(client, name, tmp_path / "first", 2)
        client.set_registered_model_alias(name, "champion", first)
    assert registry.synchronise(uri, into)["renewed"] == ["double", "other"]
    assert registry.synchronise(uri, into)["renewed"] == []

    second = register(client, "double", tmp_path / "second", 3)
    client.set_registered_model_alias("double", "champion", second)
    client.delete_registered_model_alias("other", "champion")
    summary = registry.synchronise(uri, into)
    assert summary == {"champions": {"double": "2"}, "renewed": ["double"], "removed": ["other"]}
    repository = Repository(into)
    repository.refresh()
    assert {m.name: m.version for m in repository.models.values()} == {"double": "2"}

    client.set_registered_model_alias("double", "champion", first)
    registry.synchronise(uri, into)
    assert json.loads((into / "double/manifest.json").read_text())["version"] == "1"


def test_a_champion_that_is_not_what_its_manifest_says_is_not_published(
    client: Any, uri: str, tmp_path: Path
) -> None:
    client.create_registered_model("altered")
    version = register(client, "altered", tmp_path, 2)
    client.set_registered_model_alias("altered", "champion", version)
    graph = tmp_path / "altered/onnx/scale.onnx"
    graph.write_bytes(graph.read_bytes() + b"\x00")
    with pytest.raises(BadModel, match="sha256"):
        registry.materialise(client, "altered", version, tmp_path / "served")
    assert not (tmp_path / "served/altered").exists()


def test_a_folder_that_is_no_champion_is_never_replaced(
    client: Any, uri: str, tmp_path: Path
) -> None:
    (tmp_path / "double").mkdir()
    with pytest.raises(BadModel, match="choose another folder"):
        registry.materialise(client, "double", "1", tmp_path)
