"""README's table of results is what was measured, and its first examples can be copied."""

import json
import re
from pathlib import Path

import pytest

from pipelines.params import Params
from pipelines.report.readme import BEGIN, END, VALUE, VERDICT, difference, values
from pipelines.report.words import number, uncertain
from repertoire.config import read_yaml
from tests.project import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = TEXT.partition(BEGIN)[2].partition(END)[0]


def measured(name: str) -> Path:
    """What git keeps of a recipe once it was measured."""
    return ROOT / "artifacts" / name / "metrics.json"


def test_the_table_holds_the_metrics_that_git_holds():
    params = Params(read_yaml(ROOT / "params.yaml"))
    rows = [line.strip("| ").split(" | ") for line in TABLE.splitlines()[2:]]
    shown = {row[1]: row for row in rows}
    names = [n for n in params.names("recipes") if measured(n).exists()]
    assert len(names) == len(shown) == len(rows) > 60
    for name in names:
        metrics = json.loads(measured(name).read_text(encoding="utf-8"))
        row = shown[params.recipe(name).title]
        value = uncertain(metrics["value"], metrics["standard_error"])
        mark, verdict = row[VERDICT].split(" ", 1)
        assert (row[VALUE], number(metrics["baseline"]) in row[-1]) == (value, True)
        assert (mark == "✓") is metrics["passed"]
        assert verdict in ("better", "within noise", "worse")


def test_the_gate_names_the_strongest_baseline_of_each_row():
    params = Params(read_yaml(ROOT / "params.yaml"))
    better = {params.recipe(n).title: params.recipe(n).gate.better for n in params.names("recipes")}
    rows = [row.strip("| ").split(" | ") for row in TABLE.splitlines()[2:]]
    weaker = {}
    for row in rows:
        found = re.findall(r"(.+?) (−?[\d.,]*\d)(?:, |$)", row[-1].removesuffix(" |"))
        numbers = [float(n.replace(",", "").replace("−", "-")) for _, n in found]
        assert numbers
        best = min(numbers) if better[row[1]] == "lower" else max(numbers)
        if numbers[0] != best:
            weaker[row[1]] = row[-1]
    assert len(rows) > 60 and weaker == {}


def line(model: str, value: str) -> str:
    return f"| a | {model} | b | c | {value} | ✗ worse | d |\n"


def test_differences_are_counted_and_the_largest_is_named():
    head = "| family |\n| --- |\n"
    old = head + line("one", "40.0 ± 3.1") + line("two", "−0.5 ± 0.023")
    old += line("three", "7,012 ± 19")
    assert values(old) == {"one": 40.0, "two": -0.5, "three": 7012.0}
    assert difference(old, old) == "no value differs from the table before"
    new = head + line("one", "41.0") + line("two", "−0.45") + line("three", "7,012 ± 23")
    assert difference(old, new) == (
        "2 of 3 values differ from the table before, by 10 % at most (two)"
    )


@pytest.mark.parametrize("mark", [BEGIN, END])
def test_the_marks_of_the_table_are_there_once(mark):
    assert TEXT.count(mark) == 1
