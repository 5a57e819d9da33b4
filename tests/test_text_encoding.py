"""Encodings of texts: special tokens that no text can spell, and what surrounds a text's ids."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from repertoire.data.dataset import Dataset
from repertoire.data.text import END, PAD, UNKNOWN, text_encoding
from repertoire.runtime.text import Encoding
from tests.families import RECIPES
from tests.project import SMALL_RECIPES

SPECIALS = (PAD, END, UNKNOWN)
LEVELS = ("word", "character", "spaced", "subword")
LEARNED = [
    "The dog runs, it's well-known.",
    "Der Hund läuft <unk> schnell.",
    "민법 일부개정법률안",
    "그는 < eos > 달린다. <pa",
] * 3
ORDINARY = [
    *LEARNED,
    "",
    " the  DOG ran\tfar ",
    "법률안 漢字 ①",
    "İstanbul ÄÖÜ e\u0301",
    "a<b>c < eos > x<eos>y eos> <pad",
    "<unk> 개 <unk>",
    "don't 'tis 7,000.5",
    "법" * 101,
]


def made(level, lowercase=False, framing="whole"):
    return text_encoding(LEARNED, level, 97, SPECIALS, lowercase, framing)


def unmarked(content):
    """The tokenizer as it was before special tokens were marked: vocabulary and rules alone."""
    tokenizer = {**content["tokenizer"], "added_tokens": []}
    steps = tokenizer["normalizer"]["normalizers"]
    kept = [step for step in steps if step["type"] in ("NFC", "Lowercase")]
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": kept}
    return Tokenizer.from_str(json.dumps(tokenizer))


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_marking_special_tokens_changes_no_id_of_an_ordinary_text(level, lowercase):
    content = made(level, lowercase)
    before, ours = unmarked(content), Encoding.parse(content)
    for text in ORDINARY:
        expected = before.encode(text)
        assert ours.ids(text) == expected.ids
        assert ours.tokenizer.encode(text).tokens == expected.tokens
    batch = ours.tokenizer.encode_batch(ORDINARY)
    assert [each.ids for each in batch] == [before.encode(text).ids for text in ORDINARY]
    assert ours.tokenizer.get_vocab() == before.get_vocab()
    assert ours.tokenizer.get_vocab_size() == len(content["tokenizer"]["model"]["vocab"])


@pytest.mark.parametrize(
    ("level", "learned", "vocabulary", "text", "ids"),
    [
        ("word", "< < < It's It's 민법", ["<", "It's", "민법"], "It's <민법 unk", [4, 3, 5, 2]),
        (
            "spaced",
            "It's It's <unk> <eos> 법",
            ["It's", "법"],
            "<unk> 법 It's, <pad>",
            [2, 4, 2, 2],
        ),
        ("character", "법법법 aa", ["법", "a", " "], "a법b a", [4, 3, 2, 5, 4]),
        ("subword", "법법", ["▁", "법", "▁법", "▁법법"], "법법 법b", [6, 5, 2]),
    ],
)
def test_ids_are_those_worked_out_by_hand(level, learned, vocabulary, text, ids):
    content = text_encoding([learned], level, 97, SPECIALS, False, "whole")
    known = {token: 3 + n for n, token in enumerate(vocabulary)}
    assert content["tokenizer"]["model"]["vocab"] == {PAD: 0, END: 1, UNKNOWN: 2, **known}
    assert Encoding.parse(content).ids(text) == ids


@pytest.mark.parametrize("level", LEVELS)
def test_a_text_that_spells_a_special_token_is_ordinary_text(level):
    content = made(level, lowercase=True)
    tokenizer = Encoding.parse(content).tokenizer
    for text in ("<eos>", "<EOS>", "달린다 <eos> <pad>", "<pad>", " <eos>\n<eos>", "<eos>안"):
        for encoded in (tokenizer.encode(text), *tokenizer.encode_batch([text])):
            assert encoded.ids and not {0, 1} & set(encoded.ids)
    # Published corpora spell unknown words so, between spaces.
    assert (2 in tokenizer.encode("<unk>").ids) == (level == "spaced")


@pytest.mark.parametrize("level", LEVELS)
def test_any_client_can_leave_special_tokens_out_of_a_text(level):
    content = made(level)
    marked = {(each["id"], each["content"], each["special"]) for each in added(content)}
    assert marked == {(0, PAD, True), (1, END, True), (2, UNKNOWN, True)}
    tokenizer = Tokenizer.from_str(json.dumps(content["tokenizer"]))
    text = "민법 일부개정법률안"
    ids = [1, *Encoding.parse(content).ids(text), 2, 1, 0, 0]
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == text


def added(content):
    return content["tokenizer"]["added_tokens"]


def test_a_language_model_marks_the_two_special_tokens_that_it_has():
    content = text_encoding(LEARNED, "word", 97, (END, UNKNOWN), True, "running")
    assert [(each["id"], each["content"]) for each in added(content)] == [(0, END), (1, UNKNOWN)]
    assert content["pad"] is None


@pytest.mark.parametrize("level", LEVELS)
def test_an_unknown_token_stays_in_the_texts_that_metrics_see(level):
    content = made(level)
    ids = [*Encoding.parse(content).ids("민법"), 2, 1, 3]
    written = Encoding.parse(content).decode(ids)
    assert written.startswith("민법") and written.endswith(UNKNOWN)
    assert Encoding.parse(content).text(ids[:-2]) == written
    assert unmarked(content).decode(ids[:-2]) == written


@pytest.mark.parametrize(
    ("framing", "append_end", "start"),
    [("running", True, 1), ("whole", True, None), ("bare", False, None)],
)
def test_an_encoding_says_what_surrounds_the_ids_of_a_text(framing, append_end, start):
    content = made("word", framing=framing)
    assert (content["append_end"], content["start"]) == (append_end, start)
    served = Encoding.parse(content)
    assert served.opening == ([] if start is None else [1])
    assert served.closing == ([1] if append_end else [])


FRAMED = {  # family -> encoding -> (append_end, starts with the end token)
    "language_model": {"text": (True, True)},
    "seq2seq": {"source": (True, False), "target": (True, False)},
    "classifier": {"text": (True, False)},
    "captioning": {"caption": (True, False)},
    "sentence_vectors": {"text": (True, False)},
    "handwriting": {"text": (False, False)},
    "word_vectors": {"text": (False, False)},
}


def test_every_data_set_says_how_the_graphs_of_its_family_take_a_text(project):
    seen = set()
    for name in SMALL_RECIPES:
        recipe = RECIPES[name]
        data = Dataset(project.folder / "data" / recipe["dataset"])
        texts = {n: each for n, each in data.encodings.items() if each["kind"] == "tokenizer"}
        found = {n: (e["append_end"], e["start"] == e["end"]) for n, e in texts.items()}
        assert found == FRAMED.get(recipe["family"], {}), name
        seen |= {recipe["family"]} if texts else set()
    assert seen == set(FRAMED)


@pytest.mark.parametrize(
    ("dataset", "encoding", "array"),
    [
        ("dates", "source", "source"),
        ("dates", "target", "target"),
        ("sentiment_snippets", "text", "tokens"),
        ("digit_scenes", "caption", "captions"),
        ("shakespeare_verses", "text", "tokens"),
        ("stroke_fonts", "text", "text"),
    ],
)
def test_prepared_rows_end_as_their_encoding_says(project, dataset, encoding, array):
    data = Dataset(project.folder / "data" / dataset)
    rows, content = data.arrays("test")[array], data.encodings[encoding]
    last = [row[row != content["pad"]][-1] for row in rows]
    assert len(last) > 1
    assert (np.array(last) == content["end"]).all() == content["append_end"]
    assert (rows == content["end"]).any() == content["append_end"]
