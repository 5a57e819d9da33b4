"""What is particular to classifiers of texts."""

from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch

from repertoire.contract import Plan
from repertoire.data.dataset import SPLITS
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import verify_graph
from repertoire.families.classifier.config import Config
from repertoire.families.classifier.evaluation import (
    TWINS,
    illustrate,
    predict,
    shuffled,
    twin_tokens,
)
from repertoire.families.classifier.network import MODULUS, MULTIPLIER, Runs
from repertoire.kinds.labelled_texts.encoding import Texts, encode_labels
from repertoire.runtime.text import Encoding
from repertoire.training.torch_run import TorchRun
from tests.families import small

MODELS = get_args(Config.__annotations__["model"])
ORDERED = [model for model in MODELS if not model.startswith("bag")]
every_model = pytest.mark.parametrize("model", MODELS)


def made(project, model, **changes):
    family, config, data, _ = small("sentiment_bilstm", project.folder)
    config = replace(config, model=model, **changes)
    torch.manual_seed(5)
    network = family.build(config, data.facts).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return network, TorchRun(family.graphs(network, data.facts)), config, data


def rows_of(data, rows=5):
    return data.arrays("test")["tokens"][:rows].astype(np.int64)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@every_model
def test_padding_changes_no_answer(project, model, pooling):
    _, run, *_ = made(project, model, pooling=pooling, window=5)
    tokens = np.array(
        [[3, 5, 4, 1, 0, 0, 0, 0], [6, 3, 5, 8, 4, 1, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]
    )
    for graph in ("classify", "embed"):
        [together] = run(graph, tokens=tokens).values()
        for row, wanted in zip(tokens, together, strict=True):
            [alone] = run(graph, tokens=row[row != 0][None]).values()
            np.testing.assert_allclose(alone[0], wanted, atol=1e-5)


@every_model
def test_probabilities_sum_to_one_even_of_padding_alone(project, model):
    _, run, _, data = made(project, model)
    tokens = np.concatenate((rows_of(data), np.zeros_like(rows_of(data))))
    probabilities = np.exp(run("classify", tokens=tokens)["log_probs"])
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


@every_model
def test_a_bag_does_not_see_order_and_the_others_do(project, model):
    _, run, *_ = made(project, model, spread=1.0, pooling="last")
    tokens = np.array([[3, 4, 5, 6, 7, 8, 1]])
    other = np.array([[8, 3, 6, 5, 4, 7, 1]])
    [one], [two] = (run("classify", tokens=ids)["log_probs"] for ids in (tokens, other))
    assert (np.abs(one - two).max() > 1e-3) == (model in ORDERED)


def test_runs_are_told_apart_and_none_reaches_into_padding():
    vocabulary, buckets = 11, 10007
    tokens = torch.tensor([[3, 5, 4, 1], [5, 4, 1, 0], [1, 0, 0, 0]])
    found = Runs(3, vocabulary, buckets)(tokens)

    def number(*run):
        code = run[0]
        for token in run[1:]:
            code = (code * MULTIPLIER + token) % MODULUS
        return run[0] if len(run) == 1 else vocabulary + code % buckets

    for row, numbers in zip(tokens.tolist(), found.tolist(), strict=True):
        text = [token for token in row if token]
        runs = [text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1)]
        assert sorted(n for n in numbers if n) == sorted(number(*run) for run in runs)
    assert len(set(found.ravel().tolist()) - {0}) == 9


@pytest.mark.parametrize("model", ["bag_linear", "bag_average"])
def test_a_bag_of_runs_sees_order_but_no_padding(project, model):
    _, run, *_ = made(project, model, spread=1.0, ngrams=2, buckets=10007)
    rows = [[3, 4, 5, 1, 0, 0], [4, 3, 5, 1, 0, 0]]
    together = run("classify", tokens=np.array(rows))["log_probs"]
    assert np.abs(together[0] - together[1]).max() > 1e-3
    alone = run("classify", tokens=np.array([rows[0][:4]]))["log_probs"]
    np.testing.assert_allclose(alone[0], together[0], atol=1e-5)


@pytest.mark.parametrize("model", ["bag_linear", "bag_average"])
def test_a_bag_of_runs_is_exported_with_parity(project, model):
    family, config, data, _ = small("sentiment_bilstm", project.folder)
    network = family.build(replace(config, model=model, ngrams=5, buckets=101), data.facts).eval()
    for graph in family.graphs(network, data.facts):
        parity = verify_graph(graph, export_graph(graph), 7, 13, 1e-4)
        assert {1} in [set(sizes.values()) for sizes in parity.shapes]


def test_a_random_order_keeps_each_bag_and_the_end_behind_it():
    rng = np.random.default_rng(1)
    tokens = np.array([[*rng.integers(2, 13, n), 1, *[0] * (7 - n)] for n in (0, 1, 5, 7) * 11])
    found = shuffled(tokens, 1)
    assert np.array_equal(np.sort(found, axis=1), np.sort(tokens, axis=1))
    assert np.array_equal(found < 2, tokens < 2) and not np.array_equal(found, tokens)


def test_a_linear_bag_adds_what_each_word_says(project):
    _, run, _, _ = made(project, "bag_linear")

    def odds(*ids):
        log_probs = run("classify", tokens=np.array([ids]))["log_probs"][0]
        return float(log_probs[1] - log_probs[0])

    bias = odds(0)
    words = [3, 5, 5, 7, 1]
    assert odds(*words) - bias == pytest.approx(sum(odds(w) - bias for w in words), abs=1e-5)


def test_a_window_is_a_linear_map_of_its_embeddings_side_by_side(project):
    network, run, config, _ = made(project, "fixed_window", window=3, pooling="max")
    tokens = np.array([[3, 5, 7, 4]])
    table = network.embedding.weight.detach().numpy()
    vectors = np.pad(table[tokens[0]], ((1, 1), (0, 0)))
    weight = network.core.hidden.weight.detach().numpy()  # (units, embedding, window)
    flat = weight.transpose(0, 2, 1).reshape(config.units, -1)
    windows = np.stack([vectors[i : i + 3].ravel() for i in range(4)])
    hidden = np.maximum(windows @ flat.T + network.core.hidden.bias.detach().numpy(), 0)
    found = run("embed", tokens=tokens)["features"][0]
    np.testing.assert_allclose(found, hidden.max(0), atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_a_text_read_backwards_swaps_the_directions(project, pooling):
    network, run, config, _ = made(project, "bilstm", pooling=pooling)
    network.core.back.load_state_dict(network.core.ahead.state_dict())
    forwards = run("embed", tokens=np.array([[3, 5, 7, 4, 0, 0]]))["features"][0]
    backwards = run("embed", tokens=np.array([[4, 7, 5, 3, 0, 0]]))["features"][0]
    swapped = np.roll(backwards, config.units)
    np.testing.assert_allclose(forwards, swapped, atol=1e-5)
    assert np.abs(forwards - backwards).max() > 1e-3


@pytest.mark.parametrize("model", ["rnn", "gru", "lstm"])
def test_a_recurrent_net_is_that_of_pytorch_up_to_the_last_token(project, model):
    network, run, _, _ = made(project, model, pooling="last")
    ids = torch.tensor([[3, 5, 7, 4]])
    with torch.no_grad():
        features, _ = network.core.ahead(network.embedding(ids))
    padded = np.array([[3, 5, 7, 4, 0, 0, 0]])
    found = run("embed", tokens=padded)["features"][0]
    np.testing.assert_allclose(found, features[0, -1].numpy(), atol=1e-5)


def learner_of(project, **changes):
    family, config, data, _ = small("sentiment_bilstm", project.folder)
    config = replace(config, **changes)
    network = family.build(config, data.facts)
    return family.learner(network, config, data, Plan(1, 2)), data


def test_dropped_words_become_unknown_but_ends_and_padding_stay(project):
    learner, data = learner_of(project, word_dropout=1.0)
    tokens = torch.tensor([[3, 5, 1, 0], [2, 9, 7, 1]])
    unknown = data.facts["unknown"]
    assert learner._dropped(tokens).tolist() == [[unknown, unknown, 1, 0], [unknown] * 3 + [1]]
    learner, _ = learner_of(project, word_dropout=0.0)
    assert torch.equal(learner._dropped(tokens), tokens)


def test_an_epoch_shows_each_text_once_with_its_label(project):
    learner, data = learner_of(project)
    arrays = data.arrays("train")

    def texts(tokens, labels):
        return sorted(
            (*row[row != 0].tolist(), -int(label))
            for row, label in zip(tokens, labels, strict=True)
        )

    seen = [
        text for batch in learner.batches(0) for text in texts(*(part.numpy() for part in batch))
    ]
    assert sorted(seen) == texts(arrays["tokens"], arrays["labels"])


def first_token(graph, tokens):
    """A stand-in net: sure of class 1 by the first token's id over 13."""
    share = tokens[:, 0] / 13
    return {"log_probs": np.log(np.stack((1 - share, share), axis=1))}


def test_predictions_come_back_in_the_order_of_the_rows(project):
    _, config, _, _ = small("sentiment_bilstm", project.folder)
    tokens = np.array([[3, 4, 5, 1], [7, 1, 0, 0], [5, 8, 1, 0], [2, 1, 0, 0], [9, 8, 7, 1]])
    log_probs = predict(first_token, replace(config, chunk=2), tokens)
    np.testing.assert_allclose(np.exp(log_probs[:, 1]), np.array([3, 7, 5, 2, 9]) / 13)


class Stated:
    """Four test texts of which two are mistaken, one of them more surely."""

    def __init__(self):
        self.facts = {
            "classes": ["no", "yes"],
            "vocabulary": 13,
            "end": 1,
            "unknown": 2,
            "level": "word",
        }

    def arrays(self, split):
        tokens = np.array([[12, 1], [3, 1], [11, 1], [8, 1]])
        return {
            "tokens": np.minimum(tokens, 11 + (split == "test")),
            "labels": np.array([1, 0, 0, 0]),
        }

    def texts(self, split):
        return {"text": ["sure", "right", "worst", "wrong"]}

    def encoding(self, name):
        return self

    def token(self, index):
        return f"w{index}"


def test_the_hardest_texts_come_first_and_words_are_ranked_by_class(project):
    _, config, _, _ = small("sentiment_bilstm", project.folder)
    config = replace(config, examples=3, seen=1)
    snapshots = {"deciles": np.array([[0.1, 0.4, 0.6], [0.2, 0.5, 0.9]])}
    figures = {f.name: f for f in illustrate(first_token, config, Stated(), snapshots)}
    assert [row[0] for row in figures["hardest"].cells] == ["worst", "wrong", "right"]
    assert [row[3] for row in figures["hardest"].cells] == ["✗", "✗", "✓"]
    assert figures["confusion"].values.tolist() == [[1 / 3, 2 / 3], [0, 1]]
    assert [row[0].split()[0] for row in figures["words"].cells] == ["w3", "w8", "w11"]
    assert [row[1].split()[0] for row in figures["words"].cells] == ["w11", "w8", "w3"]
    assert figures["while-training"].lines[0].y == [0.4, 0.5]
    # The stand-in reads the first token, and these texts have no second.
    assert figures["order"].cells == [
        ("as written", "50.00", "100.00"),
        ("at random", "50.00", "100.00"),
    ]


@pytest.mark.parametrize("level", ["word", "spaced", "character"])
def test_the_probe_holds_the_same_tokens_in_another_order(level):
    texts = Texts(level, level != "character", 1000, 400)
    # Words but for "food": it becomes the unknown token.
    known = "the was good , not bad at all . T" if level != "character" else TWINS[0]
    table = pd.DataFrame({"text": [known] * 3, "label": ["negative"] * 3})
    encoded = encode_labels(table.assign(split=SPLITS), texts, ("negative", "positive"))
    data = SimpleNamespace(
        facts=encoded.facts, encoding=lambda name: Encoding.parse(encoded.encodings[name])
    )
    one, other = twin_tokens(data).tolist()
    assert one != other and sorted(one) == sorted(other) and one[-1] == other[-1] == 1
    assert len(one) == (len(TWINS[0]) + 1 if level == "character" else 11)
    assert one.count(encoded.facts["unknown"]) == (0 if level == "character" else 1)


@every_model
def test_a_bag_answers_both_sentences_of_the_probe_alike(project, model):
    _, run, config, data = made(project, model, spread=1.0)
    snapshots = {"deciles": np.array([[0.1, 0.4, 0.6]])}
    [probe] = [f for f in illustrate(run, config, data, snapshots) if f.name == "probe"]
    one, other = probe.cells
    assert (one[0], other[0]) == TWINS
    assert (one[1:] == other[1:]) == (model not in ORDERED)
    assert one[1] in data.facts["classes"] and 0.5 <= float(one[2]) <= 1


def test_data_without_sentiments_have_no_probe():
    config = SimpleNamespace(examples=3, seen=1, chunk=2)
    snapshots = {"deciles": np.array([[0.1, 0.4, 0.6]])}
    figures = illustrate(first_token, config, Stated(), snapshots)
    assert "probe" not in [figure.name for figure in figures]
