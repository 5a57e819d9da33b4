"""Every net learns to give back its own normal rows; validation rows set the thresholds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.config import RepertoireError
from repertoire.contract import Array, Data, Plan
from repertoire.families.novelty_detector.config import Config
from repertoire.families.novelty_detector.network import Detectors
from repertoire.kinds.novelty.facts import Facts
from repertoire.kinds.novelty.metrics import LEAST, normal_rows
from repertoire.nn.images import shifted
from repertoire.training.optimisation import Optimisation


class NoveltyLearner:
    """One AdamW step a batch of as many rows for each net. The nets do not see each other."""

    def __init__(self, network: Detectors, config: Config, data: Data[Facts], plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.train, self.valid = (self._own(data, split) for split in ("train", "valid"))
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * config.steps,
            clip_norm=None,
        )

    def _own(self, data: Data[Facts], split: str) -> list[Tensor]:
        """Of each net the raw rows of a split that count as normal."""
        arrays = data.arrays(split)
        rows = arrays["images" if self.network.pictures else "rows"]
        hidden = data.facts["contaminated"]
        chosen = [normal_rows(arrays, net, hidden) for net in range(self.network.nets)]
        for net, own in enumerate(chosen):
            if not len(own) and split == "train":
                name = data.facts["names"][net]
                raise RepertoireError(f"no training row counts as normal for {name!r}; add some")
        return [torch.from_numpy(rows[own]) for own in chosen]

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Raw rows (nets, batch, …); each net goes through its own rows as often as needed."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        orders = [self._order(rng, len(own)) for own in self.train]
        for step in range(self.config.steps):
            parts = [own[order[step]] for own, order in zip(self.train, orders, strict=True)]
            batch = torch.stack(parts)
            if self.config.shift:
                moved = shifted(batch.flatten(0, 1), rng, self.config.shift)
                batch = moved.view_as(batch)
            yield batch
        self.set_divisors()
        self.set_thresholds()

    def _order(self, rng: np.random.Generator, count: int) -> Array:
        """Row numbers (steps, batch): none comes again before all have come."""
        wanted = self.config.steps * self.config.batch
        rounds = [rng.permutation(count) for _ in range(-(-wanted // count))]
        return np.concatenate(rounds)[:wanted].reshape(self.config.steps, self.config.batch)

    def step(self, batch: Tensor) -> dict[str, float]:
        """Squared error of all values of a row, and the divergence of its code, mean of the nets.

        Of a variational net the loss is the negative bound of a Gaussian likelihood, in units of
        twice its variance (Kingma and Welling 2014).
        """
        net, config = self.network, self.config
        values = net.values(batch)
        seen = values
        if config.model == "denoising":
            seen = values + config.noise * torch.randn_like(values)
        mean, log_variance = net.encode(seen)
        codes = mean
        if net.variational:
            codes = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        errors = (net.decode(codes) - values) ** 2
        error = (errors * (net.share > 0)).sum(2).mean(1)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(2).mean(1)
        loss = error + config.beta * divergence if net.variational else error
        self.optimisation.step(loss.sum())
        found = {"loss": loss.mean().item(), "squared_error": error.mean().item()}
        return found | ({"divergence_nats": divergence.mean().item()} if net.variational else {})

    @torch.no_grad()
    def set_divisors(self) -> None:
        """What is usual on normal training rows: their mean square, or each column's error."""
        net, chunk = self.network, self.config.chunk
        if net.score == "plain":
            return
        net.divisor.fill_(1 if net.score == "scaled" else 0)
        for number, own in enumerate(self.train):
            parts = own.to(net.divisor.device).split(chunk)
            usual = torch.cat([self._usual(p.unsqueeze(0), number) for p in parts])
            net.divisor[number, 0] = usual.mean(0) + LEAST

    def _usual(self, rows: Tensor, number: int) -> Tensor:
        """Of each row (1, batch, …): mean square (batch, 1), or its squared errors by column."""
        if self.network.score == "relative":
            found = self.network.squares(self.network.values(rows))
        else:
            _, found = self.network.errors(rows)
        return found[number if len(found) > 1 else 0]

    @torch.no_grad()
    def set_thresholds(self) -> None:
        """The scores that the allowed share of normal validation rows exceeds, for each net."""
        for number, own in enumerate(self.valid):
            parts = own.to(self.network.threshold.device).split(self.config.chunk)
            scores = [self.network.scores(part.unsqueeze(0))[number] for part in parts]
            if scores:
                found = between(torch.cat(scores), self.config.false_alarms)
                self.network.threshold[number] = found

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def between(scores: Tensor, share: float) -> Tensor:
    """A number that at most ``share`` of the scores exceed, half-way to the next of them.

    On a score itself, the rounding of another engine would decide.
    """
    ranked, above = scores.sort().values, int(share * len(scores))
    if not above:
        return ranked[-1] * (1 + LEAST)
    return (ranked[-above - 1] + ranked[-above]) / 2


def learner(network: Detectors, config: Config, data: Data[Facts], plan: Plan) -> NoveltyLearner:
    """A learner for pictures or rows of tables."""
    return NoveltyLearner(network, config, data, plan)
