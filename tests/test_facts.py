"""Facts fit the types of their kind, and what does not fit is refused before it is written."""

import copy
import json
from types import SimpleNamespace
from typing import Literal, NotRequired, TypedDict, get_args, get_type_hints

import pytest

from pipelines.prepare import prepare
from repertoire.config import ConfigError, RepertoireError, check
from repertoire.data.facts import CommonFacts, Counts, check_facts
from repertoire.kinds import kind_names, load_facts
from repertoire.readers import load_reader, reader_names

PAIRS = {
    "dataset": "sums",
    "kind": "pairs",
    "origin": "generated",
    "licence": "generated, none needed",
    "source_vocabulary": 13,
    "target_vocabulary": 11,
    "end": 1,
    "longest_target": 7,
    "pairs": {"train": 29, "valid": 3, "test": 5},
}
FILE = "src/repertoire/kinds/pairs/facts.py"
PLACE = rf"^reader dates: facts\.{{}}; mend the reader, or Facts in {FILE}$"


class Cells(TypedDict):
    rows: Counts
    cells: dict[str, float | str | None]
    scale: NotRequired[Literal["linear", "log"]]
    bounds: NotRequired[list[list[float]]]


def test_every_kind_of_data_says_what_its_facts_are():
    kinds = kind_names()
    assert len(kinds) >= 17
    for kind in kinds:
        facts = load_facts(kind).Facts
        assert get_args(get_type_hints(facts)["kind"]) == (kind,)
        assert CommonFacts.__required_keys__ < facts.__required_keys__


def test_every_reader_has_a_kind_whose_facts_are_known():
    assert {load_reader(name).KIND for name in reader_names()} == set(kind_names())


def test_facts_of_an_unknown_kind_name_the_known_ones():
    with pytest.raises(ConfigError, match="no data of kind 'rolls'; there are: captions, "):
        load_facts("rolls")


def test_facts_of_all_small_data_sets_fit_and_there_are_some_of_every_kind(project):
    kinds = set()
    for name, block in project.params()["datasets"].items():
        facts = json.loads((project.folder / "data" / name / "facts.json").read_text())
        assert facts["dataset"] == name
        check_facts(load_facts(facts["kind"]), facts, block["reader"])
        kinds.add(facts["kind"])
    assert kinds == set(kind_names())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"langest_target": 7}, r"langest_target: unknown key; known: dataset, origin, .*"),
        ({"longest_target": None}, "longest_target: expected int, got None"),
        ({"longest_target": 7.5}, r"longest_target: expected int, got 7\.5"),
        ({"end": True}, "end: expected int, got True"),
        ({"pairs": {"train": 29, "valid": 3}}, r"pairs\.test: missing; add the key"),
        ({"pairs": [29, 3, 5]}, r"pairs: expected a mapping, got \[29, 3, 5\]"),
        ({"measures": ("words",)}, r"measures: expected a list, got \('words',\)"),
        ({"measures": ["word"]}, r"measures\[0\]: 'word' is none of: words, variety"),
        ({"extras": {"unseen": "3"}}, r"extras\.unseen: expected int, got '3'"),
        ({"kind": "pair"}, "kind: 'pair' is none of: pairs"),
        ({"mean_target_characters": float("nan")}, r"mean_target_characters: expected a fin.*"),
        ({"end": list(range(997))}, r"end: expected int, got \[0, 1, .*…"),
    ],
)
def test_a_wrong_fact_is_one_line_that_names_reader_key_and_file(change, said):
    check_facts(load_facts("pairs"), PAIRS, "dates")
    with pytest.raises(RepertoireError, match=PLACE.format(said)) as refused:
        check_facts(load_facts("pairs"), {**PAIRS, **change}, "dates")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def test_facts_that_are_missing_are_all_named_at_once():
    few = {key: value for key, value in PAIRS.items() if key not in ("end", "licence")}
    said = "licence, end: missing; add the keys"
    with pytest.raises(RepertoireError, match=PLACE.format(said)):
        check_facts(load_facts("pairs"), few, "dates")


@pytest.mark.parametrize(
    "change",
    [
        {"cells": {"a": 3, "b": 0.5, "c": "red", "d": None}},
        {"scale": "log", "bounds": [[2, 3.5], [5.0]]},
        {"bounds": []},
    ],
)
def test_what_some_data_sets_have_may_be_there_or_not(change):
    facts = {"rows": {"train": 7, "valid": 2, "test": 3}, "cells": {}, **change}
    before = copy.deepcopy(facts)
    check(Cells, facts, "facts")
    assert facts == before


def test_a_cell_of_no_allowed_type_is_refused():
    facts = {"rows": {"train": 7, "valid": 2, "test": 3}, "cells": {"red": [1]}}
    with pytest.raises(ConfigError, match=r"^facts\.cells\.red: expected str, got \[1\]$"):
        check(Cells, facts, "facts")


def test_prepare_writes_nothing_where_a_reader_gives_a_fact_that_its_kind_does_not_know(
    project, monkeypatch
):
    """The project is shared: nothing of it may change."""
    monkeypatch.chdir(project.folder)
    folder = project.folder / "data" / "dates"
    before = {path: path.stat().st_mtime_ns for path in sorted(folder.parent.rglob("*"))}
    reader = load_reader("dates")

    def encode(config, table):
        encoded = reader.encode(config, table)
        encoded.facts["carried"] = 5
        return encoded

    changed = SimpleNamespace(**{**vars(reader), "encode": encode})
    monkeypatch.setattr("pipelines.prepare.load_reader", lambda name: changed)
    with pytest.raises(RepertoireError, match=PLACE.format(r"carried: unknown key; known: .*")):
        prepare("dates")
    assert {path: path.stat().st_mtime_ns for path in sorted(folder.parent.rglob("*"))} == before
