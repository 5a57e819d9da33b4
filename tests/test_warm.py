"""Stages forked from warm processes: what they write, how they end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from pipelines.warm import PLACE, STAGES, hand_over
from tests.project import ROOT, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("warm") / "p", ("dates", "vae_digits"))


def warm(project, *commands):
    return project.stage("warm", *shell(*commands))


def shell(*commands):
    return ("timeout", "90", "bash", "-ec", "; ".join(commands))


def test_a_warm_stage_writes_the_bytes_of_a_cold_one_and_imports_once(project):
    prepare = "python -m pipelines prepare dates"
    assert project.run(*prepare.split()).returncode == 0
    cold = project.digests("data")
    done = project.run("python", "-m", "pipelines.warm", *shell(prepare, prepare))
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


# Stages of a few lines, in the place of those that import for seconds, on a machine of 3 cores.
KEPT = """
import os, sys, time, types
from pathlib import Path
from pipelines import warm
from repertoire.config import RepertoireError


def work(name: str) -> None:
    print("doing", name, flush=True)
    if name == "killed":
        os.kill(os.getpid(), 9)
    if name == "refused":
        raise RepertoireError("no such tide")
    if name == "broken":
        raise ValueError("a fault")
    if name == "slow":
        Path("begun-slow").touch()
        time.sleep(30)
    if name == "watching":
        while len(list(Path().glob("begun-*"))) < 2:
            time.sleep(0.01)
        time.sleep(0.2)


def following(known, prepared):
    Path("prepared").write_text(" ".join(sorted(prepared)))
    return [name for name in os.environ["AHEAD"].split() if name not in known]


def ahead(name):
    Path(f"begun-{name}").touch()
    time.sleep(30)


for stage in warm.STAGES:
    module = sys.modules[f"pipelines.{stage}"] = types.ModuleType(stage)
    setattr(module, stage, work)
    module.following, module.ahead, module.is_due = following, ahead, lambda name: True
os.cpu_count = lambda: 3
sys.exit(warm.serve(sys.argv[1:]))
"""
ASK = """
import sys
from pipelines.warm import hand_over
sys.exit(hand_over(sys.argv[1], sys.argv[2:]))
"""


@pytest.fixture
def kept(tmp_path):
    """Runs lines of a shell, in which "ask" asks for a stage of those above."""
    (tmp_path / "params.yaml").write_text("datasets: {}\n")
    (tmp_path / "ask").write_text(f"#!{sys.executable}\n{ASK}")
    (tmp_path / "ask").chmod(0o755)

    def run(*lines, ahead=""):
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "AHEAD": ahead,
        }
        return subprocess.run(
            [sys.executable, "-c", KEPT, "bash", "-c", "\n".join(lines)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=25,  # less than what is slow
        )

    return run


@pytest.mark.parametrize(
    ("item", "status", "said"),
    [
        ("fine", 0, ""),
        ("refused", 1, "prepare refused: no such tide\n"),
        ("broken", 1, "ValueError: a fault\n"),
        ("killed", 128 + signal.SIGKILL, ""),
    ],
)
def test_whoever_asked_hears_how_a_stage_ended(item, status, said, kept):
    done = kept(f"exec ask prepare {item}")
    assert (done.returncode, done.stdout) == (status, f"doing {item}\n")
    assert done.stderr.endswith(said)


# Whoever asked is killed once the stage, or the training that it waits for, has begun.
GONE = (
    "asked=$!",
    "until [ -e begun-slow ]; do sleep 0.01; done",
    "sleep 1",
    "kill -KILL $asked",
    "exec ask train fine",
)


def test_a_stage_is_ended_when_nobody_waits_for_it_and_the_next_is_answered(kept):
    done = kept("ask prepare slow &", *GONE)
    assert (done.returncode, done.stdout) == (0, "doing slow\ndoing fine\n")


def test_nobody_waits_for_a_training_begun_ahead_once_its_asker_is_gone(kept):
    done = kept("ask train first", "ask train slow &", *GONE, ahead="slow")
    assert (done.returncode, done.stdout) == (0, "doing first\ndoing fine\n")


def test_no_more_trainings_are_begun_ahead_than_cores_are_free(kept, tmp_path):
    assert kept("exec ask train watching", ahead="a b c d").returncode == 0
    assert sorted(path.name for path in tmp_path.glob("begun-*")) == ["begun-a", "begun-b"]


def test_a_data_set_that_failed_is_not_trained_on_ahead(kept, tmp_path):
    done = kept("ask prepare refused", "ask prepare fine", "exec ask prepare last")
    assert done.returncode == 0
    assert (tmp_path / "prepared").read_text() == "fine"


def test_a_warm_process_that_ends_without_an_answer_is_a_failure(tmp_path, monkeypatch):
    path = str(tmp_path / "stages")
    monkeypatch.setenv(PLACE, path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()

        def hang_up():
            asked, _ = listener.accept()
            _, streams, _, _ = socket.recv_fds(asked, 999, 3)
            for stream in streams:
                os.close(stream)
            asked.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert hand_over("train", ["lstm"]) == 1
        thread.join()
    with pytest.raises(SystemExit, match="train: the warm process ended"):
        hand_over("train", ["lstm"])
    assert hand_over("register", []) is None  # not one of those that are kept warm


def test_every_warm_stage_is_a_module_that_offers_its_function():
    for stage in STAGES:
        text = (ROOT / f"pipelines/{stage}.py").read_text()
        assert f"\ndef {stage}(name: str) -> " in text


def heed_ctrl_c():
    """What a terminal's shell does; whoever runs the tests in the background ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
        preexec_fn=heed_ctrl_c,
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
