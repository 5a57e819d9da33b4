"""Dropout for recurrent nets: masks that hold for a whole window, and on recurrent weights."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def locked_dropout(sequence: Tensor, share: float) -> Tensor:
    """Drop the same units at every step: (batch, time, width), one mask a row.

    Gal and Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural
    networks". What is kept is scaled up, so that expectations stay.
    """
    if share == 0:
        return sequence
    return sequence * functional.dropout(torch.ones_like(sequence[:, :1]), share)


def stacked(
    net: nn.RNNBase, sequence: Tensor, start: Any, between: float, weights: float
) -> tuple[Tensor, Any]:
    """What ``net`` gives in training, layer by layer, with its own weights but for two masks.

    ``between`` is the share of a locked dropout between layers, ``weights`` the share of the
    recurrent weights dropped for the whole call (weight drop; Merity et al. 2018, section 2). Both
    at zero, it is ``net``. ``sequence`` is (batch, time, width); ``start`` and the states that are
    returned have the shapes of ``net``'s.
    """
    states = start if isinstance(start, tuple) else (start,)
    ends = []
    for layer in range(net.num_layers):
        into, recurrent, *biases = net.all_weights[layer]
        flat = [into, functional.dropout(recurrent, weights), *biases]
        first = tuple(state[layer : layer + 1] for state in states)
        given = first if isinstance(start, tuple) else first[0]
        if layer:
            sequence = locked_dropout(sequence, between)
        sequence, *end = _one_layer(net.mode)(
            sequence, given, flat, True, 1, 0.0, True, False, True
        )
        ends.append(end)
    joined = tuple(torch.cat(parts) for parts in zip(*ends, strict=True))
    return sequence, joined if isinstance(start, tuple) else joined[0]


def _one_layer(mode: str) -> Any:
    """PyTorch's function for ``nn.RNNBase.mode``."""
    functions: dict[str, Any] = {
        "LSTM": torch.lstm,
        "GRU": torch.gru,
        "RNN_TANH": torch.rnn_tanh,
        "RNN_RELU": torch.rnn_relu,
    }
    return functions[mode]
