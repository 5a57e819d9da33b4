"""Truncated backpropagation through time with a state carried across the stream."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.language_model.config import Config, initial_states
from repertoire.families.language_model.network import LanguageModel
from repertoire.nn.softmax import fastest_precision, linear_cross_entropy
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import placed

Batch = tuple[bool, Tensor, Tensor]


class LanguageModelLearner:
    """One Adam step a window of ``config.time`` tokens."""

    def __init__(self, network: LanguageModel, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.tokens = torch.from_numpy(data.arrays("train")["tokens"].astype(np.int64))
        core = list(network.core.parameters())
        ids = {id(parameter) for parameter in core}
        rest = [p for p in network.parameters() if id(p) not in ids]
        groups: list[dict[str, Any]] = [
            {"params": rest},
            {"params": core, "lr": config.core_rate * config.learning_rate},
        ]
        self.optimisation = Optimisation(
            groups,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * (len(self.tokens) // config.batch // config.time),
            clip_norm=config.clip_norm,
        )
        self.precision = fastest_precision() if config.softmax == "fastest" else torch.float32
        self.states = self._initial()

    def _initial(self) -> tuple[Tensor, ...]:
        zeros = initial_states(self.config, self.config.batch)
        return placed(tuple(zeros.values()))

    def _restarted(self) -> tuple[Tensor, ...]:
        """The carried states, with a few streams put back to zero.

        A state that is never zero after the first window may settle where zero never leads.
        """
        kept = (torch.rand(self.config.batch) >= self.config.restart).to(torch.float32)
        shapes = [(1, -1, 1) if state.dim() == 3 else (-1, 1) for state in self.states]
        pairs = zip(self.states, shapes, strict=True)
        return tuple(state * kept.view(shape).to(state.dtype) for state, shape in pairs)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """(is it the first, tokens, targets): ``batch`` parallel streams, cut into windows.

        Each epoch cuts at another place, so that windows do not always start at the same tokens.
        """
        config = self.config
        offset = int(np.random.default_rng((self.plan.seed, epoch)).integers(config.time))
        width = (len(self.tokens) - 1 - offset) // config.batch
        usable = width * config.batch
        inputs = self.tokens[offset : offset + usable].view(config.batch, width)
        targets = self.tokens[offset + 1 : offset + 1 + usable].view(config.batch, width)
        for start in range(0, width - config.time + 1, config.time):
            part = slice(start, start + config.time)
            yield start == 0, inputs[:, part], targets[:, part]

    def step(self, batch: Batch) -> dict[str, float]:
        """Loss in nats a token, and the gradient's norm before clipping."""
        first, tokens, targets = batch
        if first:
            self.states = self._initial()
        features, states = self.network.features(tokens, *self._restarted())
        # Cloned into memory of their own: products of a view, aligned differently from what a
        # checkpoint returns, round differently.
        self.states = tuple(state.detach().clone() for state in states)
        output = self.network.output
        loss = linear_cross_entropy(
            features.flatten(0, 1),
            output.weight,
            output.bias,
            targets.flatten(),
            self.precision,
        )
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer, schedule and carried states."""
        return {
            **self.optimisation.state_dict(),
            "states": list(self.states),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)
        self.states = placed(tuple(state["states"]))


def learner(network: LanguageModel, config: Config, data: Data, plan: Plan) -> LanguageModelLearner:
    """A learner for any of the nets of this family."""
    return LanguageModelLearner(network, config, data, plan)
