"""What is particular to language models."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from repertoire.contract import Plan
from repertoire.engines.torch_engine import TorchRun
from repertoire.families.language_model.config import initial_states
from repertoire.families.language_model.evaluation import generate, stream_log_probs
from repertoire.families.language_model.network import Sample
from tests.families import small

RECIPES = ["fixed_window", "gru", "lstm", "lstm_stacked", "rnn_relu_identity", "rnn_tanh"]


def runner(name, project):
    family, config, data, _ = small(name, project.folder)
    torch.manual_seed(0)
    network = family.build(config, data.facts)
    return TorchRun(family.graphs(network.eval(), data.facts)), config, data, network


@pytest.mark.parametrize("name", RECIPES)
def test_scoring_a_stream_does_not_depend_on_where_it_is_cut(name, project):
    run, config, data, _ = runner(name, project)
    tokens = data.arrays("test")["tokens"][:89]
    whole = stream_log_probs(run, replace(config, chunk=1000), tokens)
    cut = stream_log_probs(run, replace(config, chunk=7), tokens)
    assert whole.shape == (89,)
    np.testing.assert_allclose(whole, cut, atol=1e-5)


@pytest.mark.parametrize("name", RECIPES)
def test_the_next_distribution_is_what_scoring_says_of_each_token(name, project):
    run, config, data, _ = runner(name, project)
    tokens = data.arrays("test")["tokens"][:23].astype(np.int64)
    scored = stream_log_probs(run, config, tokens)
    prefix = np.concatenate(([0], tokens[:-1]))[None]
    following = run("next", tokens=prefix, **initial_states(config, 1))["log_probs"][0]
    assert following[tokens[-1]] == pytest.approx(scored[-1], abs=1e-5)
    assert np.exp(following).sum() == pytest.approx(1, abs=1e-4)


def test_the_fixed_window_sees_its_window_and_nothing_before(project):
    _run, config, data, network = runner("fixed_window", project)
    tokens = torch.from_numpy(data.arrays("test")["tokens"][:29].astype(np.int64))[None]
    context = torch.zeros((1, config.window - 1), dtype=torch.int64)
    features, _ = network.features(tokens, context)
    changed = tokens.clone()
    changed[0, 10] = (changed[0, 10] + 1) % data.facts["vocabulary"]
    other, _ = network.features(changed, context)
    moved = (features != other).any(2)[0].nonzero().flatten().tolist()
    assert moved[0] == 10 and moved[-1] <= 10 + config.window - 1


def test_the_fixed_window_keeps_the_order_of_its_words(project):
    _, config, _, network = runner("fixed_window", project)
    context = torch.zeros((1, config.window - 1), dtype=torch.int64)
    one, _ = network.features(torch.tensor([[3, 5]]), context)
    other, _ = network.features(torch.tensor([[5, 3]]), context)
    assert not torch.allclose(one[0, -1], other[0, -1])


def test_identity_initialisation_keeps_the_share_of_the_state_that_params_say(project):
    _, config, _, network = runner("rnn_relu_identity", project)
    weight = network.core.net.weight_hh_l0
    assert torch.equal(weight, config.identity * torch.eye(len(weight)))


def test_tied_weights_are_one_tensor(project):
    *_, network = runner("lstm_stacked", project)
    assert network.output.weight is network.embedding.weight
    assert network.core.net.num_layers == 2


def draw(log_probs, temperature=1.0, top_k=0, top_p=1.0, uniform=0.5):
    given = torch.tensor([log_probs]).log_softmax(1)
    return int(
        Sample()(
            given,
            torch.tensor([temperature]),
            torch.tensor([top_k]),
            torch.tensor([top_p]),
            torch.tensor([uniform]),
        )
    )


def test_sampling_follows_the_probabilities():
    probs = np.array([0.1, 0.6, 0.3])
    draws = [draw(np.log(probs).tolist(), uniform=(i + 0.5) / 1000) for i in range(1000)]
    np.testing.assert_allclose(np.bincount(draws) / 1000, probs, atol=0.002)


def test_temperature_zero_and_top_k_one_take_the_most_probable():
    logits = [0.0, 2.0, 1.0, -1.0]
    assert draw(logits, temperature=0.0, uniform=0.99) == 1
    assert draw(logits, top_k=1, uniform=0.99) == 1


def test_top_k_and_nucleus_cut_the_tail():
    logits = np.log([0.5, 0.3, 0.15, 0.05]).tolist()
    everywhere = [i / 101 for i in range(101)]
    assert {draw(logits, top_k=2, uniform=u) for u in everywhere} == {0, 1}
    # 0.5 alone is below 0.6, so the second is needed to reach the nucleus.
    assert {draw(logits, top_p=0.6, uniform=u) for u in everywhere} == {0, 1}
    assert {draw(logits, uniform=u) for u in everywhere} == {0, 1, 2, 3}


def test_the_same_seed_generates_the_same_text(project):
    run, config, *_ = runner("lstm", project)
    choice = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    texts = [generate(run, config, [3, 5], 31, choice, seed) for seed in (7, 7, 8)]
    assert texts[0] == texts[1] != texts[2] and len(texts[0]) == 31


@pytest.mark.parametrize("name", ["fixed_window", "gru", "lstm"])
def test_a_restarted_stream_has_the_state_of_a_new_request(name, project):
    family, config, data, _ = small(name, project.folder)
    for restart, expected in ((1.0, 0.0), (0.0, 1.0)):
        changed = replace(config, restart=restart)
        learner = family.learner(family.build(changed, data.facts), changed, data, Plan(1, 1))
        learner.states = tuple(torch.ones_like(state) for state in learner.states)
        for state in learner._restarted():
            assert torch.equal(state, torch.full_like(state, expected))
