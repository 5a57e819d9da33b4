"""Dropout for recurrent nets, and the average of weights, in closed form."""

import pytest
import torch
from torch import nn

from repertoire.nn.locked import locked_dropout, stacked
from repertoire.training.averaging import Averaged

BATCH, TIME, INPUTS, UNITS, LAYERS = 2, 11, 5, 7, 3
NETS = (
    lambda: nn.LSTM(INPUTS, UNITS, LAYERS, batch_first=True),
    lambda: nn.GRU(INPUTS, UNITS, LAYERS, batch_first=True),
    lambda: nn.RNN(INPUTS, UNITS, LAYERS, batch_first=True),
    lambda: nn.RNN(INPUTS, UNITS, LAYERS, batch_first=True, nonlinearity="relu"),
)


def example(make):
    torch.manual_seed(0)
    net, sequence = make(), torch.randn(BATCH, TIME, INPUTS)
    state = torch.randn(LAYERS, BATCH, UNITS)
    return net, sequence, (state, -state) if isinstance(net, nn.LSTM) else state


def parts(states):
    return states if isinstance(states, tuple) else (states,)


@pytest.mark.parametrize("make", NETS)
def test_without_masks_layer_by_layer_is_the_net_itself(make):
    net, sequence, start = example(make)
    features, ends = net(sequence, start)
    found, found_ends = stacked(net, sequence, start, 0.0, 0.0)
    torch.testing.assert_close(found, features)
    for one, other in zip(parts(found_ends), parts(ends), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("make", NETS)
def test_dropped_recurrent_weights_matter_only_where_there_is_a_state(make):
    net, sequence, start = example(make)
    zero = tuple(torch.zeros_like(s) for s in start) if isinstance(start, tuple) else 0 * start
    plain = stacked(net, sequence[:, :1], zero, 0.0, 0.0)[0]
    torch.testing.assert_close(stacked(net, sequence[:, :1], zero, 0.0, 0.5)[0], plain)
    whole, dropped = (stacked(net, sequence, start, 0.0, share)[0] for share in (0.0, 0.5))
    assert not torch.allclose(whole, dropped)


def test_all_recurrent_weights_dropped_leave_no_memory():
    net, sequence, start = example(NETS[2])
    found = stacked(net, sequence, start, 0.0, 1.0)[0]
    other = stacked(net, sequence, 3 * start, 0.0, 1.0)[0]
    torch.testing.assert_close(found, other)


def test_a_dropped_weight_has_no_gradient_and_a_kept_one_has():
    net, sequence, start = example(NETS[0])
    torch.manual_seed(5)
    stacked(net, sequence, start, 0.0, 0.5)[0].sum().backward()
    share = (net.weight_hh_l1.grad == 0).float().mean()
    assert 0.3 < float(share) < 0.7


def test_a_locked_mask_is_the_same_at_each_step_and_another_for_each_row():
    torch.manual_seed(0)
    dropped = locked_dropout(torch.ones(13, 17, 101), 0.25)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert sorted(set(dropped.flatten().tolist())) == pytest.approx([0.0, 1 / 0.75])
    assert not torch.equal(dropped[0], dropped[1])
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.05)


def test_the_average_follows_its_closed_form_and_lies_in_the_network_given():
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(7.0)
    averaged = Averaged(network, 0.5)
    expected = 7.0
    for step in range(1, 23):
        with torch.no_grad():
            averaged.trained.weight.fill_(float(step))
        averaged.step()
        decay = min(0.5, step / (step + 9))
        expected = decay * expected + (1 - decay) * step
        assert float(network.weight) == pytest.approx(expected, rel=1e-5)


def test_weights_that_stand_still_are_their_own_average():
    network = nn.LSTM(3, 5)
    before = [p.clone() for p in network.parameters()]
    averaged = Averaged(network, 0.9)
    for _ in range(7):
        averaged.step()
    assert all(torch.equal(p, b) for p, b in zip(network.parameters(), before, strict=True))
