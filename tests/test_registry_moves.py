"""A checkout that was renamed or copied goes on with what lies in it."""

import os
import shutil
import sqlite3

from pipelines.register import register
from serving.registry.champions import synchronise
from tests.evaluated import checkout, evaluate
from tests.registry import enter, query

pytest_plugins = ("tests.registry_fixtures",)


def test_a_copied_checkout_neither_reads_nor_writes_the_old_place(
    tmp_path, empty_store, monkeypatch, capfd
):
    old = enter(checkout(tmp_path / "o l d" / "w"), empty_store, monkeypatch)
    register("first")
    before = {p: p.read_bytes() for p in old.rglob("*") if p.is_file()}
    new = tmp_path / "새 곳" / "w"
    shutil.copytree(old, new)
    monkeypatch.chdir(new)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{new / 'mlflow.db'}")
    capfd.readouterr()
    evaluate(new, "first", 79.0)
    register("first")
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1 and "was moved; its artifacts are now looked for in" in told[0]
    assert {p: p.read_bytes() for p in old.rglob("*") if p.is_file()} == before
    shutil.rmtree(old)
    assert len(list((new / "mlartifacts").iterdir())) == 2
    synchronise(os.environ["MLFLOW_TRACKING_URI"], tmp_path / "champions")
    assert (tmp_path / "champions/first/onnx/reconstruct.onnx").exists()
    kept = query(
        new,
        "select artifact_location from experiments union select artifact_uri from runs "
        "union select source from model_versions union select storage_location from model_versions",
    )
    assert kept and not [location for (location,) in kept if "o%20l%20d" in location]
    capfd.readouterr()
    register("first")
    assert capfd.readouterr().err == ""


def test_champions_of_a_moved_checkout_are_served_without_registering(
    tmp_path, empty_store, monkeypatch
):
    old = enter(checkout(tmp_path / "before"), empty_store, monkeypatch)
    register("first")
    new = old.rename(tmp_path / "after")
    synchronise(f"sqlite:///{new / 'mlflow.db'}", tmp_path / "champions")
    assert (tmp_path / "champions/first/onnx/reconstruct.onnx").exists()
    assert not old.exists()


def test_artifacts_that_lie_elsewhere_on_purpose_stay_there(place):
    elsewhere = (place.parent / "large disk").as_uri()
    with sqlite3.connect(place / "mlflow.db") as store:
        store.execute("update experiments set artifact_location=?", (elsewhere,))
    register("first")
    assert query(place, "select distinct artifact_location from experiments") == [(elsewhere,)]
    assert not (place / "mlartifacts").exists()
