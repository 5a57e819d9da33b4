"""Truncated backpropagation through time along parallel streams (Williams and Peng 1990)."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

States = tuple[Tensor, ...]


def windows(
    stream: Tensor, batch: int, time: int, offset: int
) -> Iterator[tuple[bool, Tensor, Tensor]]:
    """(is it the first, inputs, targets), each (batch, time): targets are one step ahead.

    ``stream`` (steps,) is cut into ``batch`` equal parts from ``offset`` on, side by side.
    """
    width = (len(stream) - 1 - offset) // batch
    usable = width * batch
    inputs = stream[offset : offset + usable].view(batch, width)
    targets = stream[offset + 1 : offset + 1 + usable].view(batch, width)
    for start in range(0, width - time + 1, time):
        part = slice(start, start + time)
        yield start == 0, inputs[:, part], targets[:, part]


def restarted(states: States, share: float) -> States:
    """The carried states, with a share of the streams put back to zero, as requests start.

    A state that is never zero after the first window may settle where zero never leads. Streams
    are on the last but one axis of (layers, streams, width), and on the first of (streams, width).
    """
    streams = states[0].shape[-2]
    kept = (torch.rand(streams) >= share).to(torch.float32)
    shapes = [(1, -1, 1) if state.dim() == 3 else (-1, 1) for state in states]
    pairs = zip(states, shapes, strict=True)
    return tuple(state * kept.view(shape).to(state.dtype) for state, shape in pairs)


def carried(states: Sequence[Tensor]) -> States:
    """What goes on to the next window, without its gradients.

    Cloned into memory of their own: products of a view, aligned differently from what a checkpoint
    returns, round differently.
    """
    return tuple(state.detach().clone() for state in states)
