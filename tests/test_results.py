"""The table of published scale: what was measured beside what should be reached."""

import json

import pytest

from pipelines.results import results
from pipelines.stage import TIMINGS
from repertoire.config import RepertoireError

TARGETS = """
gate: {}
training: {}
families: {}
datasets: {}
recipes:
  wave:
    title: Wave
    family: toy
    dataset: harbour
    seed: 1
    training: {epochs: 3, threads: 1, checkpoint_seconds: 1, record_steps: 20}
    gate: {metric: depth, better: lower, baseline: lead, standard_errors: 1, champion: passed}
    config: {}
studies: {tides: {title: Tides, module: tides, config: {}}}
targets:
  tides:
    {metric: height, better: higher, value: 7, simple: null, published: none, machine: 2 cores}
  harbour:
    {metric: depth, better: lower, value: 5, simple: lead, published: a chart, machine: GPU}
  wave:
    {metric: depth, better: lower, value: 3, simple: lead, published: a net, machine: GPU}
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


@pytest.mark.parametrize(
    ("name", "value", "reached"),
    [
        ("tides", 7.0, "yes"),
        ("tides", 6.9375, "**no**"),
        ("harbour", 5.0, "yes"),
        ("harbour", 5.0625, "**no**"),
    ],
)
def test_a_target_is_reached_by_just_its_value(folder, capsys, name, value, reached):
    written(folder, "studies/tides/findings.json", {"height": value})
    written(folder, "baselines/harbour.json", {"depth": value, "lead": 11.0})
    results(name)
    [row] = rows(capsys)
    assert row[5] == reached


def test_a_recipe_has_its_test_metrics_and_the_seconds_of_its_last_training(folder, capsys):
    written(folder, "baselines/harbour.json", {"depth": 5.5, "lead": 11.0})
    results("wave")
    assert rows(capsys) == []  # baselines alone are no result of a net
    measured = {"test": {"depth": 2.75}, "standard_errors": {"depth": 0.125}, "gate": {}}
    written(folder, "artifacts/wave/evaluation/results.json", measured)
    results("wave")
    [row] = rows(capsys)
    assert row[:8] == ["| `wave`", "depth", "2.75 ± 0.12", "11 (lead)", "≤ 3", "yes", "a net", "–"]
    stages = [("evaluate", "wave", 19), ("train", "wave", 7), ("train", "wave", 13)]
    stages += [("train", "other", 17), ("prepare", "harbour", 23)]
    lines = [
        {"stage": s, "item": i, "start_s": 1.0, "work_s": 2.0, "ended": 50.0 + n, "result_s": n}
        for s, i, n in stages
    ]
    (folder / ".timings").mkdir()
    (folder / TIMINGS).write_text("\n".join(map(json.dumps, lines)))
    results("wave")
    [row] = rows(capsys)
    assert row[7] == "13"


def test_what_has_not_been_measured_has_no_row(folder, capsys):
    results()
    assert rows(capsys) == []


def test_a_metric_that_was_not_measured_is_refused_with_those_that_were(folder):
    written(folder, "studies/tides/findings.json", {"width": 3.0})
    with pytest.raises(RepertoireError, match=r"targets\.tides: no 'height'; there are: width"):
        results()


def test_an_unknown_name_is_refused_with_the_known_ones(folder):
    with pytest.raises(
        RepertoireError, match="no target for moon; there are: tides, harbour, wave"
    ):
        results("moon")
