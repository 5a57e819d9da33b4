"""Sentences with judgements of words, over files written here in the official formats."""

import numpy as np
import pytest

from repertoire.data.sources import Files, SourceError
from repertoire.kinds.running_text.encoding import Running
from repertoire.readers import judged_sentences
from repertoire.readers.sentences import Config as Sentences

PAIRS = "# Word 1\tWord 2\tHuman (mean)\n"
CONTENTS = {
    "train": " the <unk> bank lends n.v. money \n the king and the queen lend money \n",
    "valid": " the bank \n",
    "test": " the queen lends n.v. gold \n",
    "wordsim353": f"{PAIRS}King\tqueen\t8.58\nbank\tinternet\t1.50\nmoney\tbank\t8.12\n",
    "simlex999": f"{PAIRS}queen\tking\t6.00\nlend\tlends\t9.00\n",
    "analogies": ": made-up\nking queen lends lend\nAthens Greece king queen\n",
}


def written(folder, **changes):
    for name, content in {**CONTENTS, **changes}.items():
        (folder / name).write_text(content)
    return Files({name: folder / name for name in CONTENTS})


@pytest.fixture
def config():
    return judged_sentences.Config(Sentences(Running("spaced", False, 50, 0, 2), 99))


def test_tokens_set_apart_stay_whole_and_the_unknown_word_is_one(config, tmp_path):
    encoded = judged_sentences.encode(config, judged_sentences.tabulate(config, written(tmp_path)))
    words = encoded.facts["words"]
    assert "n.v." in words and "unk" not in words
    first = encoded.arrays["train"]["tokens"][:7]
    shown = ["the", "<unk>", "bank", "lends", "n.v.", "money", "<eos>"]
    assert [words[n] for n in first] == shown
    assert encoded.facts["tokens"] == {"train": 15, "valid": 3, "test": 6}


def test_pairs_with_an_unknown_word_are_counted_and_left_out(config, tmp_path):
    encoded = judged_sentences.encode(config, judged_sentences.tabulate(config, written(tmp_path)))
    judged = encoded.facts["judged"]
    assert {name: found["all"] for name, found in judged.items()} == {
        "wordsim353": 3,
        "simlex999": 2,
        "analogies": 2,
    }
    assert judged["wordsim353"]["valid"] + judged["wordsim353"]["test"] == 2
    assert judged["analogies"]["valid"] + judged["analogies"]["test"] == 1


def test_a_pair_in_both_sets_is_in_one_split_and_keeps_each_mean(config, tmp_path):
    table = judged_sentences.tabulate(config, written(tmp_path))
    both = table[table["key"] == "king queen"]
    assert sorted(both["set"]) == ["simlex999", "wordsim353"]
    assert both["split"].nunique() == 1
    np.testing.assert_array_equal(sorted(both["score"]), [6.0, 8.58])


def test_a_line_that_is_no_pair_is_named(config, tmp_path):
    files = written(tmp_path, wordsim353=f"{PAIRS}king queen 8.58\n")
    with pytest.raises(SourceError, match="is no judged pair"):
        judged_sentences.tabulate(config, files)
