"""Generated sums."""

import pytest

from repertoire.config import parse, read_yaml
from repertoire.data.sources import Files
from repertoire.readers import addition
from tests.project import ROOT


@pytest.fixture(scope="module")
def table():
    block = read_yaml(ROOT / "params.yaml")["datasets"]["addition"]["config"]
    return addition.tabulate(parse(addition.Config, {**block, "draws": 5003}, "addition"), Files())


def test_every_answer_is_the_sum_of_its_question(table):
    for source, target in zip(table["source"], table["target"], strict=True):
        first, second = source.split("+")
        assert int(target) == int(first) + int(second)
        assert {len(first), len(second)} <= {1, 2, 3}


def test_the_terms_of_a_question_in_either_order_are_in_one_split(table):
    split = dict(zip(table["source"], table["split"], strict=True))
    turned = {source: "+".join(reversed(source.split("+"))) for source in split}
    both = [s for s, t in turned.items() if t in split and s != t]
    assert len(both) > 100
    assert all(split[source] == split[turned[source]] for source in both)
    assert {split[source] for source in both} == {"train", "valid", "test"}


def test_terms_of_every_number_of_digits_are_common(table):
    lengths = table["source"].str.split("+", expand=True).map(len).stack().value_counts()
    assert (lengths / lengths.sum() > 0.15).all() and set(lengths.index) == {1, 2, 3}
