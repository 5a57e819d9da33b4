"""What is particular to language models."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from repertoire.config import ConfigError
from repertoire.contract import Plan
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import verify_graph
from repertoire.families.language_model.config import Regularisation, initial_states
from repertoire.families.language_model.evaluation import (
    generate,
    line_log_probs,
    stream_log_probs,
    window_log_probs,
)
from repertoire.families.language_model.network import Sample
from repertoire.runtime.inference.language import Choice
from repertoire.runtime.onnx_run import run_session
from repertoire.runtime.session import open_session
from repertoire.training.streams import restarted
from repertoire.training.torch_run import TorchRun
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


def test_windows_from_a_fresh_state_agree_with_the_stream_where_it_starts(project):
    run, config, data, _ = runner("lstm", project)
    tokens = data.arrays("test")["tokens"][:61]
    whole = stream_log_probs(run, config, np.concatenate(([0], tokens)))[1:]
    [fresh] = window_log_probs(run, config, np.concatenate(([0], tokens)))
    assert fresh.shape == (61,)
    other = stream_log_probs(run, config, tokens)
    np.testing.assert_allclose(fresh, other, atol=1e-5)
    assert not np.allclose(fresh, whole)


@pytest.mark.parametrize("chunk", [7, 40, 1000])
def test_lines_start_from_fresh_states_however_many_go_in_one_run(project, chunk):
    run, config, data, _ = runner("gru", project)
    config = replace(config, chunk=chunk)
    tokens = data.arrays("test")["tokens"][:60].astype(np.int64)
    lines = np.full((5, 19), -1)
    for row, length in enumerate((11, 3, 19, 1, 7)):
        lines[row, :length] = tokens[row * 10 : row * 10 + length]
    alone = [stream_log_probs(run, config, line[line >= 0]).sum() for line in lines]
    np.testing.assert_allclose(line_log_probs(run, config, lines), alone, atol=1e-4)


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
    assert network.output.embedding is network.embedding.weight
    assert network.core.net.num_layers == 2
    *_, full = runner("lstm_korean", project)
    assert full.output.weight is full.embedding.weight


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


def test_the_likeliest_token_is_kept_even_by_a_nucleus_of_nothing(project):
    family, _, data, network = (*small("lstm", project.folder)[:3], runner("lstm", project)[3])
    graph = {g.name: g for g in family.graphs(network, data.facts)}["sample"]
    opened = open_session(export_graph(graph), 1)
    rows, vocabulary = 7, data.facts["vocabulary"]
    logits = np.random.default_rng(5).standard_normal((rows, vocabulary)).astype(np.float32)
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    for top_k, uniform in itertools.product((0, 1, 5), (0.0, 0.5, 0.999999)):
        inputs = {
            "log_probs": log_probs,
            "temperature": np.ones(rows, np.float32),
            "top_k": np.full(rows, top_k, np.int64),
            "top_p": np.zeros(rows, np.float32),
            "uniform": np.full(rows, uniform, np.float32),
        }
        assert np.array_equal(run_session(opened, inputs)["token"], log_probs.argmax(1))


def test_the_same_seed_generates_the_same_text(project):
    run, config, data, _ = runner("lstm", project)
    config = replace(config, sample_tokens=31)
    texts = [generate(run, config, data, Choice(), seed) for seed in (7, 7, 8)]
    assert texts[0] == texts[1] != texts[2] and len(texts[0]) == 31


@pytest.mark.parametrize("name", ["fixed_window", "gru", "lstm"])
def test_a_restarted_stream_has_the_state_of_a_new_request(name, project):
    family, config, data, _ = small(name, project.folder)
    for restart, expected in ((1.0, 0.0), (0.0, 1.0)):
        changed = replace(config, restart=restart)
        learner = family.learner(family.build(changed, data.facts), changed, data, Plan(1, 1))
        learner.states = tuple(torch.ones_like(state) for state in learner.states)
        for state in restarted(learner.states, restart):
            assert torch.equal(state, torch.full_like(state, expected))


OFF = Regularisation(*8 * (0.0,))


def trained(project, name="lstm", steps=5, **changes):
    family, config, data, _ = small(name, project.folder)
    config = replace(config, **changes)
    torch.manual_seed(0)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(1, 17))
    every = itertools.chain.from_iterable(map(learner.batches, itertools.count()))
    losses = [learner.step(batch) for batch in itertools.islice(every, steps)]
    return family, config, data, learner, losses


@pytest.mark.parametrize("name", ["gru", "lstm", "lstm_stacked", "rnn_relu_identity", "rnn_tanh"])
def test_regularisation_at_zero_trains_as_none_does(name, project):
    *_, plain, losses = trained(project, name, dropout=0.0)
    *_, off, same = trained(project, name, dropout=0.0, regularisation=OFF)
    assert [s["loss_nats"] for s in same] == pytest.approx([s["loss_nats"] for s in losses])
    for one, other in zip(plain.network.parameters(), off.network.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_penalty_counts_size_and_change(project):
    penalised = replace(OFF, activation=3.0, temporal=5.0)
    *_, learner, _ = trained(project, steps=1, regularisation=penalised)
    still, steps = torch.full((2, 7, 11), 0.5), torch.arange(7.0).view(1, 7, 1).expand(2, 7, 11)
    assert float(learner._penalty(still, still)) == pytest.approx(3 * 0.25)
    assert float(learner._penalty(steps, still)) == pytest.approx(3 * 0.25 + 5)


def test_a_dropped_word_is_zero_wherever_it_occurs(project):
    *_, data, learner, _ = trained(project, steps=1, regularisation=replace(OFF, words=0.5))
    network, words = learner.network.train(), torch.arange(data.facts["vocabulary"])
    gone = (network._embed(words.repeat(3, 2)) == 0).all(2)
    assert torch.equal(gone[0, : len(words)], gone[1, len(words) :])
    assert 1 < int(gone[0, : len(words)].sum()) < len(words) - 1
    assert not (network.eval()._embed(words[None]) == 0).any()


def test_the_averaged_weights_are_those_that_ship(project):
    *_, learner, _ = trained(project, regularisation=replace(OFF, average=0.9))
    *_, plain, _ = trained(project)
    assert learner.trained is not learner.network
    pairs = zip(learner.trained.parameters(), plain.network.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)
    pairs = zip(learner.network.parameters(), learner.trained.parameters(), strict=True)
    assert not all(torch.allclose(one, other) for one, other in pairs)


@pytest.mark.parametrize("tied", [False, True])
def test_an_adaptive_softmax_trains_and_exports_exact_probabilities(project, tied):
    family, config, data, learner, losses = trained(project, steps=61, cutoffs=(5, 11), tied=tied)
    assert losses[-1]["loss_nats"] < losses[0]["loss_nats"]
    graphs = family.graphs(learner.network.eval(), data.facts)
    for graph in graphs:
        verify_graph(graph, export_graph(graph), 7, 13, 1e-4)
    run, tokens = TorchRun(graphs), data.arrays("test")["tokens"][:23].astype(np.int64)
    scored = stream_log_probs(run, config, tokens)
    prefix = np.concatenate(([0], tokens[:-1]))[None]
    following = run("next", tokens=prefix, **initial_states(config, 1))["log_probs"][0]
    assert following[tokens[-1]] == pytest.approx(scored[-1], abs=1e-5)
    assert np.exp(following).sum() == pytest.approx(1, abs=1e-4)


def test_cutoffs_beyond_the_vocabulary_are_refused_by_name(project):
    family, config, data, _ = small("lstm_stacked", project.folder)
    with pytest.raises(ConfigError, match="must rise"):
        family.build(replace(config, cutoffs=(5, 4000)), data.facts)
