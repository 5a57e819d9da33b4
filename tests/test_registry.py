"""Registering into a store of one machine: what is kept, repaired, refused, and survives a kill."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import traceback
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from pipelines.promote import promote
from pipelines.register import register
from pipelines.registry import connection
from repertoire.config import RepertoireError
from serving.registry import synchronise
from tests.evaluated import NAMES, checkout, evaluate, times
from tests.project import ROOT


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A database that only has to be copied: MLflow takes seconds to make its tables."""
    folder = checkout(tmp_path_factory.mktemp("empty"))
    done = run(folder, "-c", OPEN)
    assert done.returncode == 0, done.stderr
    return folder / "mlflow.db"


def run(folder, *arguments, **more):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "MLFLOW_TRACKING_URI": ""}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, **more},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


OPEN = """
from pipelines.registry.connection import open_registry

with open_registry():
    pass
"""


def enter(folder, empty_store, monkeypatch):
    """Work in this folder, whose store is a copy of the empty one."""
    shutil.copy(empty_store, folder / "mlflow.db")
    monkeypatch.chdir(folder)
    # Absolute, because MLflow keeps one connection for each URI of a process.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    return folder


@pytest.fixture
def place(tmp_path, empty_store, monkeypatch, capfd):
    """A checkout with two evaluated recipes and an empty registry, as the working directory."""
    folder = enter(checkout(tmp_path / "w"), empty_store, monkeypatch)
    with connection.open_registry():
        capfd.readouterr()
    return folder


def query(folder, text, *values):
    with sqlite3.connect(folder / "mlflow.db") as store:
        return store.execute(text, values).fetchall()


def aliases(folder, name="first"):
    rows = query(folder, "select alias, version from registered_model_aliases where name=?", name)
    return {alias: int(version) for alias, version in rows}


def alive(folder):
    """Versions that were not deleted."""
    return query(
        folder,
        "select name, version from model_versions where current_stage <> 'Deleted_Internal' "
        "order by name, version",
    )


def tags(folder, name="first", version=1):
    rows = query(
        folder,
        "select key, value from model_version_tags where name=? and version=?",
        name,
        version,
    )
    return dict(rows)


def model_folder(folder, name="first", version=1):
    [(source,)] = query(
        folder, "select source from model_versions where name=? and version=?", name, version
    )
    return folder / source[source.index("mlartifacts") :]


def test_a_registered_model_holds_each_graph_once_and_runs_its_own_example(place):
    register("first")
    files = sorted(str(p.relative_to(model_folder(place))) for p in model_folder(place).rglob("*"))
    assert [f for f in files if f.endswith(".onnx")] == ["onnx/double.onnx", "onnx/triple.onnx"]
    model = mlflow.pyfunc.load_model("models:/first@champion")
    given = model.input_example
    assert given["x"].shape == (2, 3) and given["x"].dtype == np.float32
    np.testing.assert_allclose(model.predict(given)["y"], 71 * given["x"], rtol=1e-6)
    loaded = mlflow.onnx.load_model("models:/first@champion")
    assert loaded.graph.name == "double"


def test_a_run_tells_when_from_what_and_by_what_it_was_trained(place):
    times(place, "first", 1_700_000_000.0)
    register("first")
    run = MlflowClient().get_run(query(place, "select run_uuid from runs")[0][0])
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_700_000_020_000)
    history = MlflowClient().get_metric_history(run.info.run_id, "train_loss_nats")
    assert [(m.step, m.timestamp, m.value) for m in history] == [
        (5, 1_700_000_001_000, 1.0),
        (10, 1_700_000_002_000, 0.5),
        (15, 1_700_000_003_000, pytest.approx(1 / 3)),
    ]
    [data] = run.inputs.dataset_inputs
    assert data.dataset.name == "toys" and len(data.dataset.digest) == 36
    assert json.loads(data.dataset.source)["toys"]["origin"] == "https://example.org/t"
    told = run.data.tags
    assert told["mlflow.source.name"] == "python -m pipelines train first"
    assert told["data_sha256"].startswith(data.dataset.digest)
    assert told["training_times"] == "recorded"
    assert run.data.params["config.units"] == "11"
    plots = model_folder(place).parent / "plots"
    assert {p.name for p in plots.iterdir()} == {
        "while-training.png",
        "course.svg",
        "weights.svg",
        "figures.json",
    }
    assert (plots / "course.svg").read_text("utf-8").startswith("<svg xmlns=")
    assert "var(--series-0)" in (plots / "weights.svg").read_text("utf-8")


def test_times_of_other_weights_are_not_taken(place):
    times(place, "first", 1_700_000_000.0)
    evaluate(place, "first", 73.0)
    register("first")
    run = MlflowClient().get_run(query(place, "select run_uuid from runs")[0][0])
    assert run.data.tags["training_times"] == "not recorded in this checkout"
    assert run.info.start_time > 1_700_000_020_000


def test_a_version_carries_the_model_card(place):
    register("first")
    [(card,)] = query(place, "select description from model_versions")
    assert card.startswith("# Ein Modell für first: 모형\n")
    assert "hits percent: 71" in card or "71.00 %" in card
    assert "## Limits" in card and "seed 7" in card and len(card) <= 5000


def test_the_commit_is_known_and_a_password_in_the_remote_is_not(place):
    for command in (
        "git init -q -b trunk",
        "git remote add origin https://me:hush@example.org/x",
        "git -c user.name=a -c user.email=b commit -q --allow-empty -m c",
    ):
        subprocess.run(command.split(), check=True)
    register("first")
    told = MlflowClient().get_run(query(place, "select run_uuid from runs")[0][0]).data.tags
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert told["mlflow.source.git.commit"] == head.stdout.strip() == tags(place)["git_commit"]
    assert told["mlflow.source.git.branch"] == "trunk"
    assert told["mlflow.source.git.repoURL"] == "https://***@example.org/x"


def test_content_that_is_there_is_one_line_and_no_new_version(place, capfd):
    register()
    assert capfd.readouterr().out.count("version 1 registered; champion") == 2
    register()
    said = capfd.readouterr().out
    assert "holds this content already: 2 models, 2 of them champions" in said
    assert len(said.splitlines()) == 1
    register("second")
    said = capfd.readouterr().out
    assert said == "second: version 1 holds this content already; champion is 1\n"
    assert alive(place) == [(name, 1) for name in NAMES]
    assert json.loads((place / "registrations.json").read_text()) == dict.fromkeys(NAMES, "1")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((71.0, 73.0), {"champion": 2, "previous_champion": 1, "challenger": 2}),
        ((71.0, 67.0), {"champion": 1, "challenger": 2}),
        ((71.0, 71.0 + 1e-9), {"champion": 2, "previous_champion": 1, "challenger": 2}),
        ((51.0,), {"challenger": 1}),
        ((51.0, 53.0, 52.5), {"champion": 2, "challenger": 3}),
    ],
)
def test_the_best_that_passes_its_gate_is_champion_and_the_newest_is_challenger(
    place, values, expected
):
    for value in values:
        evaluate(place, "first", value)
        register("first")
    assert aliases(place) == expected


def test_a_worse_model_of_other_data_becomes_champion(place):
    register("first")
    evaluate(place, "first", 61.0, data="data of 2027")
    register("first")
    assert aliases(place)["champion"] == 2


def test_a_version_that_failed_its_gate_is_promoted_by_force_alone(place, capfd):
    evaluate(place, "first", 51.0)
    register("first")
    assert tags(place)["gate_passed"] == "false"
    with pytest.raises(RepertoireError, match=r"first: version 1 failed its gate, .*; add --force"):
        promote("first", "1")
    assert aliases(place) == {"challenger": 1}
    promote("first", "1", "--force")
    assert aliases(place)["champion"] == 1
    evaluate(place, "first", 81.0)
    register("first")
    promote("first", "--previous")
    assert aliases(place) == {"champion": 1, "previous_champion": 2, "challenger": 2}


def lose_a_graph(folder):
    (folder / "onnx/triple.onnx").unlink()


def lose_half_a_graph(folder):
    (folder / "onnx/triple.onnx").write_bytes(b"half")


def lose_all(folder):
    shutil.rmtree(folder.parents[1])


def be_of_an_older_version(folder):
    """Two copies of the first graph, and an example that MLflow refuses."""
    shutil.copy(folder / "onnx/double.onnx", folder / "model.onnx")
    (folder / "onnx/MLmodel").unlink()
    (folder / "input_example.json").write_text('{"inputs": {"x": [[1, 2, 3]]}}')


@pytest.mark.parametrize(
    "lose", [lose_a_graph, lose_half_a_graph, lose_all, be_of_an_older_version]
)
def test_artifacts_that_are_gone_come_back_at_the_same_place(place, capfd, lose):
    register()
    lose(model_folder(place))
    capfd.readouterr()
    register()
    said = capfd.readouterr().out
    assert "first: artifacts of version 1 were incomplete; uploaded again" in said
    assert "second" not in said.split("\n", 1)[0]
    assert alive(place) == [(name, 1) for name in NAMES]
    model = mlflow.pyfunc.load_model("models:/first@champion")
    assert model.predict(model.input_example)["y"].shape == (2, 3)
    assert not (model_folder(place) / "model.onnx").exists()
    assert (model_folder(place).parent / "plots/course.svg").exists()
    capfd.readouterr()
    register("first")
    assert "holds this content already" in capfd.readouterr().out


def test_champions_whose_artifacts_are_gone_are_one_line(place, tmp_path):
    register("first")
    shutil.rmtree(place / "mlartifacts")
    from serving.errors import BadModel

    with pytest.raises(BadModel, match=r"python -m pipelines\.register first") as refused:
        synchronise(os.environ["MLFLOW_TRACKING_URI"], tmp_path / "champions")
    assert "\n" not in str(refused.value)


def test_a_graph_that_is_not_the_manifests_is_refused_before_anything_is_made(place):
    (place / "artifacts/first/onnx/triple.onnx").write_bytes(b"another")
    with pytest.raises(RepertoireError, match=r"triple\.onnx: not the file that manifest\.json"):
        register("first")
    assert query(place, "select count(*) from runs") == [(0,)]
    assert not (place / "mlartifacts").exists()


# Killed processes.

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


# A checkout that was moved.


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
    assert (tmp_path / "champions/first/onnx/double.onnx").exists()
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
    assert (tmp_path / "champions/first/onnx/double.onnx").exists()
    assert not old.exists()


def test_artifacts_that_lie_elsewhere_on_purpose_stay_there(place):
    elsewhere = (place.parent / "large disk").as_uri()
    with sqlite3.connect(place / "mlflow.db") as store:
        store.execute("update experiments set artifact_location=?", (elsewhere,))
    register("first")
    assert query(place, "select distinct artifact_location from experiments") == [(elsewhere,)]
    assert not (place / "mlartifacts").exists()


# What is refused.


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("nonsense", "MLflow at nonsense: "),
        ("foo://me:hush@bar", "MLflow at foo://***@bar: "),
        ("http://[x", "Invalid IPv6 URL"),
        ("sqlite://", "names no file"),
        ("sqlite:////nowhere/at/all.db", "there is no such folder"),
        ("sqlite:////proc/x.db", "cannot create /proc/x.db"),
        ("http://me:hush@127.0.0.1:9", "start the server or correct MLFLOW_TRACKING_URI"),
        ("postgresql+psycopg2://me:hush@127.0.0.1:9/db", "Connection refused"),
        ("postgresql+nothing://me:hush@127.0.0.1:9/db", "MLFLOW_TRACKING_URI"),
    ],
)
def test_a_registry_that_is_none_is_one_line_without_passwords(place, monkeypatch, uri, complaint):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    files = sorted(place.rglob("*"))
    with pytest.raises(RepertoireError) as refused:
        register("first")
    said = str(refused.value)
    assert complaint in said and "MLFLOW_TRACKING_URI" in said
    assert "\n" not in said and "hush" not in said
    assert sorted(p for p in place.rglob("*") if ".dvc" not in p.parts) == [
        p for p in files if ".dvc" not in p.parts
    ]


def test_a_server_that_does_not_answer_is_given_up_within_a_minute(place, monkeypatch):
    settings = connection.SETTINGS
    attempts = int(settings["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) + 1
    assert attempts * (int(settings["MLFLOW_HTTP_REQUEST_TIMEOUT"]) + 5) < 60  # 5 between them
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(attempts - 1))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(RepertoireError, match=r"timed out.*; start the server or correct"):
            register("first")
        assert time.monotonic() - began < attempts * (1 + 5)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (("firts",), "no key 'firts'; there are: first, second"),
        (("second",), "recipe second was not evaluated; run `dvc repro evaluate@second`"),
        ((), "artifacts/second/manifest.json: no such file"),
    ],
)
def test_a_recipe_that_is_not_there_is_refused_before_the_registry_is_opened(
    tmp_path, monkeypatch, names, complaint
):
    place = checkout(tmp_path / "w")
    (place / "artifacts/second/manifest.json").unlink()
    monkeypatch.chdir(place)
    with pytest.raises(RepertoireError, match="second") as refused:
        register(*names)
    assert complaint in str(refused.value)
    assert not (place / "mlflow.db").exists() and not (place / ".dvc").exists()


def test_a_folder_that_is_no_project_stays_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for work in (register, lambda: register("first"), lambda: promote("first", "1")):
        with pytest.raises(RepertoireError, match="run from the repository root"):
            work()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_one_line_and_kept(place):
    (place / "mlflow.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RepertoireError, match="file is not a database; restore the file, or move"):
        register("first")
    assert (place / "mlflow.db").read_bytes() == b"no database at all" * 100


def test_a_store_is_made_once_by_processes_that_come_at_once_whatever_the_locale(tmp_path):
    """Also the smoke test of the command: two at once in a new folder, in a locale of ASCII."""
    place = checkout(tmp_path / "w")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "MLFLOW_TRACKING_URI": "",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "pipelines.register", name],
            cwd=place,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in NAMES
    ]
    said = [process.communicate()[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert alive(place) == [(name, 1) for name in NAMES]
    assert sorted(p.name for p in place.iterdir()) == [
        ".dvc",
        ".timings",
        "artifacts",
        "mlartifacts",
        "mlflow.db",
        "params.yaml",
        "registrations.json",
    ]
    [(card,)] = query(place, "select description from model_versions where name='first'")
    assert "모형" in card
