"""Quantile regression on random windows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Array, Data, Plan
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.parts import pinball
from repertoire.families.forecaster.recurrent import Forecaster
from repertoire.families.forecaster.segments import SegmentForecaster
from repertoire.kinds.series.facts import CourseFacts
from repertoire.training.optimisation import Optimisation

Net = Forecaster | SegmentForecaster


class ForecasterLearner:
    """One AdamW step a batch of windows: ``lookback`` values and the horizon after them."""

    def __init__(self, network: Net, config: Config, data: Data[CourseFacts], plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        train = data.arrays("train")
        length = int(data.facts["lookback"] + data.facts["horizon"])
        self.windows = _windows(train["values"], length)
        self.known = _windows(train["known"], length) if "known" in train else None
        self.levels = torch.tensor(data.facts["levels"])
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * config.steps,
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """Windows (batch, lookback + horizon) of the training part, drawn with replacement.

        A last axis holds the series, where there are several. Where values are missing, a second
        tensor of that shape says with ones what is known.
        """
        rng = np.random.default_rng((self.plan.seed, epoch))
        drawn = rng.integers(0, len(self.windows), (self.config.steps, self.config.batch))
        for rows in torch.from_numpy(drawn):
            known = () if self.known is None else (self.known[rows],)
            yield (self.windows[rows], *known)

    def step(self, batch: tuple[Tensor, ...]) -> dict[str, float]:
        """Loss in deviations of what the net puts out, and the gradient's norm."""
        windows, *known = batch
        actual, quantiles = self.network.asked(windows)
        ahead = known[0][:, -actual.shape[1] :] if known else None
        loss = pinball(actual, quantiles, self.levels, ahead)
        return {"pinball_deviations": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def _windows(values: Array, length: int) -> Tensor:
    """values (time, …) -> (windows, length, …), each from a time on."""
    return torch.from_numpy(values.astype(np.float32)).unfold(0, length, 1).movedim(-1, 1)


def learner(network: Net, config: Config, data: Data[CourseFacts], plan: Plan) -> ForecasterLearner:
    """A learner for any cell."""
    return ForecasterLearner(network, config, data, plan)
