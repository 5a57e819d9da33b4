"""The verdict of a recipe is put into words once, and shown in these words everywhere."""

import json
from types import SimpleNamespace

import pytest
from safetensors.numpy import save_file

from pipelines.evaluate import _write_manifest
from pipelines.params import Gate, Recipe, Training
from pipelines.verdict import verdict_sentence
from repertoire.measured import Baseline, Metric
from repertoire.metrics.gate import Comparison

BASELINES = {"unigram_perplexity": 53.0}
PERPLEXITY = Metric("perplexity", "Perplexity", "", "lower")
UNIGRAM = Baseline("unigram", "unigram")
SENTENCE = (
    "Better than the unigram: perplexity 19.00 against 53.00, ahead by 34.00 ± 2.500 "
    "(paired bootstrap)."
)


def verdict(word):
    known = {"baseline": "unigram_perplexity", "baseline_value": 53.0, "margin": 34.0, "error": 2.5}
    return {"metric": "perplexity", **known, "test": "paired bootstrap", "verdict": word}


@pytest.mark.parametrize(
    ("word", "begin"),
    [("better", "Better than"), ("within noise", "Within noise of"), ("worse", "Worse than")],
)
def test_a_sentence_begins_with_the_verdict_and_holds_what_it_rests_on(word, begin):
    said = verdict_sentence(verdict(word), 19.0, PERPLEXITY, UNIGRAM)
    assert said == SENTENCE.replace("Better than", begin)


def test_numbers_have_their_unit():
    metric = Metric("hits_percent", "Hits", "%", "higher")
    said = verdict_sentence(verdict("better"), 19.0, metric, UNIGRAM)
    assert "unigram: hits 19.00 against 53.00 %, ahead by" in said


def test_the_manifest_holds_the_sentence_beside_what_it_rests_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("artifacts/toy/evaluation", "artifacts/toy/trained", "baselines"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "artifacts/toy/evaluation/figures.json").write_text("[]")
    (tmp_path / "artifacts/toy/trained/history.json").write_text('{"digests": {}}')
    save_file({}, tmp_path / "artifacts/toy/trained/weights.safetensors")
    (tmp_path / "baselines/lines.json").write_text(json.dumps(BASELINES))
    first = Comparison("unigram_perplexity", 53.0, 34.0, 2.5, "paired bootstrap")
    results = {
        "test": {"perplexity": 19.0},
        "standard_errors": {"perplexity": 1.5},
        "verdicts": [{**vars(first), "verdict": first.verdict}],
    }
    gate = Gate("perplexity", "lower", "unigram_perplexity", 1, "passed")
    config = {"prompt": "das "}
    recipe = Recipe("A", "language_model", "lines", 7, Training(3, 1, 1.0, 2), gate, config)
    data = SimpleNamespace(encodings={}, facts={"kind": "running_text"}, arrays=lambda split: {})
    exported = {"graphs": [{"inputs": [{"shape": ["rows", 5]}]}], "metric_differences": {}}
    _write_manifest("toy", recipe, data, exported, results, ("generate",))
    manifest = json.loads((tmp_path / "artifacts/toy/manifest.json").read_text())
    assert manifest["verdict"] == {**verdict("better"), "sentence": SENTENCE}
    assert manifest["baselines"] == BASELINES
    assert manifest["tasks"] == ["generate"]
    assert manifest["examples"]["generate"]["prompt"] == "das "
