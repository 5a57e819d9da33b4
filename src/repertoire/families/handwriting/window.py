"""The first layer of a net that reads the text it writes: an LSTM with a soft window."""

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# What one point hands to the next: hidden, cell (batch, units), the places of the windows (batch,
# windows), and what was read (batch, vocabulary). Loops are scripted, so tuples are spelt out.
States = tuple[Tensor, Tensor, Tensor, Tensor]
# Recurrent weight of hidden and read; weight and bias that make the windows of hidden.
Weights = tuple[Tensor, Tensor, Tensor]


def window_weights(height: Tensor, width: Tensor, place: Tensor, positions: Tensor) -> Tensor:
    """Weight of each position under a mixture of Gaussians (Graves 2013, eq. 46).

    height, width and place are (batch, windows), positions (batch, characters); the result is
    (batch, characters) and not normalised.
    """
    gap = place.unsqueeze(2) - positions.unsqueeze(1)
    return (height.unsqueeze(2) * torch.exp(-width.unsqueeze(2) * gap * gap)).sum(1)


def step(
    gates: Tensor,
    states: tuple[Tensor, Tensor, Tensor, Tensor],
    weights: tuple[Tensor, Tensor, Tensor],
    letters: Tensor,
    positions: Tensor,
) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """One point: the input's share of the gates (batch, 4 units), one-hot letters (batch,
    characters, vocabulary) and positions (batch, characters + 1), the last of them just past the
    text -> new states, and the windows' weight of each position (batch, characters + 1).

    Graves 2013, eqs. 46 to 52.
    """
    hidden, cell, place, read = states
    units = hidden.shape[1]
    gates = gates + functional.linear(torch.cat((hidden, read), dim=1), weights[0])
    # Gates i, f, o, g: those that open and close lie together and take one call.
    into, forget, out = torch.sigmoid(gates[:, : 3 * units]).chunk(3, dim=1)
    cell = forget * cell + into * torch.tanh(gates[:, 3 * units :])
    hidden = out * torch.tanh(cell)
    raw = functional.linear(hidden, weights[1], weights[2])
    height, width, move = torch.exp(raw.clamp(max=4.0)).chunk(3, dim=1)
    place = place + move
    found = window_weights(height, width, place, positions)
    # A letter of padding is all zeros, so that nothing is read there.
    read = torch.bmm(found[:, :-1].unsqueeze(1), letters).squeeze(1)
    return (hidden, cell, place, read), found


def course(
    gates: Tensor,
    states: tuple[Tensor, Tensor, Tensor, Tensor],
    weights: tuple[Tensor, Tensor, Tensor],
    letters: Tensor,
    positions: Tensor,
) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
    """``step`` over gates (time, batch, 4 units): hidden, what was read and the weights of the
    positions at every point (time first), and the states after the last."""
    hiddens, reads, windows = [states[0]][:0], [states[0]][:0], [states[0]][:0]
    # Not by index: the gradient of each index would be as large as all of the gates.
    for gate in gates:
        states, found = step(gate, states, weights, letters, positions)
        hiddens.append(states[0])
        reads.append(states[3])
        windows.append(found)
    return torch.stack(hiddens), torch.stack(reads), torch.stack(windows), states


@cache
def scripted_course() -> Any:
    """``course`` as it is exported: its loop becomes one ONNX Loop, where tracing would unroll."""
    return torch.jit.script(course)


class WindowedLayer(nn.Module):
    """LSTM whose windows on the text move forward with every point."""

    def __init__(self, units: int, windows: int, vocabulary: int, points_a_letter: float) -> None:
        super().__init__()
        self.input = nn.Linear(3, 4 * units)
        self.recurrent = nn.Linear(units + vocabulary, 4 * units, bias=False)
        self.window = nn.Linear(units, 3 * windows)
        nn.init.xavier_uniform_(self.input.weight)
        nn.init.zeros_(self.input.bias)
        nn.init.ones_(self.input.bias[units : 2 * units])  # forget gate, as in an LSTM's
        for gate in self.recurrent.weight.data.split(units):
            nn.init.orthogonal_(gate[:, :units])
            nn.init.xavier_uniform_(gate[:, units:])
        # At the start the windows move at the mean speed of the pen, each about a letter wide.
        nn.init.uniform_(self.window.weight, -0.01, 0.01)
        self.window.bias.data = torch.tensor(
            [0.0] * windows + [0.5] * windows + [-math.log(points_a_letter)] * windows
        )

    def forward(
        self, points: Tensor, letters: Tensor, states: States, exported: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, States]:
        """points (time, batch, 3) -> hidden and what was read at each of them (time first), the
        windows' weights (time, batch, characters), by how much they weigh the place past the text
        more than any letter (time, batch), and the states after the last point."""
        present = letters.sum(2)
        # Letters stand at 1, 2, …, so that a place of 0 is before the text (Graves 2013, eq. 46).
        counted = torch.ones_like(present).cumsum(1)
        positions = torch.cat((counted, present.sum(1, keepdim=True) + 1), dim=1)
        weights = (self.recurrent.weight, self.window.weight, self.window.bias)
        loop = scripted_course() if exported else course
        hidden, read, every, states = loop(self.input(points), states, weights, letters, positions)
        windows = every[:, :, :-1] * present
        return hidden, read, windows, every[:, :, -1] - windows.max(2)[0], states
