"""N-best lists, and what a language model makes of them."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from repertoire.data.text import END, UNKNOWN, text_encoding
from repertoire.kinds.running_text.confusions import PAD, closest_words, nbest_lists
from repertoire.kinds.running_text.rescoring import rescored_right
from repertoire.runtime.text import Encoding

LINES = ["the cattle eat hay", "the castle is old now", "a battle was lost there", "so it is"]


@pytest.fixture(scope="module")
def encoding():
    return Encoding.parse(text_encoding(LINES, "word", 97, (END, UNKNOWN), True, "running"))


def stream(encoding):
    return np.concatenate([[*encoding.ids(line), encoding.end] for line in LINES])


def test_the_closest_words_share_most_pairs_of_letters(encoding):
    close = closest_words(encoding, 2)
    words = [encoding.token(each) for each in close[encoding.ids("castle")[0]]]
    assert words == ["cattle", "battle"]


def test_the_closest_words_are_those_of_all_cosines_and_the_frequent_come_first(encoding):
    vocabulary = encoding.tokenizer.get_vocab()
    words = {w: Counter(pairwise(f" {w} ")) for w in vocabulary if len(w) > 2 and w.isalpha()}
    norms = {w: sum(n * n for n in counts.values()) ** 0.5 for w, counts in words.items()}

    def unlike(one, other):
        shared = sum(n * words[other][pair] for pair, n in words[one].items())
        return -round(shared / norms[one] / norms[other], 9), vocabulary[other]

    close = closest_words(encoding, 5)
    assert len(close) == len(words) > 5
    for one in words:
        others = sorted(words.keys() - {one}, key=lambda other: unlike(one, other))
        assert close[vocabulary[one]].tolist() == [vocabulary[each] for each in others[:5]]


def test_a_list_holds_the_true_line_once_and_changes_one_word(encoding):
    lists = nbest_lists(encoding, stream(encoding), 3, 5)
    assert lists["candidates"].shape[:2] == (3, 5) == lists["scores"].shape
    for index, rows in enumerate(lists["candidates"]):
        true = rows[lists["truth"][index]]
        assert encoding.decode(true[true >= 0]) == LINES[index]
        assert [int((row != true).sum()) for row in rows].count(0) == 1
        assert {int((row != true).sum()) for row in rows} == {0, 1}
        assert (rows[:, (true >= 0).sum() :] == PAD).all()


def test_the_true_line_scores_one_more_in_the_mean(encoding):
    tokens = np.tile(stream(encoding), 211)
    lists = nbest_lists(encoding, tokens, 503, 5)
    true = lists["scores"][np.arange(503), lists["truth"]]
    others = (lists["scores"].sum(1) - true) / 4
    assert true.mean() - others.mean() == pytest.approx(1, abs=4 * np.sqrt(1.25 / 503))


def test_what_a_model_knows_is_added_to_what_the_recogniser_heard():
    scores = np.array([[0.0, 3.0], [2.0, 1.0], [0.0, 1.0]], np.float32)
    candidates = np.arange(6).reshape(3, 2, 1)
    lists = {"candidates": candidates, "scores": scores, "truth": np.array([0, 0, 1])}
    assert rescored_right(lists, lambda rows: np.zeros(6)).mean() == pytest.approx(2 / 3)
    # Rows 0, 2 and 5 are true; by -3.5 and more the first list turns, by less it does not.
    assert rescored_right(lists, lambda rows: -3.5 * (rows[:, 0] == 1)).all()
    assert not rescored_right(lists, lambda rows: -2.5 * (rows[:, 0] == 1)).all()
