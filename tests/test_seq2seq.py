"""What is particular to sequence to sequence: each switch, and the search."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from repertoire.config import RepertoireError
from repertoire.families.seq2seq.attention import Additive, Dot, General
from repertoire.families.seq2seq.encoder import Encoded, reversal
from repertoire.families.seq2seq.evaluation import evaluate
from repertoire.kinds.pairs.baselines import date_rule, digit_table
from repertoire.metrics.uncertainty import values
from repertoire.training.torch_run import TorchRun
from tests.families import small

VARIANTS = {
    f"{way} {'reversed ' if back else ''}{'peeky ' if peeky else ''}{attention}": {
        "bidirectional": way == "two-way",
        "reverse_source": back,
        "peeky": peeky,
        "attention": attention,
    }
    for way, back, peeky, attention in product(
        ("one-way", "two-way"),
        (False, True),
        (False, True),
        ("none", "dot", "general", "additive"),
    )
    if not (way == "two-way" and attention == "dot")
}
every_variant = pytest.mark.parametrize("switches", VARIANTS.values(), ids=VARIANTS)


def built(project, facts=None, **switches):
    """Network, run and data of a small net; equal weights where switches allow it."""
    family, config, data, _ = small("dates", project.folder)
    torch.manual_seed(0)
    network = family.build(replace(config, **switches), facts or data.facts).eval()
    return network, TorchRun(family.graphs(network, facts or data.facts)), data


def search(run, source, max_length, beam=1, length_penalty=0.0):
    penalty = np.array(length_penalty, np.float32)
    limits = {"max_length": np.array(max_length), "beam": np.array(beam)}
    return run("translate", source=source, length_penalty=penalty, **limits)


def sides(data, rows):
    arrays = data.arrays("test")
    return (arrays[side][:rows].astype(np.int64) for side in ("source", "target"))


def test_reversal_leaves_padding_at_the_end():
    ids = torch.tensor([[3, 5, 7, 1, 0, 0], [2, 1, 0, 0, 0, 0], [9, 8, 7, 6, 5, 1]])
    expected = [[1, 7, 5, 3, 0, 0], [1, 2, 0, 0, 0, 0], [1, 5, 6, 7, 8, 9]]
    assert ids.gather(1, reversal(ids)).tolist() == expected


@every_variant
def test_padding_changes_no_result(switches, project):
    _, run, data = built(project, **switches)
    source, target = sides(data, 5)
    wider = np.pad(source, ((0, 0), (0, 7)))
    for beam in (1, 3):
        one, other = (search(run, ids, 11, beam) for ids in (source, wider))
        assert (one["tokens"] == other["tokens"]).all()
        np.testing.assert_allclose(one["log_prob"], other["log_prob"], atol=1e-5)
    one, other = (run("score", source=ids, target=target)["log_probs"] for ids in (source, wider))
    np.testing.assert_allclose(one, other, atol=1e-5)


@every_variant
def test_a_translation_scores_what_its_decoder_said(switches, project):
    _, run, data = built(project, **switches)
    source, _ = sides(data, 3)
    for beam, penalty in ((1, 0.0), (5, 0.0), (5, 1.0)):
        decoded = search(run, source, 7, beam, penalty)
        scored = run("score", source=source, target=decoded["tokens"])["log_probs"]
        total = (scored * (decoded["tokens"] != 0)).sum(1)
        np.testing.assert_allclose(total, decoded["log_prob"], atol=1e-4)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_reading_backwards_is_reading_a_reversed_source(bidirectional, project):
    switches = {"bidirectional": bidirectional, "attention": "general"}
    _, ahead, data = built(project, reverse_source=False, **switches)
    _, back, _ = built(project, reverse_source=True, **switches)
    source, target = sides(data, 7)
    order = reversal(torch.from_numpy(source)).numpy()
    turned = np.take_along_axis(source, order, 1)
    plain = ahead("score", source=turned, target=target)
    found = back("score", source=source, target=target)
    np.testing.assert_allclose(found["log_probs"], plain["log_probs"], atol=1e-5)
    # What is shown to a client is in the order in which the client sent it.
    expected = np.take_along_axis(plain["attention"], order[:, None, :], 2)
    np.testing.assert_allclose(found["attention"], expected, atol=1e-5)
    other = ahead("score", source=source, target=target)["log_probs"]
    assert np.abs(found["log_probs"] - other).max() > 1e-3


@pytest.mark.parametrize("bidirectional", [False, True])
def test_only_a_second_direction_sees_what_comes_later(bidirectional, project):
    network, _, _ = built(project, bidirectional=bidirectional, attention="general")
    source = torch.tensor([[3, 4, 5, 6, 7, 1]])
    changed = torch.tensor([[3, 4, 5, 6, 9, 1]])
    one, other = (network.encoder(ids).memory for ids in (source, changed))
    assert one.shape[2] == (22 if bidirectional else 11)
    assert torch.equal(one[:, :4, :11], other[:, :4, :11])
    assert torch.equal(one[:, :4], other[:, :4]) is not bidirectional


def decoded(network, data, change):
    """Logits (7, target time, vocabulary) before and after a change of what the decoder is told."""
    source, target = (torch.from_numpy(side) for side in sides(data, 7))
    told = network.encoder(source)
    state = told.summary.unsqueeze(0)
    found = []
    for each in (told, change(told)):
        keys = network.decoder.keys(each.memory)
        found.append(network.decoder(target, state, each, keys)[0].detach())
    return found


@pytest.mark.parametrize("attention", ["none", "general"])
@pytest.mark.parametrize("peeky", [False, True])
def test_only_a_peeky_decoder_sees_the_encoders_last_state_at_every_step(peeky, attention, project):
    network, _, data = built(project, peeky=peeky, attention=attention)
    one, other = decoded(network, data, lambda told: told._replace(summary=told.summary + 1))
    changed = (one - other).abs().amax(2) > 1e-3
    assert bool(changed.all()) if peeky else torch.equal(one, other)


@pytest.mark.parametrize("attention", ["none", "general", "additive"])
def test_only_attention_sees_the_memory(attention, project):
    network, run, data = built(project, attention=attention)
    one, other = decoded(network, data, lambda told: told._replace(memory=told.memory + 1))
    assert torch.equal(one, other) == (attention == "none")
    source, target = sides(data, 3)
    shown = run("score", source=source, target=target)
    assert set(shown) == {"log_probs"} | ({"attention"} if attention != "none" else set())


@pytest.mark.parametrize("attention", ["dot", "general", "additive"])
def test_attention_lies_on_the_source_and_sums_to_one(attention, project):
    _, run, data = built(project, attention=attention, bidirectional=attention != "dot")
    source, target = sides(data, 7)
    shown = run("score", source=source, target=target)["attention"]
    np.testing.assert_allclose(shown.sum(2), 1, atol=1e-5)
    assert (shown * (source == 0)[:, None, :]).max() == 0


def test_scores_are_those_of_the_papers():
    torch.manual_seed(0)
    hidden, memory = torch.randn(2, 3, 5), torch.randn(2, 7, 11)
    general, additive = General(5, 11), Additive(5, 11)
    same = Dot()(hidden, memory[:, :, :5])
    for row, t, s in product(range(2), range(3), range(7)):
        h, m = hidden[row, t], memory[row, s]
        assert torch.allclose(same[row, t, s], h @ m[:5], atol=1e-5)
        expected = h @ general.query.weight.T @ m
        found = general(hidden, general.keys(memory))[row, t, s]
        assert torch.allclose(found, expected, atol=1e-5)
        inner = additive.query.weight @ h + additive.key.weight @ m + additive.key.bias
        expected = additive.energy.weight[0] @ torch.tanh(inner)
        found = additive(hidden, additive.keys(memory))[row, t, s]
        assert torch.allclose(found, expected, atol=1e-5)


def test_several_hypotheses_of_a_source_attend_as_each_would_alone(project):
    network, _, data = built(project, attention="additive")
    source, _ = (torch.from_numpy(side) for side in sides(data, 3))
    told = network.encoder(source)
    keys = network.decoder.keys(told.memory)
    tokens, state = torch.arange(6).unsqueeze(1) + 2, torch.randn(1, 6, 11)
    pairs = Encoded(told.memory, told.mask, told.summary.repeat_interleave(2, 0))
    together, _, _ = network.decoder(tokens, state, pairs, keys)
    for lane in range(2):
        rows = torch.arange(3) * 2 + lane
        alone, _, _ = network.decoder(tokens[rows], state[:, rows], told, keys)
        assert torch.allclose(together[rows], alone, atol=1e-5)


def test_dot_attention_over_both_directions_is_refused(project):
    with pytest.raises(RepertoireError, match="write general or additive"):
        built(project, bidirectional=True, attention="dot")


@pytest.mark.parametrize("attention", ["none", "general"])
def test_a_beam_of_one_takes_the_likeliest_token_each_time(attention, project):
    network, run, data = built(project, attention=attention)
    source, _ = sides(data, 5)
    tokens = np.zeros((5, 0), np.int64)
    for _ in range(7):
        fed = torch.from_numpy(np.pad(tokens, ((0, 0), (0, 1))))
        logits = network(torch.from_numpy(source), fed)[0][:, -1].detach().numpy()
        likeliest = logits[:, 1:].argmax(1) + 1  # padding is never written
        ended = (tokens == 1).any(1)
        tokens = np.column_stack((tokens, np.where(ended, 0, likeliest)))
    found = search(run, source, 7)["tokens"]
    assert (tokens[:, : found.shape[1]] == found).all() and not tokens[:, found.shape[1] :].any()


def every_target(length, vocabulary):
    """All targets: those that end within ``length`` tokens, and those of that length."""
    found = []
    for size in range(1, length + 1):
        for body in product(range(2, vocabulary), repeat=size - 1):
            found += [[*body, 1], *([[*body, t] for t in range(2, vocabulary)] * (size == length))]
    return found


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("attention", ["none", "general"])
def test_a_beam_that_holds_everything_finds_the_best_that_ends(attention, length_penalty, project):
    facts = {"end": 1, "source_vocabulary": 7, "target_vocabulary": 5}
    network, run, _ = built(project, facts, attention=attention)
    with torch.no_grad():
        network.decoder.output.weight *= 5  # decided enough that the best is no coincidence
        network.decoder.output.bias[1] -= 2  # an end is seldom the likeliest
    source = np.random.default_rng(0).integers(2, 7, (13, 5))
    every = every_target(3, 5)
    targets = np.array([[*t, 0, 0][:3] for t in every])
    lengths = np.array([len(t) for t in every])
    ended = np.array([t[-1] == 1 for t in every])
    found = search(run, source, 3, 5**3, length_penalty)
    greedy = search(run, source, 3)
    beaten = 0
    for row, ids in enumerate(source):
        scored = run("score", source=np.tile(ids, (len(every), 1)), target=targets)["log_probs"]
        totals = (scored * (targets != 0)).sum(1)
        ranks = totals / ((5 + lengths) / 6) ** length_penalty
        best = np.where(ended, ranks, -np.inf).argmax()
        beaten += ranks[best] < ranks.max()
        written = found["tokens"][row]
        assert targets[best, : len(written)].tolist() == written.tolist()
        assert found["log_prob"][row] == pytest.approx(totals[best], abs=1e-4)
    # One that goes on is likelier here and there, and no translation for all that.
    assert beaten
    # Otherwise the search would have had nothing to do.
    width = min(found["tokens"].shape[1], greedy["tokens"].shape[1])
    assert (found["tokens"][:, :width] != greedy["tokens"][:, :width]).any()


def test_a_wider_beam_finds_likelier_translations_on_average(project):
    _, run, data = built(project)
    source, _ = sides(data, 53)
    means = [search(run, source, 11, beam)["log_prob"].mean() for beam in (1, 2, 5, 16)]
    assert means == sorted(means) and means[-1] > means[0]


def test_a_translation_does_not_depend_on_those_beside_it(project):
    _, run, data = built(project)
    source, _ = sides(data, 7)
    together = search(run, source, 11, 3, 1.0)
    for row in range(7):
        alone = search(run, source[row : row + 1], 11, 3, 1.0)
        written = alone["tokens"][0]
        assert together["tokens"][row, : len(written)].tolist() == written.tolist()
        assert not together["tokens"][row, len(written) :].any()
        assert together["log_prob"][row] == pytest.approx(float(alone["log_prob"][0]), abs=1e-5)


class Asked:
    """A data set that says what else is to be measured."""

    def __init__(self, data, **facts):
        self.facts, self.arrays = data.facts | facts, data.arrays
        self.texts, self.encoding = data.texts, data.encoding


def test_further_questions_and_measures_stand_beside_the_test_split(project):
    family, config, data, _ = small("dates", project.folder)
    network = family.build(config, data.facts).eval()
    run = TorchRun(family.graphs(network, data.facts))
    plain = values(evaluate(run, config, data, "test"))
    asked = Asked(data, extras={"valid": 97}, measures=["variety"])
    found = values(evaluate(run, config, asked, "test"))
    assert plain.items() <= found.items()
    beam = f"beam_{config.beam}_"
    assert set(found) - set(plain) == {
        "valid_exact_match_percent",
        *(f"{way}distinct_{n}_percent" for way in ("", beam) for n in (1, 2)),
    }
    assert "valid_exact_match_percent" not in values(evaluate(run, config, asked, "valid"))


FORMATS = {
    "September 7, 1994": "1994-09-07",
    "the 27th of September 2001": "2001-09-27",
    "Tuesday, March 1st, 2033": "2033-03-01",
    "27-Sep-94": "1994-09-27",
    "MAY 3 69": "2069-05-03",
    "9/7/70": "1970-09-07",
    "3.9.1994": "1994-09-03",
    "19940927": "1994-09-27",
    "94년 9월 27일 화요일": "1994-09-27",
    "1994년9월7일(수)": "1994-09-07",
    "1994. 9. 27.": "1994-09-27",
    "yesterday": "",
    "2/30/1994": "",
}


def test_the_rule_reads_dates_as_people_write_them_and_says_nothing_of_others():
    assert date_rule({}, list(FORMATS)) == list(FORMATS.values())


def test_a_table_of_digits_adds_without_carry():
    sums = [(a, b) for a in range(40) for b in range(40) if (a % 10) + (b % 10) < 10]
    train = {"source": [f"{a}+{b}" for a, b in sums], "target": [str(a + b) for a, b in sums]}
    assert digit_table(train, ["12+7", "31+8", "0+5", "23+34"]) == ["19", "39", "5", "57"]
    assert digit_table(train, ["18+5"]) != ["23"]
