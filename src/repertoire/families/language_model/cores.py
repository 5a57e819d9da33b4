"""What stands between the embedding and the output layer."""

import torch
from torch import Tensor, nn

from repertoire.families.language_model.config import Config
from repertoire.nn.locked import stacked


class FixedWindow(nn.Module):
    """Feed-forward net over the last ``window`` embeddings, in order.

    Its state is the last ``window - 1`` token ids.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.window = config.window
        self.hidden = nn.Linear(config.window * config.embedding, config.units)

    def forward(
        self, tokens: Tensor, embed: nn.Module, context: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> features (batch, time, units) and the new context."""
        ids = torch.cat((context, tokens), dim=1)
        # The first layer as a convolution over time: each embedding is looked up once.
        vectors = embed(ids).transpose(1, 2)
        weight = self.hidden.weight.view(self.hidden.out_features, self.window, -1)
        hidden = nn.functional.conv1d(vectors, weight.transpose(1, 2), self.hidden.bias)
        return torch.tanh(hidden).transpose(1, 2), (ids[:, tokens.shape[1] :],)


class Bag(nn.Module):
    """The mean of the last ``window`` embeddings, whose order is lost.

    CBOW (Mikolov et al. 2013, section 3.1) with the words before as its only context.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.window = config.window
        self.hidden = nn.Linear(config.embedding, config.units)

    def forward(
        self, tokens: Tensor, embed: nn.Module, context: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> features (batch, time, units) and the new context."""
        ids = torch.cat((context, tokens), dim=1)
        means = nn.functional.avg_pool1d(embed(ids).transpose(1, 2), self.window, stride=1)
        return torch.tanh(self.hidden(means.transpose(1, 2))), (ids[:, tokens.shape[1] :],)


class Recurrent(nn.Module):
    """Stacked recurrent layers; states are ``hidden`` and, for the LSTM, ``cell``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kind = config.cell
        self.units = config.units
        self.regularisation = config.regularisation
        between = config.dropout if config.layers > 1 else 0.0
        size = (config.embedding, config.units, config.layers)
        if self.kind == "lstm":
            self.net: nn.RNNBase = nn.LSTM(*size, batch_first=True, dropout=between)
        elif self.kind == "gru":
            self.net = nn.GRU(*size, batch_first=True, dropout=between)
        else:
            shape = "tanh" if self.kind == "tanh" else "relu"
            self.net = nn.RNN(*size, nonlinearity=shape, batch_first=True, dropout=between)
        self._initialise(config)

    def _initialise(self, config: Config) -> None:
        for name, weight in self.net.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
                if self.kind == "lstm" and "bias_ih" in name:
                    # Gates i, f, g, o: an open forget gate lets gradients pass at the start
                    # (Jozefowicz et al. 2015).
                    nn.init.ones_(weight[self.units : 2 * self.units])
            elif "weight_hh" in name and self.kind == "relu_identity":
                # Below 1, because a carried state would grow without end (Le et al. 2015, 4.4).
                weight.data.copy_(config.identity * torch.eye(len(weight)))
            elif self.kind == "relu_identity":
                nn.init.normal_(weight, std=0.01)
            else:
                initialise = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
                # Gate by gate: over all gates at once each would start with half the signal.
                for gate in weight.data.split(self.units):
                    initialise(gate)

    def forward(
        self, tokens: Tensor, embed: nn.Module, *states: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> features (batch, time, units) and the new states."""
        start = states if self.kind == "lstm" else states[0]
        if self.training and (rates := self.regularisation):
            features, end = stacked(
                self.net, embed(tokens), start, rates.layers, rates.recurrent_weights
            )
        else:
            features, end = self.net(embed(tokens), start)
        return features, tuple(end) if self.kind == "lstm" else (end,)


CORES: dict[str, type[nn.Module]] = {"feedforward": FixedWindow, "bag": Bag}
