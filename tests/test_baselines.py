"""Simple models, against closed forms, a reference library, and the axioms of probability."""

import numpy as np
import pytest
import torch

from repertoire.config import parse
from repertoire.kinds import load_baselines
from repertoire.kinds.running_text.baselines import (
    Cache,
    Config,
    KneserNey,
    cached_counts,
    chosen_cache,
    discounts_of,
)
from repertoire.kinds.running_text.blocks import stream_measurement
from repertoire.metrics.principal import Principal
from repertoire.metrics.uncertainty import values
from repertoire.training.torch_run import TorchRun
from tests.families import small


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_kneser_ney_probabilities_sum_to_one_after_any_context(order):
    rng = np.random.default_rng(0)
    tokens = rng.choice(7, 211, p=np.array([7, 6, 5, 4, 3, 2, 1]) / 28)
    model = KneserNey(tokens, order, 11)
    for context in rng.integers(0, 11, (13, order - 1)):
        windows = np.column_stack((np.tile(context, (11, 1)), np.arange(11)))
        assert model.probabilities(windows.astype(np.int64)).sum() == pytest.approx(1, abs=1e-12)


def test_discounts_follow_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4], [50, 20, 10, 5])
    y = 50 / 90
    expected = (1 - 2 * y * 20 / 50, 2 - 3 * y * 10 / 20, 3 - 4 * y * 5 / 10)
    assert discounts_of(counts) == pytest.approx(expected)


def test_text_that_repeats_itself_leaves_no_token_without_probability():
    tokens = np.tile(np.random.default_rng(0).integers(1, 13, 101), 4)
    model = KneserNey(tokens, 3, 17)
    assert np.isfinite(model.log_probs(np.arange(17).repeat(3))).all()
    rows = np.column_stack((np.full((17, 2), tokens[:2]), np.arange(17)))
    assert model.probabilities(rows).sum() == pytest.approx(1, abs=1e-12)


def test_a_bigram_is_the_interpolation_written_out_by_hand():
    # Stream 0 | 1 2 1 2 1 3 with two leading zeros of padding context.
    tokens = np.array([1, 2, 1, 2, 1, 3])
    model = KneserNey(tokens, 2, 5)
    bigrams = {(0, 0): 1, (0, 1): 1, (1, 2): 2, (2, 1): 2, (1, 3): 1}
    one, two, _ = discounts_of(np.array(list(bigrams.values())))
    before = {0: 1, 1: 2, 2: 1, 3: 1}  # different tokens seen before each token
    low = discounts_of(np.array(list(before.values())))
    total = sum(before.values())
    taken = {w: low[min(c, 3) - 1] for w, c in before.items()}
    unigram = (before[2] - taken[2]) / total + sum(taken.values()) / total / 5
    expected = (2 - two) / 3 + (two + one) / 3 * unigram
    assert model.probabilities(np.array([[1, 2]]))[0] == pytest.approx(expected)


def test_perplexity_of_a_fair_die_is_its_sides():
    found = values([stream_measurement(np.log(np.full(17, 1 / 6)))])
    assert found == pytest.approx({"perplexity": 6, "nats_per_token": np.log(6)})


def test_principal_component_error_is_that_of_scikit_learn():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(3)
    train, test = rng.random((97, 13)), rng.random((31, 13))
    model = PCA(5).fit(train)
    expected = ((model.inverse_transform(model.transform(test)) - test) ** 2).mean()
    assert Principal(train).errors(test, 5).mean() == pytest.approx(expected)


def test_a_cache_counts_what_a_loop_counts():
    tokens, size = np.random.default_rng(0).integers(1, 5, 211), 37
    padded = [0, 0, *tokens.tolist()]
    trigrams = [tuple(padded[i : i + 3]) for i in range(211)]
    grams, contexts = cached_counts(tokens, 3, size)
    for place, gram in enumerate(trigrams):
        before = trigrams[max(0, place - size) : place]
        assert grams[place] == before.count(gram)
        assert contexts[place] == [each[:2] for each in before].count(gram[:2])


def test_probabilities_with_a_cache_sum_to_one_after_any_past():
    past = np.random.default_rng(1).integers(0, 7, 53)
    cache = Cache(31, ((1, 11), (2, 3)))
    model = np.full(54, -np.log(7))
    last = [cache.log_probs(np.append(past, token), model)[-1] for token in range(7)]
    assert np.exp(last).sum() == pytest.approx(1, abs=1e-12)


def test_a_cache_is_chosen_where_a_stream_comes_back_to_its_words_and_not_where_it_never_does():
    rng = np.random.default_rng(2)
    config = Config((1,), (1,), (17, 101), (3, 30))
    topics = np.concatenate([rng.integers(3 * n, 3 * n + 3, 101) for n in range(23)])
    flat = np.full(len(topics), -np.log(69))
    cache = chosen_cache(config, topics, flat)
    assert cache.priors and cache.log_probs(topics, flat).mean() > flat.mean() + 1
    once = np.arange(97)
    assert chosen_cache(config, once, np.full(97, -np.log(97))).priors == ()


@pytest.mark.parametrize(
    "name",
    [
        *("lstm", "lstm_characters", "dates", "sentence_vectors", "skip_gram", "cbow"),
        *("gru_sunspots", "etth1_gru", "chorales_lstm", "strokes_written"),
    ],
)
def test_baselines_are_drawn_on_the_units_of_nets(name, project):
    family, config, data, recipe = small(name, project.folder)
    module = load_baselines(data.facts["kind"])
    block = project.full_datasets[recipe.dataset]["baseline"]
    found = module.baselines(parse(module.Config, block, "baseline"), data)
    torch.manual_seed(0)
    run = TorchRun(family.graphs(family.build(config, data.facts).eval(), data.facts))
    nets = units(family.evaluate(run, config, data, "test"))
    rivals = [units(measurements) for measurements in found.measurements.values()]
    assert any(recipe.gate.metric in rival for rival in rivals)
    for rival in rivals:
        assert all(nets[metric] == rival[metric] for metric in nets.keys() & rival.keys())
    assert recipe.gate.baseline in {*found.draws(), "strongest"}


def units(measurements):
    return {metric: (each.units, each.block) for each in measurements for metric in values([each])}
