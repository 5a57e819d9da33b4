"""A net that reads one series value by value."""

import torch
from torch import Tensor, nn

from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.parts import CELLS, rising
from repertoire.kinds.series.facts import Facts


class Forecaster(nn.Module):
    """A recurrent core over two inputs a step, and a linear map to all horizons and levels.

    What it is normalised by comes from ``facts``, thus from the training part.
    """

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.config, self.facts = config, facts.copy()
        self.horizon, self.levels = int(facts["horizon"]), list(facts["levels"])
        between = config.dropout if config.layers > 1 else 0.0
        self.core = CELLS[config.cell](
            2, config.units, config.layers, batch_first=True, dropout=between
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.units, self.horizon * len(self.levels))

    @property
    def spread(self) -> float:
        """The unit of outputs: a deviation of changes or of levels, on the scale."""
        return float(self.facts["change_deviation" if self.config.relative else "deviation"])

    def scaled(self, series: Tensor) -> Tensor:
        """Units of the series -> the scale it is modelled on."""
        if self.facts["scale"] == "root":
            return torch.sqrt(series)
        return torch.log(series) if self.facts["scale"] == "log" else series

    def unscaled(self, values: Tensor) -> Tensor:
        """The inverse of ``scaled``; it rises, so that quantiles stay in their order."""
        if self.facts["scale"] == "root":
            return torch.square(values.clamp(min=0))
        return torch.exp(values) if self.facts["scale"] == "log" else values

    def base(self, values: Tensor) -> Tensor:
        """What outputs are added to: the last value, or the mean. (batch, time), on the scale."""
        return values if self.config.relative else torch.full_like(values, self.facts["mean"])

    def inputs(self, values: Tensor, previous: Tensor) -> Tensor:
        """values (batch, time) after previous (batch,), on the scale -> (batch, time, 2).

        A change and its size, because the spread of changes follows their sizes; or the level
        and its change.
        """
        before = torch.cat((previous.unsqueeze(1), values[:, :-1]), dim=1)
        change = (values - before) / self.facts["change_deviation"]
        if self.config.relative:
            return torch.stack((change, change.abs()), dim=2)
        level = (values - self.facts["mean"]) / self.facts["deviation"]
        return torch.stack((level, change), dim=2)

    def normalised(self, hidden: Tensor) -> Tensor:
        """hidden (batch, time, units) -> quantiles (batch, time, horizon, levels) in spreads."""
        shape = (hidden.shape[0], hidden.shape[1], self.horizon, len(self.levels))
        raw = self.output(self.dropout(hidden)).view(shape)
        return rising(raw, self.levels.index(0.5))

    def asked(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """windows (batch, lookback + horizon) -> what came, and its quantiles, in spreads.

        Position t is asked for the values t + 1 to t + horizon.
        """
        values = self.scaled(windows)
        known = values[:, : self.facts["lookback"]]
        hidden, _ = self.core(self.inputs(known, known[:, 0]))
        ahead = values.unfold(1, self.horizon, 1)[:, 1:]
        actual = (ahead - self.base(known).unsqueeze(2)) / self.spread
        return actual, self.normalised(hidden)

    def quantiles(self, hidden: Tensor, values: Tensor) -> Tensor:
        """hidden (batch, time, units) after values (batch, time) -> (batch, horizon, levels).

        Those after the last value, in units of the series.
        """
        base = self.base(values[:, -1:])[..., None]
        return self.unscaled(base + self.spread * self.normalised(hidden[:, -1:])[:, 0])
