"""The likeliest target by beam search; scripted, so that it becomes one ONNX Loop."""

from typing import Final

import torch
from torch import Tensor, nn

from repertoire.families.seq2seq.decoder import Decoder
from repertoire.families.seq2seq.encoder import Encoded

NEVER = -1e9  # nats


class Beam(nn.Module):
    """Keeps the best hypotheses of each row, one a lane; a single lane is greedy decoding.

    Hypotheses rank by log-probability over ((5 + length) / 6) ** penalty (Wu et al. 2016,
    equation 14), the end counted as a token. One that has ended stays while fewer than all lanes
    outrank it, and takes padding. A row is done when none that goes on can outrank its best. At
    ``max_length`` the best one that has ended comes before any that has not.
    """

    end: Final[int]
    never: Final[float]

    def __init__(self, decoder: Decoder, end: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.end = end
        self.never = NEVER

    def forward(
        self, source: Encoded, keys: Tensor, max_length: Tensor, lanes: Tensor, penalty: Tensor
    ) -> tuple[Tensor, Tensor]:
        """``lanes`` (beam,) counts from 0; the summary of each source comes once a lane.

        Returns tokens (batch, decoded time), padded with 0, and their log-probability (batch,).
        """
        first = torch.arange(len(keys)).unsqueeze(1) * len(lanes)  # the row of lane 0
        state = source.summary.unsqueeze(0)
        token = torch.full_like(first + lanes, self.end)
        tokens = token.unsqueeze(2)[:, :, :0]
        alive = torch.ones_like(token)
        # Sums of float32 would tie by rounding, and every engine breaks ties in its own way.
        lengths = torch.zeros_like(token).to(torch.float64)
        # At first all lanes are the same empty hypothesis: only one of them counts.
        scores = lengths + self.never * (lanes > 0).to(torch.float64)
        ranks = scores
        unfinished, step = torch.ones_like(max_length), torch.zeros_like(max_length)
        while bool((step < max_length) & (unfinished > 0)):
            logits, _, state = self.decoder(token.view(-1, 1), state, source, keys)
            totals = scores.unsqueeze(2) + self._continuations(logits, alive)
            lengths = lengths + alive.to(lengths.dtype)
            ranks, place = self._best(totals, lengths, penalty)
            parent = torch.div(place, totals.shape[2], rounding_mode="floor")
            token = place - parent * totals.shape[2]
            scores, lengths = totals.flatten(1).gather(1, place), lengths.gather(1, parent)
            alive = alive.gather(1, parent) * (token != self.end).to(torch.int64)
            history = tokens.gather(1, parent.unsqueeze(2).expand_as(tokens))
            tokens = torch.cat((history, token.unsqueeze(2)), dim=2)
            state = state.index_select(1, (first + parent).flatten())
            unfinished = self._unfinished(scores, ranks, alive, max_length, penalty)
            step = step + 1
        best = (ranks + self.never * alive.to(ranks.dtype)).argmax(1, keepdim=True)
        chosen = tokens.gather(1, best.unsqueeze(2).expand_as(tokens[:, :1]))
        return chosen[:, 0], scores.gather(1, best)[:, 0].to(torch.float32)

    def _continuations(self, logits: Tensor, alive: Tensor) -> Tensor:
        """What each token adds: to one that goes on no padding, to one that has ended only that."""
        log_probs = torch.log_softmax(logits[:, 0], dim=1).to(torch.float64)
        log_probs = log_probs.view(alive.shape[0], alive.shape[1], -1)
        is_padding = torch.arange(log_probs.shape[2]) == 0
        ended = (~is_padding).to(log_probs.dtype) * self.never
        live = alive.unsqueeze(2) > 0
        return torch.where(live, log_probs.masked_fill(is_padding, self.never), ended)

    def _best(self, totals: Tensor, lengths: Tensor, penalty: Tensor) -> tuple[Tensor, Tensor]:
        """The ranks of the best continuations, a lane each, and their places among all."""
        ranks = totals / self._divisor(lengths, penalty).unsqueeze(2)
        return ranks.flatten(1).topk(totals.shape[1], dim=1)

    def _divisor(self, length: Tensor, penalty: Tensor) -> Tensor:
        return ((5.0 + length) / 6.0) ** penalty

    def _unfinished(
        self, scores: Tensor, ranks: Tensor, alive: Tensor, max_length: Tensor, penalty: Tensor
    ) -> Tensor:
        """How many rows may still change their best."""
        # A log-probability only falls, and no divisor is greater than that of the last step.
        hopes = scores / self._divisor(max_length.to(scores.dtype), penalty)
        hope = hopes.masked_fill(alive == 0, self.never).amax(dim=1)
        ended = ranks.masked_fill(alive > 0, self.never).amax(dim=1)
        return (hope >= ended).to(torch.int64).sum()
