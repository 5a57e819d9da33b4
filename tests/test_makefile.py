"""The Makefile in a folder whose name has a space and letters of another script."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT


@pytest.fixture
def checkout(tmp_path):
    """A checkout that is set up, without its data."""
    folder = tmp_path / "내 문서" / "my project"
    folder.mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    shutil.copytree(ROOT / "serving", folder / "serving")
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    for name in ("python", "python3"):
        (programs / name).symlink_to(Path(sys.prefix) / "bin/python")
    (folder / ".venv/pyvenv.cfg").write_bytes((Path(sys.prefix) / "pyvenv.cfg").read_bytes())
    (folder / ".venv/lib").symlink_to(Path(sys.prefix) / "lib")
    (folder / ".venv/.ready").touch()
    return folder


def make(folder, *arguments, **more):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", "-C", folder, *arguments],
        env=environment | more,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_target_runs_the_programs_of_the_checkout(checkout):
    done = make(checkout, "serve", "MODELS=/nowhere")
    assert done.returncode != 0
    assert "there is no folder /nowhere" in done.stderr, done.stderr


def test_a_mirror_in_such_a_folder_is_named_whole(checkout):
    mirror = checkout.parent / "the mirror"
    mirror.mkdir()
    rule = "print-mirror:\n\t@printenv REPERTOIRE_MIRROR\n"
    with (checkout / "Makefile").open("a", encoding="utf-8") as file:
        file.write(rule)
    done = make(checkout, "print-mirror", REPERTOIRE_MIRROR="../the mirror")
    assert str(mirror) in done.stdout.splitlines(), done.stdout + done.stderr


SHOW = """#!{python}
import json, os, sys

told = {{"arguments": sys.argv[1:], "registry": os.environ.get("MLFLOW_TRACKING_URI")}}
print(json.dumps(told | {{"folder": os.getcwd()}}))
"""
ODD = 'it\'s `my` "$HOME" & 100 % #1? 내 것'


def asked(folder, *arguments, **more):
    """What the programs that a target runs are given, in their order."""
    done = make(folder, *arguments, **more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def odd(tmp_path):
    """A checkout with an odd name, whose python prints what it is asked for."""
    folder = tmp_path / ODD
    (folder / ".venv/bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    program = folder / ".venv/bin/python"
    program.write_text(SHOW.format(python=sys.executable), "utf-8")
    program.chmod(0o755)
    (folder / ".venv/.ready").touch()
    return folder


def typed(value):
    """As a variable of make is written: its own sign is $."""
    return value.replace("$", "$$")


def test_every_target_hands_on_what_was_typed_whatever_signs_it_has(odd):
    name, quoted = f"NAME={typed(ODD)}", ["pipelines.promote", ODD]
    [told] = asked(odd, "promote", name, "VERSION=7", "FORCE=1")
    assert told["arguments"] == ["-m", *quoted, "7", "--force"]
    assert told["folder"] == str(odd)
    [told] = asked(odd, "rollback", name)
    assert told["arguments"] == ["-m", *quoted, "--previous"]
    [told] = asked(odd, "serve", f"MODELS={typed(ODD)}")
    assert told["arguments"] == ["-m", "serving.app", "--models", ODD]
    (odd / "pipelines/benchmarks").mkdir(parents=True)
    first, _ = asked(odd, "benchmark", f"STUDY={typed(ODD)}")
    assert first["arguments"] == ["-m", "pipelines.warm", "dvc", "repro", f"study@{ODD}"]


def test_data_are_one_path_where_there_is_such_a_file_and_words_of_the_shell_otherwise(odd):
    (odd / ODD).write_text("text,label\n", "utf-8")

    def words(data):
        [told] = asked(odd, "add", "NAME=a", f"DATA={typed(data)}", "FAMILY=f", "PROJECT=b c")
        begin, end = told["arguments"][:3], told["arguments"][-4:]
        assert begin == ["-m", "pipelines.add", "a"]
        assert end == ["--family", "f", "--project", "b c"]
        return told["arguments"][3:-4]

    assert words(ODD) == [ODD]
    assert words("one.csv 'and two.csv' 3.csv") == ["one.csv", "and two.csv", "3.csv"]
    assert words("https://example.org/a%20b.csv") == ["https://example.org/a%20b.csv"]


def test_the_registry_is_that_of_the_checkout_or_the_one_that_is_named(odd):
    project = odd / "the project"
    project.mkdir()
    (project / "params.yaml").touch()
    repro, register, _ = asked(odd, "repro", "RECIPE=my net", "PROJECT=the project")
    assert repro["arguments"][-1] == "evaluate@my net" and repro["folder"] == str(project)
    assert register["arguments"] == ["-m", "pipelines.register", "my net"]
    assert register["registry"] == f"sqlite:///{odd}/mlflow.db"
    other = "postgresql://me:p$ss'w\"rd@host/db"
    [told] = asked(odd, "serve", MLFLOW_TRACKING_URI=other)
    assert told["arguments"] == ["-m", "serving.app", "--registry", other]
