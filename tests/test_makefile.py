"""The Makefile in a folder whose name has a space and letters of another script."""

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
