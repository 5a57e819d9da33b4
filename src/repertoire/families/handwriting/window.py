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
        self, gates: Tensor, hidden: Tensor, cell: Tensor, place: Tensor, read: Tensor,
        letters: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One point: the input's share of the gates (batch, 4 units), states, one-hot letters
        (batch, characters, vocabulary) -> hidden, cell, place, what the window reads (batch,
        vocabulary), the window's weights (batch, characters), and its weight just past the text.
        """
        gates = gates + self.recurrent(torch.cat((hidden, read), dim=1))
        into, forget, new, out = gates.chunk(4, dim=1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(into) * torch.tanh(new)
        hidden = torch.sigmoid(out) * torch.tanh(cell)
        height, width, move = torch.exp(self.window(hidden).clamp(max=4.0)).chunk(3, dim=1)
        place = place + move
        present = letters.sum(2)
        # Letters stand at 1, 2, …, so that a place of 0 is before the text (Graves 2013, eq. 46).
        positions = torch.ones_like(present).cumsum(1)
        weights = window_weights(height, width, place, positions) * present
        beyond = window_weights(height, width, place, present.sum(1, keepdim=True) + 1)
        read = torch.bmm(weights.unsqueeze(1), letters).squeeze(1)
        return hidden, cell, place, read, weights, beyond

    def forward(
        self, points: Tensor, letters: Tensor, hidden: Tensor, cell: Tensor, place: Tensor,
        read: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """points (time, batch, 3) -> hidden and what was read at each of them (time first), the
        window's weights (time, batch, characters), by how much the window weighs the place past
        the text more than any letter (time, batch), and the states after the last point."""
        gates = self.input(points)
        hiddens, reads, windows, pasts = [hidden][:0], [read][:0], [read][:0], [read][:0]
        for time in range(points.shape[0]):
            hidden, cell, place, read, weights, beyond = self.step(
                gates[time], hidden, cell, place, read, letters
            )
            hiddens.append(hidden)
            reads.append(read)
            windows.append(weights)
            pasts.append((beyond - weights.max(1, keepdim=True)[0]).squeeze(1))
        return (
            torch.stack(hiddens),
            torch.stack(reads),
            torch.stack(windows),
            torch.stack(pasts),
            hidden,
            cell,
            place,
            read,
        )
