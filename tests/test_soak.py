"""The command that keeps a server under load: what it sends, and what it calls a fault."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest

from pipelines.speed import soak
from tests.project import ROOT


def test_files_of_an_example_become_pictures_of_their_format():
    example = {"images": ["one.png", "other.jpg"], "normal": 3, "text": "one.png?"}
    filled = soak.filled(example, ["one.png", "other.jpg"])
    first, second = (base64.b64decode(each) for each in filled["images"])
    assert first.startswith(b"\x89PNG") and second.startswith(b"\xff\xd8")
    assert filled["normal"] == 3 and filled["text"] == "one.png?"


def test_only_a_503_that_was_announced_and_a_504_are_no_faults():
    tally = soak.Tally()
    for status, announced in ((200, False), (422, False), (504, False), (503, True)):
        tally.answer("/a", status, announced)
    assert tally.requests == 4 and not tally.faults
    tally.answer("/a", 503, False)
    tally.answer("/b", 500, True)
    assert tally.faults == {"503 /a": 1, "500 /b": 1}


@pytest.mark.parametrize(("last", "grown"), [(103.0, 0.03), (107.0, 0.07)])
def test_growth_leaves_out_the_first_third(last, grown):
    seen = [(n, 10.0) for n in range(33)] + [(n, 100.0) for n in range(33, 90)]
    seen += [(n, last) for n in range(90, 100)]
    assert soak.growth(seen) == pytest.approx(grown)


def test_a_server_of_a_stand_in_passes_within_seconds(tmp_path):
    sys.path.insert(0, str(ROOT / "tests/serving"))
    try:
        import standins
    finally:
        sys.path.pop(0)
    standins.lstm(tmp_path / "models/lstm", words=23, width=7)
    command = [sys.executable, "-m", "pipelines.speed", "soak", "--minutes", "0.1"]
    command += ["--models", str(tmp_path / "models")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "capacity" in done.stdout and "exit status of the server: 0" in done.stdout
    assert "fault:" not in done.stdout, done.stdout
