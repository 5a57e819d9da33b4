"""The package as others install it: a wheel, a fresh environment, nothing of this checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.serving import standins

ROOT = Path(__file__).resolve().parents[1]
# More interpreters to try, as a list of paths; the running one is always tried.
PYTHONS = [sys.executable, *filter(None, os.environ.get("REPERTOIRE_PYTHONS", "").split(":"))]
ABSENT = ("torch", "mlflow", "dvc", "pandas", "sqlalchemy")
OF_A_SERVER = ("orjson", "starlette", "uvicorn", "pyarrow", "prometheus_client")
IMPORTED = f"""
import importlib.util, json
import repertoire, serving
found = [name for name in {ABSENT} if importlib.util.find_spec(name)]
print(json.dumps([found, repertoire.__file__, serving.__file__]))
"""
LOADED = f"""
import importlib.util, json
import repertoire
from repertoire.runtime import load
found = [name for name in {ABSENT + OF_A_SERVER} if importlib.util.find_spec(name)]
model = load("my models/bigram")
answers = model.score(["a b", "c"]), model.generate("a", max_tokens=7, min_tokens=7)
print(json.dumps([found, repertoire.__file__, *answers]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def place(tmp_path):
    """A folder outside of the checkout, with a model and rows to score."""
    standins.bigram(tmp_path / "my models/bigram", np.log(np.full((5, 5), 0.2)), ("a", "b", "c"))
    (tmp_path / "in.jsonl").write_text('{"text": "a b"}\n{"text": "c"}\n', encoding="utf-8")
    return tmp_path


def run(*command, cwd, status=0, **more):
    """What a command prints, the complaints if it is to fail."""
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status else done.stdout


def environment(**more):
    """This one without what leads to the checkout."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, **more}


def settings_of_pip():
    """Where packages come from: uv does not read pip's settings."""
    listed = run(sys.executable, "-m", "pip", "config", "list", cwd=ROOT)
    found = dict(re.findall(r"^(?:global|:env:)\.([a-z-]+)='(.*)'$", listed, re.MULTILINE))
    names = {
        "UV_FIND_LINKS": "find-links",
        "UV_DEFAULT_INDEX": "index-url",
        "SSL_CERT_FILE": "cert",
    }
    missing = {name: key for name, key in names.items() if name not in os.environ}
    return {name: found[key] for name, key in missing.items() if key in found}


def installed(wheel, python, folder, extra=""):
    """The programs of a fresh environment with the wheel, and with an extra such as `[serve]`."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert uv, "there is no uv; run make setup"
    run(uv, "venv", "--quiet", "--python", python, folder, cwd=folder.parent)
    into = ("--python", folder / "bin/python")
    command = (uv, "pip", "install", "--quiet", *into, f"repertoire{extra} @ {wheel.as_uri()}")
    run(*command, cwd=folder.parent, **settings_of_pip())
    return folder / "bin"


@contextmanager
def server(program, models, cwd):
    command = [program, "--models", models, "--port", "0"]
    process = subprocess.Popen(
        command, cwd=cwd, env=environment(), stderr=subprocess.PIPE, encoding="utf-8"
    )
    try:
        told = []
        for line in process.stderr:
            told.append(line)
            if " models on http://" in line:
                break
        else:
            raise AssertionError("".join(told))
        yield line.partition(" models on ")[2].split()[0]
    finally:
        process.kill()
        process.communicate()


def answer(url, body=None):
    request = urllib.request.Request(url, body and json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.read().decode()


def test_the_wheel_holds_all_code_of_both_packages_and_the_page_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    expected = {
        str(path.relative_to(base))
        for base, package in ((ROOT / "src", "repertoire"), (ROOT, "serving"))
        for path in (base / package).rglob("*.py")
    }
    others = {name for name in names if not name.endswith(".py")}
    assert names - others == expected
    assert {"serving/page/index.html", "serving/page/docs.html", "serving/page/main.js"} <= others
    assert {name.partition("/")[0] for name in names} == {"repertoire", "serving"}


@pytest.mark.parametrize("python", PYTHONS)
def test_a_program_needs_nothing_but_the_wheel_to_use_a_model(wheel, python, place):
    programs = installed(wheel, python, place / "fresh")
    told = run(programs / "python", "-c", LOADED, cwd=place)
    found, file, scored, written = json.loads(told)
    assert found == []
    assert Path(file).is_relative_to(place / "fresh")
    log_probs = [each["log_prob"] for each in scored]
    assert log_probs == pytest.approx([3 * np.log(0.2), 2 * np.log(0.2)])
    assert len(written["tokens"]) == 7
    for program in ("repertoire-serve", "repertoire-batch"):
        refusal = run(programs / program, cwd=place, status=1)
        assert "pip install 'repertoire[serve]'" in refusal and len(refusal.splitlines()) == 1


@pytest.mark.parametrize("python", PYTHONS)
def test_one_command_serves_a_folder_without_torch_mlflow_or_dvc(wheel, python, place):
    programs = installed(wheel, python, place / "fresh", "[serve]")
    found, *files = json.loads(run(programs / "python", "-c", IMPORTED, cwd=place))
    assert found == []
    assert all(Path(file).is_relative_to(place / "fresh") for file in files)
    with server(programs / "repertoire-serve", "my models", place) as url:
        assert answer(f"{url}/v2/health/live")
        assert "<title>Repertoire</title>" in answer(url)
        scored = json.loads(answer(f"{url}/v1/models/bigram/score", {"text": "a b"}))
        assert scored["results"][0]["log_prob"] == pytest.approx(3 * np.log(0.2))
        body = {"prompt": "a", "max_tokens": 7, "min_tokens": 7}
        assert len(json.loads(answer(f"{url}/v1/models/bigram/generate", body))["tokens"]) == 7
    job = ("bigram", "score", "in.jsonl")
    for command, output in (
        ([programs / "repertoire-batch"], "script.parquet"),
        ([programs / "python", "-m", "serving.batch"], "module.parquet"),
    ):
        told = run(*command, *job, output, "--models", "my models", cwd=place)
        assert told.startswith("2 rows answered") and (place / output).is_file()
    refusal = run(
        programs / "repertoire-serve", "--port=0", "--registry=sqlite:///x.db", cwd=place, status=1
    )
    assert "pip install 'repertoire[registry]'" in refusal and len(refusal.splitlines()) == 1
