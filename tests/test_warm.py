"""Stages forked from warm processes: what they write, how they end."""

import json
import os
import signal
import subprocess
import time

import pytest

from pipelines.warm import STAGES
from tests.project import ROOT, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("warm") / "p", ("dates", "vae_digits"))


def warm(project, *commands):
    shell = ("bash", "-ec", "; ".join(commands))
    return project.run("timeout", "90", "python", "-m", "pipelines.warm", *shell)


def test_a_warm_stage_writes_the_bytes_of_a_cold_one_and_imports_once(project):
    assert project.stage("prepare", "dates").returncode == 0
    cold = project.digests("data")
    prepare = "python -m pipelines prepare dates"
    done = warm(project, prepare, prepare)
    assert done.returncode == 0, done.stderr
    assert project.digests("data") == cold and len(cold) > 5
    assert done.stdout.count("rows hold") == 2
    lines = (project.folder / ".timings/stages.jsonl").read_text().splitlines()
    first, second = [json.loads(line)["start_s"] for line in lines[-2:]]
    assert second < first / 3


def test_the_next_training_is_begun_beside_the_first_and_ends_with_the_same_bytes(project):
    for name in ("dates", "digits"):
        assert project.stage("prepare", name).returncode == 0
    trainings = [f"python -m pipelines train {name}" for name in ("dates", "vae_digits")]
    assert project.run("bash", "-ec", "; ".join(trainings)).returncode == 0
    cold = project.digests("artifacts")
    assert len(cold) == 2 * (3 + 2)  # weights, snapshots, history; two curves
    (project.folder / "artifacts").rename(project.folder / "cold")
    done = warm(project, *trainings)
    assert done.returncode == 0, done.stderr
    assert project.digests("artifacts") == cold
    assert not list((project.folder / ".checkpoints").glob("*"))
    # The second one's epochs passed in silence, beside the first.
    assert done.stdout.count("epoch 2/2 valid") == 1
    assert "vae_digits: 2 epochs in" in done.stdout


def test_an_error_is_the_same_line_and_status(project):
    done = warm(project, "python -m pipelines train nothing")
    assert done.returncode == 1
    assert "no key 'nothing'; there are: dates, vae_digits" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_status_of_the_command_is_that_of_the_whole(project):
    assert warm(project, "exit 7").returncode == 7


def test_a_stage_ends_with_whoever_asked_for_it(project):
    assert project.stage("prepare", "dates").returncode == 0
    params = project.params()
    params["recipes"]["dates"]["training"]["epochs"] = 100_000
    project.write_params(params)
    command = ["python", "-m", "pipelines.warm", "python", "-m", "pipelines", "train", "dates"]
    process = subprocess.Popen(
        command, cwd=project.folder, env=project.environment(), stdout=subprocess.DEVNULL
    )
    checkpoints = project.folder / ".checkpoints"
    deadline = time.monotonic() + 180
    while not list(checkpoints.glob("dates-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1)
    before = {p: p.stat().st_mtime_ns for p in checkpoints.glob("dates-*")}
    time.sleep(1)
    assert before and {p: p.stat().st_mtime_ns for p in checkpoints.glob("dates-*")} == before


def test_every_warm_stage_is_a_module_that_offers_its_function():
    for stage in STAGES:
        text = (ROOT / f"pipelines/{stage}.py").read_text()
        assert f"\ndef {stage}(name: str) -> " in text


@pytest.mark.parametrize("keep", [(), ("python", "-m", "pipelines.warm")])
def test_ctrl_c_in_a_training_is_one_line_and_the_same_command_goes_on(project, keep):
    assert project.stage("prepare", "dates").returncode == 0
    params, kept = project.params(), project.params()
    params["recipes"]["dates"]["training"]["epochs"] = 997
    project.write_params(params)
    checkpoints = project.folder / ".checkpoints"
    for path in checkpoints.glob("dates*"):
        path.unlink()
    process = subprocess.Popen(
        [*keep, "python", "-m", "pipelines", "train", "dates"],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(checkpoints.glob("dates*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, complaint = process.communicate(timeout=60)
    project.write_params(kept)
    assert process.returncode == 130
    assert complaint.strip() == (
        "train dates: interrupted; the same command goes on where it stopped"
    )
    assert list(checkpoints.glob("dates*")) and not list(checkpoints.glob("*.partial"))
