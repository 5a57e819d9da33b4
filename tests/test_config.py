"""params.yaml is read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest

from repertoire.config import ConfigError, parse, read_yaml, section


@dataclass(frozen=True)
class Inner:
    rate: float


@dataclass(frozen=True)
class Outer:
    units: int
    kind: Literal["a", "b"]
    inner: Inner
    widths: tuple[int, ...]
    note: str | None
    heat: float | None
    parts: Mapping[str, Inner]


GOOD = {
    "units": 7,
    "kind": "a",
    "inner": {"rate": 1},
    "widths": [3, 5],
    "note": None,
    "heat": 2,
    "parts": {"x": {"rate": 11}},
}


def test_a_mapping_becomes_a_dataclass_with_nested_parts():
    found = parse(Outer, GOOD, "p")
    assert found == Outer(7, "a", Inner(1.0), (3, 5), None, 2.0, {"x": Inner(11.0)})
    assert type(found.heat) is float and type(found.inner.rate) is float


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"unit": 7}, "p.unit: unknown key"),
        ({"units": "7"}, "p.units: expected int, got '7'"),
        ({"units": True}, "p.units: expected int, got True"),
        ({"kind": "c"}, "p.kind: 'c' is none of: a, b"),
        ({"inner": {"rate": "fast"}}, "p.inner.rate: expected float"),
        ({"inner": {}}, "p.inner.rate: missing"),
        ({"widths": 3}, "p.widths: expected a list"),
        ({"widths": [3, "x"]}, r"p.widths\[1\]: expected int"),
        ({"inner": {"rate": True}}, "p.inner.rate: expected float, got True"),
        ({"inner": 3}, "p.inner: expected a mapping, got 3"),
        ({"note": 3}, "p.note: expected str, got 3"),
        ({"heat": False}, "p.heat: expected float, got False"),
        ({"parts": [3]}, r"p.parts: expected a mapping, got \[3\]"),
        ({"parts": {"x": {"rat": 1}}}, "p.parts.x.rat: unknown key"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_place(change, place):
    with pytest.raises(ConfigError, match=place):
        parse(Outer, {**GOOD, **change}, "p")


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match=r"p\.units: missing"):
        parse(Outer, {k: v for k, v in GOOD.items() if k != "units"}, "p")


def test_numbers_are_read_as_yaml_1_2(tmp_path):
    (tmp_path / "p.yaml").write_text("rate: 1e-3\nno: no\noctal: 010\n")
    assert read_yaml(tmp_path / "p.yaml") == {"rate": 0.001, "no": "no", "octal": 10}


def test_broken_yaml_and_an_absent_file_are_named(tmp_path):
    (tmp_path / "p.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match=r"p\.yaml: not valid YAML"):
        read_yaml(tmp_path / "p.yaml")
    with pytest.raises(ConfigError, match=r"absent\.yaml: no such file"):
        read_yaml(tmp_path / "absent.yaml")
    (tmp_path / "p.yaml").write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match=r"p\.yaml: expected a mapping at the top"):
        read_yaml(tmp_path / "p.yaml")


def test_an_absent_key_is_named_with_its_place_and_its_siblings():
    content = {"recipes": {"b": {"x": 3}, "a": {}}}
    assert section(content, "recipes", "b", source="p") == {"x": 3}
    with pytest.raises(ConfigError, match=r"^p\.recipes: no key 'c'; there are: a, b$"):
        section(content, "recipes", "c", "x", source="p")
