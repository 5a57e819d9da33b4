"""Truncated backpropagation through time with a state carried across the stream."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.language_model.config import Config, initial_states
from repertoire.families.language_model.network import LanguageModel
from repertoire.nn.softmax import fastest_precision
from repertoire.training.averaging import Averaged
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import placed
from repertoire.training.streams import carried, restarted, windows

Batch = tuple[bool, Tensor, Tensor]


class LanguageModelLearner:
    """One Adam step a window of ``config.time`` tokens."""

    def __init__(self, network: LanguageModel, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.tokens = torch.from_numpy(data.arrays("train")["tokens"].astype(np.int64))
        rates = config.regularisation
        self.averaged = Averaged(network, rates.average) if rates and rates.average else None
        self.trained: LanguageModel = self.averaged.trained if self.averaged else network
        windows = len(self.tokens) // config.batch // config.time
        self.optimisation = self.optimisation_over(plan.epochs * windows)
        self.precision = fastest_precision() if config.softmax == "fastest" else torch.float32
        self.states = self._initial()

    def optimisation_over(self, steps: int) -> Optimisation:
        """The optimizer of what is trained, whose rate falls over so many steps."""
        config = self.config
        return Optimisation(
            self._groups(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=steps,
            clip_norm=config.clip_norm,
        )

    def _groups(self) -> list[dict[str, Any]]:
        core = list(self.trained.core.parameters())
        ids = {id(parameter) for parameter in core}
        rest = [p for p in self.trained.parameters() if id(p) not in ids]
        rate = self.config.core_rate * self.config.learning_rate
        return [{"params": rest}, {"params": core, "lr": rate}]

    def _initial(self) -> tuple[Tensor, ...]:
        zeros = initial_states(self.config, self.config.batch)
        return placed(tuple(zeros.values()))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """(is it the first, tokens, targets): ``batch`` parallel streams, cut into windows.

        Each epoch cuts at another place, so that windows do not always start at the same tokens.
        """
        config = self.config
        offset = int(np.random.default_rng((self.plan.seed, epoch)).integers(config.time))
        yield from windows(self.tokens, config.batch, config.time, offset)

    def step(self, batch: Batch) -> dict[str, float]:
        """Loss in nats per token, and the gradient's norm before clipping."""
        first, tokens, targets = batch
        if first:
            self.states = self._initial()
        hidden, states = self.trained.hidden(tokens, *restarted(self.states, self.config.restart))
        self.states = carried(states)
        features = self.trained.read(hidden)
        loss = self.trained.loss(features.flatten(0, 1), targets.flatten(), self.precision)
        record = self.optimisation.step(loss + self._penalty(hidden, features))
        if self.averaged:
            self.averaged.step()
        return {"loss_nats": loss.item(), **record}

    def _penalty(self, hidden: Tensor, features: Tensor) -> Tensor | float:
        """Activation and temporal activation regularisation (Merity et al. 2018, section 4.6)."""
        rates = self.config.regularisation
        if not rates:
            return 0.0
        # As in the paper, large outputs are punished as dropped, their changes as they are.
        still = (hidden[:, 1:] - hidden[:, :-1]).square().mean()
        return rates.activation * features.square().mean() + rates.temporal * still

    def state_dict(self) -> dict[str, Any]:
        """Optimizer, schedule, carried states, and the weights in training if others ship."""
        return {
            **self.optimisation.state_dict(),
            **(self.averaged.state_dict() if self.averaged else {}),
            "states": list(self.states),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)
        if self.averaged:
            self.averaged.load_state_dict(state)
        self.states = placed(tuple(state["states"]))


def learner(network: LanguageModel, config: Config, data: Data, plan: Plan) -> LanguageModelLearner:
    """A learner for any of the nets of this family."""
    return LanguageModelLearner(network, config, data, plan)
