"""What the nets share: cells, quantiles that cannot cross, and the loss of those."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

CELLS: dict[str, Any] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def rising(raw: Tensor, centre: int) -> Tensor:
    """raw (…, levels) -> the same shape, in order: the median, and steps away from it."""
    median = raw[..., centre : centre + 1]
    above = median + functional.softplus(raw[..., centre + 1 :]).cumsum(-1)
    below = median - functional.softplus(raw[..., :centre]).cumsum(-1)
    return torch.cat((below.flip(-1), median, above), dim=-1)


def pinball(
    actual: Tensor, quantiles: Tensor, levels: Tensor, known: Tensor | None = None
) -> Tensor:
    """Mean of the pinball loss: actual (…), quantiles (…, levels); what ``known`` (…) counts."""
    gap = actual.unsqueeze(-1) - quantiles
    loss = torch.maximum(levels * gap, (levels - 1) * gap)
    if known is None:
        return loss.mean()
    return (loss.mean(-1) * known).sum() / known.sum().clamp(min=1)
