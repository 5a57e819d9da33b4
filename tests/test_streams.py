"""Parallel streams, cut into windows, with a state that goes on."""

import torch

from repertoire.training.streams import carried, restarted, windows


def test_windows_follow_one_another_in_each_stream_and_targets_are_one_step_ahead():
    # 23 numbers from 2 on: 20 pairs, three streams of six, windows of two.
    found = list(windows(torch.arange(23), 3, 2, 2))
    assert [first for first, _, _ in found] == [True, False, False]
    inputs = torch.cat([each for _, each, _ in found], dim=1)
    assert inputs.tolist() == [list(range(n, n + 6)) for n in (2, 8, 14)]
    assert all(torch.equal(targets, inputs + 1) for _, inputs, targets in found)


def test_a_restart_puts_whole_streams_back_to_zero_in_every_state():
    torch.manual_seed(3)
    states = (torch.ones(2, 997, 3), torch.ones(997, 5))
    layers, context = restarted(states, 0.25)
    zero = context[:, 0] == 0
    assert 0.2 < zero.float().mean() < 0.3
    assert torch.equal(layers == 0, zero.view(1, -1, 1).expand(2, 997, 3))
    assert torch.equal(context == 0, zero.view(-1, 1).expand(997, 5))


def test_a_carried_state_has_memory_of_its_own_and_no_gradient():
    state = torch.ones(3, requires_grad=True) * 2
    [kept] = carried([state])
    assert not kept.requires_grad and kept.data_ptr() != state.data_ptr()
