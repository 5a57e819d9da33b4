"""Processes that are killed while they register, and several of one checkout."""

import json
import os
import shutil
import signal
import traceback
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from pipelines.promote import promote
from pipelines.register import register
from repertoire.config import RepertoireError
from tests.evaluated import NAMES, checkout, evaluate
from tests.registry import aliases, alive, enter, query, tags

pytest_plugins = ("tests.registry_fixtures",)

WRITES = (
    "create_run",
    "log_batch",
    "log_inputs",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "set_model_version_tag",
    "set_terminated",
)


def in_a_child(work):
    """The exit status of work done in a process of its own, which has imported all already."""
    process = os.fork()
    if not process:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - whoever started the child reads it
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_after(count):
    """Register in a process that is killed when it has written that often."""
    done = 0

    def counting(write):
        def counted(*arguments, **more):
            nonlocal done
            if done == count:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return write(*arguments, **more)

        return counted

    def half_an_upload(self, local_dir, artifact_path=None):
        copied = LocalArtifactRepository.log_artifact
        copied(self, str(Path(local_dir) / "model/manifest.json"), "model")
        written(self, local_dir, artifact_path)

    def work():
        for name in WRITES:
            setattr(MlflowClient, name, counting(getattr(MlflowClient, name)))
        LocalArtifactRepository.log_artifacts = half_an_upload
        register("first")

    written = counting(LocalArtifactRepository.log_artifacts)
    return in_a_child(work)


def state(folder):
    """All that a disturbed registration could have left different."""
    return {
        "versions": alive(folder),
        "aliases": aliases(folder),
        "tags": [tags(folder, "first", n) for _, n in alive(folder)],
        "runs": sorted(query(folder, "select status from runs where lifecycle_stage='active'")),
        "folders": len(list((folder / "mlartifacts").iterdir())),
        "files": sorted(p.name for p in (folder / "mlartifacts").rglob("*") if p.is_file()),
        "known": json.loads((folder / "registrations.json").read_text()),
    }


def test_a_register_killed_at_any_moment_and_repeated_ends_as_if_it_was_not(
    tmp_path, empty_store, monkeypatch
):
    start = enter(checkout(tmp_path / "start" / "w", ("first",)), empty_store, monkeypatch)
    assert in_a_child(lambda: register("first")) == 0
    evaluate(start, "first", 79.0)

    def copied(label):
        folder = tmp_path / label / "w"
        shutil.copytree(start, folder)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        # The tag registered_by names the folder, in which these copies differ.
        monkeypatch.setattr("pipelines.registry.versions.checkout", lambda: "here")
        monkeypatch.setattr("pipelines.registry.run.checkout", lambda: "here")
        return folder

    undisturbed = copied("undisturbed")
    assert in_a_child(lambda: register("first")) == 0
    expected = state(undisturbed)
    assert expected["aliases"] == {"champion": 2, "previous_champion": 1, "challenger": 2}
    assert expected["runs"] == [("FINISHED",)] * 2
    kills = 0
    while True:
        folder = copied(f"killed-{kills}")
        status = killed_after(kills)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        assert in_a_child(lambda: register("first")) == 0
        assert state(folder) == expected, f"killed after {kills} writes"
        kills += 1
    assert kills == 12


def test_unfinished_runs_of_others_are_left_alone_for_an_hour(place, monkeypatch):
    monkeypatch.setattr("pipelines.registry.run.checkout", lambda: "another machine")
    assert killed_after(5) == -signal.SIGKILL
    monkeypatch.undo()
    monkeypatch.chdir(place)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")

    def running():
        return query(
            place,
            "select count(*) from runs where status='RUNNING' and lifecycle_stage='active'",
        )

    register("second")
    assert running() == [(1,)]
    monkeypatch.setattr("pipelines.registry.run.ABANDONED_SECONDS", 0.0)
    register("second")
    assert running() == [(0,)] and len(list((place / "mlartifacts").iterdir())) == 1


def test_a_version_whose_maker_died_is_decided_by_whoever_waits(place, monkeypatch):
    """Another machine made a better version and died before it gave the aliases."""
    monkeypatch.setattr("pipelines.registry.run.checkout", lambda: "another machine")
    monkeypatch.setattr("pipelines.registry.versions.checkout", lambda: "another machine")
    evaluate(place, "first", 91.0)
    assert killed_after(7) == -signal.SIGKILL
    assert alive(place) == [("first", 1)] and aliases(place) == {}
    monkeypatch.undo()
    monkeypatch.chdir(place)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
    with pytest.raises(RepertoireError, match="version 1 is still being registered"):
        promote("first", "1")
    monkeypatch.setattr("pipelines.registry.versions.PATIENCE_SECONDS", 0.5)
    evaluate(place, "first", 83.0)
    register("first")
    assert aliases(place) == {"champion": 1, "challenger": 2}
    assert "which is better" in tags(place, "first", 2)["decided"]


def test_two_registers_of_one_checkout_both_end_up_in_the_list(place):
    children = []
    for name in NAMES:
        process = os.fork()
        if not process:
            try:
                register(name)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(process)
    assert [os.waitpid(process, 0)[1] for process in children] == [0, 0]
    assert json.loads((place / "registrations.json").read_text()) == dict.fromkeys(NAMES, "1")
