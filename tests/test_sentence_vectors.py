"""What is particular to sentence vectors: the vector between, what it keeps, and its baselines."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from repertoire.families.sentence_vectors.evaluation import decode, embed
from repertoire.families.sentence_vectors.network import graphs as network_graphs
from repertoire.kinds.sentences.baselines import linear_autoencoder, lsa
from repertoire.kinds.sentences.metrics import (
    kept_metrics,
    lengths,
    probe,
    roc_auc,
    swapped,
    without,
    written_measurement,
    written_metrics,
)
from repertoire.metrics.uncertainty import standard_errors, values
from repertoire.readers import verses
from repertoire.training.torch_run import TorchRun
from tests.families import small


@pytest.fixture(scope="module")
def built(project):
    family, config, data, _ = small("sentence_vectors", project.folder)
    torch.manual_seed(0)
    network = family.build(config, data.facts).eval()
    return config, data, network, TorchRun(family.graphs(network, data.facts))


def sentences(rows, time, size, seed=0):
    """Random rows of 4 tokens or more, each ended by 1 and padded with 0."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(3, size, (rows, time))
    ends = rng.integers(4, time, rows)
    place = np.arange(time)
    return np.where(place < ends[:, None], tokens, (place == ends[:, None]).astype(int))


def test_padding_and_neighbours_in_the_batch_never_change_a_vector(built):
    config, data, _, run = built
    tokens = data.arrays("test")["tokens"]
    wide = np.pad(tokens, ((0, 0), (0, 5)))
    alone = np.concatenate([embed(run, config, row[None, row > 0]) for row in tokens])
    np.testing.assert_allclose(embed(run, config, wide), alone, atol=1e-6)


def test_greedy_decoding_takes_the_token_that_score_likes_best(built):
    config, data, network, run = built
    tokens = data.arrays("test")["tokens"][:17].astype(np.int64)
    vectors = embed(run, config, tokens)
    written = decode(run, config, vectors, 7)
    with torch.no_grad():
        told = network.shifted(torch.from_numpy(written))
        logits = network.decoder.output(network.features(told, torch.from_numpy(vectors)))
    best = logits[:, :, 1:].argmax(2).numpy() + 1
    real = written != 0
    assert (best[real] == written[real]).all() and real[:, 0].all()
    ended = (written == data.facts["end"]).cumsum(1) - (written == data.facts["end"]) > 0
    assert (written[ended] == 0).all()


def test_a_known_sentence_is_its_own_nearest(built):
    _, data, _, run = built
    rows = data.facts["known_ids"][:11]
    for number, row in enumerate(rows):
        found = run("nearest", tokens=np.array([row]))
        first, cosine = found["top_ids"][0, 0], found["cosines"][0, 0]
        assert data.facts["known_ids"][first] == row or number == first
        assert cosine == pytest.approx(1, abs=1e-5)


def test_a_place_counts_only_with_its_word_and_unknown_words_never():
    tokens = np.array([[5, 2, 7, 1, 0], [5, 6, 1, 0, 0]])
    written = np.array([[5, 2, 7, 1], [6, 5, 1, 9]])
    found = written_metrics(written, tokens, unknown=2)
    assert found["token_accuracy_percent"] == pytest.approx(100 * 4 / 7)
    assert found["exact_match_percent"] == 0
    assert written_metrics(tokens[1:], tokens[1:], 2)["exact_match_percent"] == 100


def test_a_swap_keeps_the_words_and_the_end_and_moves_two_neighbours():
    tokens = sentences(101, 11, 29)
    mixed = swapped(tokens, 3)
    assert (np.sort(mixed, 1) == np.sort(tokens, 1)).all()
    differ = mixed != tokens
    assert set(differ.sum(1)) == {2}
    first = differ.argmax(1)
    rows = np.arange(101)
    assert (mixed[rows, first] == tokens[rows, first + 1]).all()
    assert (lengths(mixed) == lengths(tokens)).all() and ((mixed == 1) == (tokens == 1)).all()


def test_a_row_without_neighbours_that_differ_stays():
    row = np.array([[7, 7, 7, 1, 0]])
    assert (swapped(row, 0) == row).all()


def test_a_sentence_without_a_word_has_the_others_in_order():
    tokens = np.array([[5, 6, 7, 1, 0], [8, 9, 1, 0, 0]])
    assert without(tokens, np.array([1, 0])).tolist() == [[5, 7, 1, 0, 0], [9, 1, 0, 0, 0]]


def test_the_area_under_the_curve_is_that_of_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 7, 103), rng.integers(0, 2, 103)
    assert roc_auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert roc_auc(scores, np.ones(103)) == 0.5


def test_a_probe_finds_a_direction_that_tells_the_label():
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(211, 5)), rng.integers(0, 2, 211)
    features[:, 3] += 9 * labels
    scores = probe(features[:150], labels[:150].astype(float), features[150:])
    assert ((scores > 0.5) == labels[150:]).mean() > 0.98


def test_vectors_that_know_no_order_tell_it_at_even_odds():
    train, held = sentences(307, 9, 31), sentences(101, 9, 31, seed=1)
    found = kept_metrics(lsa(train, 31, 7), train, held, question=30)
    assert found["order_accuracy_percent"] == 50
    assert found["recall_percent"] > 50


def test_vectors_of_words_in_their_places_tell_order():
    train, held = (sentences(n, 7, 11, seed=n) for n in (1009, 211))
    # Sentences rise: a swap makes a fall, which products of neighbours show.
    train, held = (np.where(t > 2, np.sort(np.where(t > 2, t, 99), 1), t) for t in (train, held))

    def falls(tokens):
        real = tokens[:, 1:] > 2
        return ((tokens[:, 1:] < tokens[:, :-1]) & real).sum(1, keepdims=True).astype(float)

    assert kept_metrics(falls, train, held, question=10)["order_accuracy_percent"] > 90


def test_a_linear_autoencoder_as_wide_as_its_data_writes_every_sentence():
    tokens = sentences(13, 7, 11)
    for power in (0.0, 0.5):
        written = linear_autoencoder(tokens, 11, 12, power)(tokens)
        assert (written == tokens).mean() > 0.97


def test_weights_let_a_narrow_linear_code_keep_rare_words():
    # One place: word 3 in 90 of 97 sentences, word 4 in 7; beside it a place of even words.
    first = np.repeat([3, 4], [90, 7])
    tokens = np.column_stack((first, 5 + np.arange(97) % 2, np.ones(97, int)))
    plain, weighed = (linear_autoencoder(tokens, 7, 2, power)(tokens) for power in (0.0, 1.0))
    assert (plain[:, 1] == tokens[:, 1]).all() and (plain[:, 0] == 3).all()
    assert (weighed[:, 0] == tokens[:, 0]).all()


def test_sentences_are_drawn_for_the_standard_errors_of_what_is_written():
    tokens = sentences(211, 7, 13)
    written = np.where(np.arange(211)[:, None] % 3 == 0, 0, tokens)
    found = written_measurement(written, tokens, unknown=2)
    errors = standard_errors((found,))
    whole = np.arange(211) % 3 > 0
    assert values((found,))["exact_match_percent"] == pytest.approx(100 * whole.mean())
    expected = 100 * whole.std(ddof=1) / 211**0.5
    assert errors["exact_match_percent"] == pytest.approx(expected, rel=0.2)


def test_no_part_of_a_vector_leaves_what_the_decoder_accepts(built, monkeypatch):
    _, data, network, _ = built
    graphs = {graph.name: graph for graph in network_graphs(network, data.facts)}
    port = graphs["decode"].inputs[0]
    far = torch.tensor([[-1.0000004] * network.width, [1.0000004] * network.width])
    monkeypatch.setattr(network, "vectors", lambda tokens: far)
    made = graphs["embed"].module(torch.tensor([[3, 1], [4, 1]]))
    assert port.name == "vectors" and made.min() == port.low and made.max() == port.high


def test_lines_are_kept_if_all_their_words_are_frequent(project):
    config = verses.Config(
        **{
            **vars(_config(project)),
            "shortest": 4,
            "longest": 8,
            "known": 17,
        }
    )
    table = verses.tabulate(config, project.files("shakespeare_verses"))
    assert table["tokens"].between(4, 8).all() and table["key"].is_unique
    encoded = verses.encode(config, table)
    assert encoded.facts["unknown_share_test"] == 0
    assert len(encoded.facts["known"]) == len(encoded.facts["known_ids"]) == 17
    tokenizer_ids = encoded.arrays["train"]["tokens"][0]
    assert encoded.facts["known_ids"][0] == [int(n) for n in tokenizer_ids if n]


def _config(project):
    from repertoire.config import parse

    return parse(verses.Config, project.full_datasets["shakespeare_verses"]["config"], "verses")
