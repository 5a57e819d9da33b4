"""The first layer of a net that reads the text it writes: an LSTM with a soft window."""

import math

import torch
from torch import Tensor, nn


def window_weights(height: Tensor, width: Tensor, place: Tensor, positions: Tensor) -> Tensor:
    """Weight of each position under a mixture of Gaussians (Graves 2013, eq. 46).

    height, width and place are (batch, windows), positions (characters,) or (batch, characters);
    the result is (batch, characters) and not normalised.
    """
    gap = place.unsqueeze(2) - positions.unsqueeze(-2)
    return (height.unsqueeze(2) * torch.exp(-width.unsqueeze(2) * gap * gap)).sum(1)


class WindowedLayer(nn.Module):
    """LSTM whose window on the text moves forward with every point; scripted for export, so that
    its loop becomes one ONNX Loop."""

    def __init__(self, units: int, windows: int, vocabulary: int, points_a_letter: float) -> None:
        super().__init__()
        self.units = units
        self.input = nn.Linear(3, 4 * units)
        self.recurrent = nn.Linear(units + vocabulary, 4 * units, bias=False)
        self.window = nn.Linear(units, 3 * windows)
        for gate in self.recurrent.weight.data.split(units):
            nn.init.orthogonal_(gate[:, :units])
            nn.init.xavier_uniform_(gate[:, units:])
        # At the start the window moves at the mean speed of the pen, about a letter wide.
        nn.init.uniform_(self.window.weight, -0.01, 0.01)
        self.window.bias.data = torch.tensor(
            [0.0] * windows + [0.5] * windows + [-math.log(points_a_letter)] * windows
        )

    def step(
        self,
        gates: Tensor,
        states: tuple[Tensor, Tensor, Tensor, Tensor],
        letters: Tensor,
        positions: Tensor,
    ) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor]:
        """One point: the input's share of the gates (batch, 4 units), hidden, cell, place and what
        the window read (batch, vocabulary), one-hot letters (batch, characters, vocabulary) and
        positions (batch, characters + 1), the last of them just past the text -> new states, and
        the window's weights of all positions (batch, characters + 1).
        """
        hidden, cell, place, read = states
        gates = gates + self.recurrent(torch.cat((hidden, read), dim=1))
        # Gates i, f, o, g: those that open and close lie together and take one call.
        opened = torch.sigmoid(gates[:, : 3 * self.units])
        into, forget, out = opened.chunk(3, dim=1)
        cell = forget * cell + into * torch.tanh(gates[:, 3 * self.units :])
        hidden = out * torch.tanh(cell)
        height, width, move = torch.exp(self.window(hidden).clamp(max=4.0)).chunk(3, dim=1)
        place = place + move
        weights = window_weights(height, width, place, positions)
        # A letter of padding is all zeros, so that nothing is read there.
        read = torch.bmm(weights[:, :-1].unsqueeze(1), letters).squeeze(1)
        return (hidden, cell, place, read), weights

    def forward(
        self, points: Tensor, letters: Tensor, states: tuple[Tensor, Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
        """points (time, batch, 3) -> hidden and what was read at each of them (time first), the
        window's weights (time, batch, characters), by how much the window weighs the place past
        the text more than any letter (time, batch), and the states after the last point."""
        gates = self.input(points)
        present = letters.sum(2)
        # Letters stand at 1, 2, …, so that a place of 0 is before the text (Graves 2013, eq. 46).
        counted = torch.ones_like(present).cumsum(1)
        positions = torch.cat((counted, present.sum(1, keepdim=True) + 1), dim=1)
        hiddens, reads, windows = [states[0]][:0], [states[0]][:0], [states[0]][:0]
        for time in range(points.shape[0]):
            states, weights = self.step(gates[time], states, letters, positions)
            hiddens.append(states[0])
            reads.append(states[3])
            windows.append(weights)
        every = torch.stack(windows)
        weights = every[:, :, :-1] * present
        past = every[:, :, -1] - weights.max(2)[0]
        return torch.stack(hiddens), torch.stack(reads), weights, past, states
