"""The server's image, as far as it can be made without a builder of containers."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_package import environment, server, settings_of_pip

ROOT = Path(__file__).resolve().parents[1]
UNREACHABLE = ("dns error", "error sending request", "Connection", "timed out")
BASE_BYTES = 61_000_000  # of the base image, from Debian's packages; docs/deploy.md


def instructions():
    """(instruction, the rest) of each step of the Containerfile, in their order."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def last(name):
    """What follows the last instruction of the name."""
    return [rest for found, rest in instructions() if found == name][-1]


def loaded(file):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = loaded(ROOT / "deploy/container/check.py")


def install(folder, most):
    """The environment of the image, by the same script and with this interpreter."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert uv, "there is no uv; run make setup"
    more = {"PYTHON": sys.executable, "PATH": f"{Path(uv).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "deploy/container/install.sh", str(folder), "http", str(most)],
        cwd=ROOT,
        env=environment(**more, **settings_of_pip()),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        pytest.skip("the package index is not to be reached")
    return done


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Where the programs of the environment are."""
    folder = tmp_path_factory.mktemp("image") / "repertoire"
    most = int(re.search(r"^ARG BYTES=(\d+)$", (ROOT / "Containerfile").read_text(), re.M)[1])
    assert most + BASE_BYTES <= check.MOST == 250_000_000
    done = install(folder, most)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of each kind of task, made by the tests of those tasks."""
    sys.path.insert(0, str(ROOT / "tests/serving"))
    try:
        from tests.serving import families

        return families.every(tmp_path_factory.mktemp("models"))
    finally:
        sys.path.remove(str(ROOT / "tests/serving"))


def answered(url):
    """How many tasks answer their example; that of a stand-in may be one that does not fit it."""
    listed = check.ask(f"{url}/v1/models")["models"]
    places = [f"{url}/v1/models/{each['name']}/{task}" for each in listed for task in each["tasks"]]
    count = 0
    for place in places:
        try:
            check.ask(place, check.ask(place)["example"])
            count += 1
        except check.Wrong as error:
            assert re.search(r": (400|422) ", str(error)), error
    return count


def test_the_server_answers_tasks_of_every_kind_without_what_the_image_leaves_out(programs, models):
    with server(programs / "repertoire-serve", models, ROOT.parent) as url:
        assert answered(url) >= 13
        assert 'status="200"' in check.ask(f"{url}/metrics")
        health = json.loads(re.search(r"CMD (\[.*\])", last("HEALTHCHECK"))[1])
        assert "127.0.0.1:8000/" in health[-1] and ("EXPOSE", "8000") in instructions()
        for port, status in ((url.rpartition(":")[2], 0), ("1", 1)):
            words = [programs / health[0], *health[1:-1], health[-1].replace("8000", port)]
            assert subprocess.run(words, check=False, capture_output=True).returncode == status


def test_the_environment_holds_no_batch_jobs_no_registry_and_no_downloads(programs):
    names = ("pyarrow", "mlflow", "huggingface_hub", "hf_xet", "pandas", "torch")
    absent = f"import importlib.util as i; print([n for n in {names} if i.find_spec(n)])"
    done = subprocess.run([programs / "python", "-c", absent], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


def test_an_environment_that_grew_is_refused(tmp_path):
    done = install(tmp_path / "repertoire", 1009)
    assert done.returncode == 1
    assert "bytes, more than 1009; raise BYTES or leave packages out" in done.stderr


def test_the_image_starts_the_server_as_a_user_that_owns_nothing(programs, models):
    assert re.fullmatch(r"[1-9]\d{4,}:[1-9]\d{4,}", last("USER"))
    words = json.loads(last("ENTRYPOINT"))
    place = dict(pair.split("=", 1) for pair in last("ENV").split())
    assert "/opt/repertoire/bin" in place["PATH"].split(":")
    words = [str(programs / words[0]), *words[1:], "--models", str(models), "--port", "0"]
    process = subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, encoding="utf-8")
    line = next(line for line in process.stderr if " models on http://" in line)
    address = line.partition(" models on ")[2].split()[0]
    assert address.startswith("http://0.0.0.0:")
    check.until_live(address)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_context_of_the_build_is_what_the_steps_copy():
    lines = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    assert "*" in lines and kept == copied
    assert all((ROOT / each).exists() for each in copied)


def test_the_check_of_an_image_says_in_one_line_what_it_lacks(tmp_path):
    script = ROOT / "deploy/container/check.py"

    def said(*words, **more):
        done = subprocess.run(
            [sys.executable, script, *words],
            env={**os.environ, **more},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stderr.splitlines()

    assert said("image")[0] == 2
    status, lines = said("image", tmp_path, CONTAINERS="/nowhere/podman")
    assert status == 1 and len(lines) == 1 and "/nowhere/podman" in lines[0]
    large = tmp_path / "large"
    large.write_text("#!/bin/sh\necho 250000001\n")
    large.chmod(0o755)
    status, [line] = said("image", tmp_path, CONTAINERS=str(large))
    assert status == 1 and line == "error: the image has 250000001 bytes, more than 250000000"
