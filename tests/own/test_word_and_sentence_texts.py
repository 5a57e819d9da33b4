"""Somebody's text for vectors of words and of sentences: from files to a server's answer."""

import json
import random
from types import SimpleNamespace

import pytest

from pipelines.declared import declared
from pipelines.report.limits import limits
from repertoire.config import ConfigError, parse
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.readers import sentence_texts, word_texts
from repertoire.runtime.task import Known
from repertoire.runtime.tasks import TASKS
from tests.own.texts import english, folder
from tests.own.through_stages import prepared, served, trained


def sentences(raw, **options):
    """The facts of the proposal by name, the config, and the table of the whole."""
    proposal = sentence_texts.propose(raw, options)
    config = parse(sentence_texts.Config, proposal.config, "config")
    table = sentence_texts.tabulate(config, Files({"raw": raw}))
    return {fact.of: fact.sentence for fact in proposal.facts}, config, table


def test_lines_are_cut_into_sentences_that_count_once(tmp_path):
    lines = [
        f"{a} {b}\u2028Who was it?" for a, b in zip(english(301), english(301, 7), strict=True)
    ]
    facts, config, table = sentences(folder(tmp_path, a_dot_txt=lines))
    assert (table["text"] == "Who was it?").sum() == 1 and table["key"].is_unique
    assert set(english(301)) & set(table["text"]) and table["tokens"].max() <= config.longest
    assert "question_auc_percent" in sentence_texts.encode(config, table).facts["left_out"]
    assert facts["sentences"].startswith("903, cut at")


def test_sentences_without_spaces_are_cut_into_characters(tmp_path):
    places, verbs = "家店山海河树门车书桌", "看去来找爱画问听想买"
    lines = [f"我{v}{p}边的{q}。你{v}{q}吗？" for v in verbs for p in places for q in places]
    random.Random(3).shuffle(lines)
    _, config, table = sentences(folder(tmp_path, a_dot_txt=lines))
    assert config.texts.text.level == "character"
    assert table["text"].str.fullmatch(r".+[。？]").all()


def test_too_few_sentences_and_wrong_lengths_are_told(tmp_path):
    raw = folder(tmp_path, a_dot_txt=english(89))
    with pytest.raises(SourceError, match=r"different sentences of 3 to \d+ tokens for train"):
        sentence_texts.propose(raw, {})
    with pytest.raises(ConfigError, match=r"config.shortest: 9; from 3 to longest \(5\)"):
        sentence_texts.propose(raw, {"shortest": "9", "longest": "5"})


def test_words_need_spaces_or_be_set_apart(tmp_path):
    raw = folder(tmp_path, a_dot_txt=[f"我们今天去公园散步，天气非常好{n}。" for n in range(211)])
    with pytest.raises(OptionNeeded, match=r"set its words apart by a space.*--level spaced"):
        word_texts.propose(raw, {})
    spaced = [f"我们 今天 去 公园 散步 ， 天气 非常 好 {n} 。" for n in range(211)]
    (raw / "a.txt").write_text("\n".join(spaced), encoding="utf-8")
    assert word_texts.propose(raw, {}).config["texts"]["text"]["level"] == "spaced"


def test_too_few_different_words_are_told(tmp_path):
    raw = folder(tmp_path, a_dot_txt=["one two three four five"] * 101)
    proposal = word_texts.propose(raw, {})
    config = parse(word_texts.Config, proposal.config, "config")
    with pytest.raises(SourceError, match="5 different words; vectors need at least 20"):
        word_texts.encode(config, proposal.sample)


def test_a_card_asks_for_words_of_the_text_and_says_that_nobody_judged():
    cells = [("river", "road"), ("house", "garden"), ("table", "forest"), ("road", "river")]
    neighbours = {"name": "neighbours", "cells": cells}
    agreement = {"name": "agreement", "cells": []}
    asked = TASKS["analogy"].example(Known(figures=[neighbours]))
    assert asked == {"a": "river", "b": "house", "c": "table"}
    assert TASKS["nearest"].example(Known(figures=[neighbours, agreement])) == {"word": "king"}
    recipe = SimpleNamespace(seed=1, training=SimpleNamespace(epochs=1))
    said = limits(
        {"kind": "word_vectors", "vocabulary": 31},
        {},
        recipe,
        declared("word_vectors", "word_vectors"),
    )[-1]
    assert said.startswith("It knows 31 words") and "Nobody judged" in said


@pytest.mark.slow
def test_a_text_becomes_vectors_of_its_words(tmp_path):
    made = prepared(tmp_path, "word_texts", folder(tmp_path, a_dot_txt=english(307)))
    assert not any("analogies" in name for name in made["baselines"])
    artifact = trained(tmp_path, "word_vectors", made, epochs=2, map_words=7)
    manifest = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["metrics"]) == {"test_skip_gram_nats"}
    assert "analogies_percent" in manifest["facts"]["left_out"]
    with served(artifact) as ask:
        found = ask("nearest", word="Ada", count=3)["results"][0]["nearest"]
        assert len(found) == 3 and -1 <= ask("similarity", a="ada", b="ben")["cosine"] <= 1


@pytest.mark.slow
def test_a_text_becomes_vectors_of_its_sentences(tmp_path):
    made = prepared(tmp_path, "sentence_texts", folder(tmp_path, a_dot_txt=english(307)))
    artifact = trained(tmp_path, "sentence_vectors", made, epochs=1)
    manifest = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    assert "test_question_auc_percent" not in manifest["metrics"]
    assert "question_auc_percent" in manifest["facts"]["left_out"]
    with served(artifact) as ask:
        found = ask("nearest_sentences", text="Ada sees Ben near the river.", count=2)
        assert len(found["results"][0]["nearest"]) == 2
        assert "written" in ask("rewrite", text="Ada sees Ben.")["results"][0]
