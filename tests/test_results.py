"""The table of published scale: what was measured beside what should be reached."""

import json

import pytest

from pipelines.results import results
from repertoire.config import RepertoireError

TARGETS = """
datasets: {}
recipes: {}
studies: {tides: {title: Tides, module: tides, config: {}}}
targets:
  tides:
    {metric: height, better: higher, value: 7, simple: null, published: none, machine: 2 cores}
  harbour:
    {metric: depth, better: lower, value: 5, simple: lead, published: a chart, machine: GPU}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(TARGETS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder, place, values):
    (folder / place).parent.mkdir(parents=True)
    (folder / place).write_text(json.dumps(values))


def rows(capsys):
    return [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]


def test_a_study_has_a_row_without_a_simple_baseline(folder, capsys):
    written(folder, "studies/tides/findings.json", {"height": 7.25})
    results()
    [row] = rows(capsys)
    assert row[:6] == ["| `tides`", "height", "7.25", "–", "≥ 7", "yes"]


def test_a_baseline_of_a_data_set_is_judged_by_its_own_target(folder, capsys):
    written(folder, "baselines/harbour.json", {"depth": 5.5, "lead": 11.0})
    results("harbour")
    [row] = rows(capsys)
    assert row[:6] == ["| `harbour`", "depth", "5.5", "11 (lead)", "≤ 5", "**no**"]


def test_what_has_not_been_measured_has_no_row(folder, capsys):
    results()
    assert rows(capsys) == []


def test_a_metric_that_was_not_measured_is_refused_with_those_that_were(folder):
    written(folder, "studies/tides/findings.json", {"width": 3.0})
    with pytest.raises(RepertoireError, match=r"targets\.tides: no 'height'; there are: width"):
        results()


def test_an_unknown_name_is_refused_with_the_known_ones(folder):
    with pytest.raises(RepertoireError, match="no target for moon; there are: tides, harbour"):
        results("moon")
