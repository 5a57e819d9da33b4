"""Columns of many strings: what is done batch by batch is what a loop over Python strings does."""

import random
import re

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from repertoire.data import strings
from repertoire.data.dataset import write_texts
from repertoire.data.files import write_json
from repertoire.data.splits import identity, stratified_split
from repertoire.data.validation import with_identity

WORDS = ["a", "B", "é", "Σ", "7", "x-y", "  ", "\u2028", '"', "\\", "한국", "İ", "_", "'s", "\t"]


def drawn(count, seed, words=WORDS):
    """Texts of which some recur."""
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(words, k=chosen.randint(0, 3))) for _ in range(count)]


def in_pieces(texts):
    """A column in Arrow's memory of several chunks."""
    return pd.concat([pd.Series(texts[:13]), pd.Series(texts[13:])], ignore_index=True)


def first_come(cells):
    numbers = {}
    return [numbers.setdefault(cell, len(numbers)) for cell in cells]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(strings, "BATCH", 7)
    monkeypatch.setattr(strings, "MANY", 11)


def test_codes_number_cells_as_they_come():
    for texts in (drawn(211, 1), [*map(str, range(97)), *map(str, range(53))], ["b", "a"] * 17):
        assert strings.codes_of(in_pieces(texts)).tolist() == first_come(texts)


def test_two_texts_of_one_hash_are_told_apart(monkeypatch):
    alone = [*map(str, range(89))]
    assert strings._codes_by_hash(in_pieces(alone)).tolist() == first_come(alone)
    texts = [*map(str, range(101)), "7", "61"]
    assert strings._codes_by_hash(in_pieces(texts)).tolist() == first_come(texts)
    crowded = lambda values, categorize: np.array([len(each) for each in values], np.uint64)  # noqa: E731
    monkeypatch.setattr(pd.util, "hash_array", crowded)
    assert strings._codes_by_hash(in_pieces(texts)) is None
    assert strings.codes_of(in_pieces(texts)).tolist() == first_come(texts)


def test_a_row_is_repeated_where_all_its_columns_are():
    table = pd.DataFrame({"text": ["a", "b", "a", "a", "b"], "label": ["x", "x", "y", "x", "y"]})
    assert strings.repeated(table, ["text", "label"]).tolist() == [False, False, False, True, False]


def test_changed_mapped_and_lowered_are_what_a_loop_gives():
    texts = drawn(113, 2)
    cells = in_pieces(texts)

    def tidy(text):
        return " ".join(text.split())

    found = strings.changed(cells, tidy, lambda part: pc.match_substring_regex(part, r"^[a-z]+$"))
    assert found.tolist() == [tidy(text) for text in texts]
    assert strings.lowered(cells).tolist() == [text.lower() for text in texts]
    assert strings.mapped(cells, len).tolist() == [len(text) for text in texts]
    assert strings.mapped(pd.Series([1, True, 1.0], dtype=object), str).tolist() == [
        "1",
        "True",
        "1.0",
    ]


def test_identity_of_ascii_is_that_of_any_text():
    signs = [chr(code) for code in range(128)]
    for text in drawn(307, 3, [*signs, "ab", "Cd"]):
        told = re.sub(r"[\W\d_]+", " ", text.lower()).strip() or text
        assert identity(text) == told


@pytest.mark.parametrize("column", [list, in_pieces])
def test_texts_are_written_as_any_json_is(tmp_path, column):
    texts = {"train": {"text": drawn(31, 4), "other": drawn(7, 5)}, "test": {"text": []}}
    write_json(tmp_path / "plain.json", texts)
    columns = {
        split: {side: column(rows) if rows else rows for side, rows in sides.items()}
        for split, sides in texts.items()
    }
    write_texts(tmp_path / "streamed.json", columns)
    written = (tmp_path / "streamed.json").read_bytes()
    assert written == (tmp_path / "plain.json").read_bytes()
    write_json(tmp_path / "plain.json", {})
    write_texts(tmp_path / "streamed.json", {})
    assert (tmp_path / "streamed.json").read_bytes() == (tmp_path / "plain.json").read_bytes()


def test_a_key_counts_the_splits_that_it_is_in():
    keys = ["a", "b", None, "a", "a", "b", "c"]
    splits = ["train", "train", "test", "test", "valid", "train", None]
    table = with_identity(pd.DataFrame({"key": keys, "split": splits}))
    assert table["splits_of_key"].tolist() == [3, 1, 1, 3, 3, 1, 0]


def test_groups_are_drawn_once_and_are_of_the_class_of_their_first_row():
    groups = pd.Series([f"g{number % 37}" for number in range(101)])
    classes = pd.Series(["x" if number % 37 < 30 else "y" for number in range(101)])
    classes[100] = "y"  # g26 is of x all the same
    split = pd.Series(stratified_split(groups, classes, 1, 0.2, 0.3))
    assert split.groupby(groups).nunique().max() == 1
    once = pd.DataFrame({"of": classes, "split": split})[~groups.duplicated()]
    counts = once.groupby(["of", "split"]).size().to_dict()
    assert counts[("x", "test")] == 9 and counts[("x", "valid")] == 6
    assert counts[("y", "test")] == 2 and counts[("y", "valid")] == 1
