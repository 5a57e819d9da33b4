"""What holds for every door alike."""

import re
import sys
from types import SimpleNamespace

import pytest

from pipelines.add.__main__ import _training_words, door_of, doors, families, main
from pipelines.add.trial import Trial
from repertoire.contract import family_names, load_family
from repertoire.readers import load_reader
from tests.project import ROOT

PAGE = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")


def test_every_family_has_a_door_and_the_page_lists_no_other():
    assert families() == list(family_names()) and len(families()) >= 17
    table = PAGE.split("| family |")[1]
    told = {
        name.strip() for row in re.findall(r"^\| (.+?) \|", table, re.M) for name in row.split(",")
    }
    assert len(told) >= 17 and told - {"---"} <= set(families())


@pytest.mark.parametrize("name", families())
def test_a_family_has_a_preset_and_its_door_explains_every_option(name):
    assert callable(load_family(name).preset)
    door = door_of(load_family(name))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", option) for option in door.OPTIONS)
    assert "on-bad-row" in door.OPTIONS and all(door.OPTIONS.values())


@pytest.mark.parametrize(
    ("epochs", "steps", "epoch_minutes", "words"),
    [
        (1, 1, 0.001, "1 epoch of 1 step, a few seconds (measured"),
        (7, 1013, 0.01, "7 epochs of 1,013 steps, about 0.1 minutes (measured"),
        (2, 3, 0.5, "2 epochs of 3 steps, about 1.0 minute (measured"),
        (1, 5, 2.3, "one epoch takes longer than the 1 minute of --minutes"),
    ],
)
def test_the_line_of_the_training_counts_in_plain_words(epochs, steps, epoch_minutes, words):
    trial = Trial(SimpleNamespace(epochs=epochs), epochs, 0.0005, steps, epoch_minutes)
    assert words in _training_words(trial, 1.0)


def exit_status(folder, monkeypatch, *words):
    """The status with which the command ends, run in ``folder``."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["add", "tried", *map(str, words), "--dry-run"])
    with pytest.raises(SystemExit) as left:
        main()
    return 1 if isinstance(left.value.code, str) else left.value.code


def test_what_an_option_decides_exits_with_2_and_an_unknown_value_with_1(tmp_path, monkeypatch):
    texts = tmp_path / "texts.csv"
    lines = "".join(f"some words on day {n},{'ab'[n % 2]}\n" for n in range(53))
    texts.write_text(f"text,label\n{lines},a\n", encoding="utf-8")
    hours = [n for n in range(1, 173) if n not in (59, 61)]
    rows = "".join(f"2024-03-{1 + h // 24:02} {h % 24:02}:00,{h % 7}\n" for h in hours)
    series = tmp_path / "series.csv"
    series.write_text(f"time,load\n{rows}", encoding="utf-8")
    for path, family, option in (
        (texts, "classifier", "--on-bad-row"),
        (series, "forecaster", "--gaps"),
    ):
        asked = (path, "--family", family)
        assert exit_status(tmp_path, monkeypatch, *asked) == 2
        assert exit_status(tmp_path, monkeypatch, *asked, option, "whatever") == 1


def test_a_kind_of_data_has_one_door():
    kinds = [load_reader(name).KIND for name in doors()]
    assert sorted(kinds) == sorted(set(kinds)) and len(kinds) >= 15


def test_what_the_page_takes_for_a_command_names_options_that_exist():
    for family, words in re.findall(r"`[^`]*--family (\w+)((?: --[a-z-]+ \S+)*)`", PAGE):
        options = re.findall(r"--([a-z-]+)", words)
        assert set(options) <= set(door_of(load_family(family)).OPTIONS)
