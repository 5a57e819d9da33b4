"""Truncated backpropagation through time with a state carried along parallel streams."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.waveforms.config import Config, initial_states
from repertoire.families.waveforms.network import Waveform
from repertoire.kinds.waveforms.facts import Facts
from repertoire.runtime.companding import SILENCE
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import placed
from repertoire.training.streams import carried, restarted, windows

Batch = tuple[bool, Tensor, Tensor]


class WaveformLearner:
    """One AdamW step a window of ``config.time`` samples of each stream.

    Recordings follow one another in a stream, with a level of silence between them.
    """

    def __init__(self, network: Waveform, config: Config, data: Data[Facts], plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        train = data.arrays("train")
        joined = np.insert(train["levels"], train["starts"], SILENCE)
        self.levels = torch.from_numpy(joined.astype(np.int64))
        # Short signals have fewer, shorter streams.
        usable = len(joined) - 1
        self.batch = max(1, min(config.batch, usable // 2))
        self.time = min(config.time, usable // self.batch)
        count = usable // (self.batch * self.time)
        self.spare = usable - count * self.batch * self.time
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * count,
            clip_norm=config.clip_norm,
        )
        self.states = self._initial()

    def _initial(self) -> tuple[Tensor, ...]:
        return placed(tuple(initial_states(self.config, self.batch).values()))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """(is it the first, levels, targets): parallel streams, cut into windows.

        Each epoch begins at another place, so that windows do not always start at the same samples.
        """
        most = min(self.time, self.spare + 1)
        offset = int(np.random.default_rng((self.plan.seed, epoch)).integers(most))
        yield from windows(self.levels, self.batch, self.time, offset)

    def step(self, batch: Batch) -> dict[str, float]:
        """Loss in nats per sample, and the gradient's norm before clipping."""
        first, levels, targets = batch
        if first:
            self.states = self._initial()
        before = restarted(self.states, self.config.restart)
        mixture, *states = self.network.features(levels, *before)
        self.states = carried(states)
        log_probs = self.network.log_probs(mixture.flatten(0, 1))
        loss = -log_probs.gather(1, targets.reshape(-1, 1)).mean()
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer, schedule, carried states."""
        return {**self.optimisation.state_dict(), "states": list(self.states)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)
        self.states = placed(tuple(state["states"]))


def learner(network: Waveform, config: Config, data: Data[Facts], plan: Plan) -> WaveformLearner:
    """A learner for the nets of this family."""
    return WaveformLearner(network, config, data, plan)
