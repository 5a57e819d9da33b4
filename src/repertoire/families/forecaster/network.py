"""The net, and the two graphs it is exported as."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repertoire.config import ConfigError
from repertoire.contract import Graph, Port
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.parts import CELLS, rising
from repertoire.families.forecaster.segments import SegmentForecaster, segment_graphs


class Forecaster(nn.Module):
    """A recurrent core over two inputs a step, and a linear map to all horizons and levels.

    What it is normalised by comes from ``facts``, thus from the training part.
    """

    def __init__(self, config: Config, facts: Mapping[str, Any]) -> None:
        super().__init__()
        self.config, self.facts = config, dict(facts)
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


class Forecast(nn.Module):
    """A series of any length; what lies before the last ``lookback`` values changes nothing."""

    def __init__(self, network: Forecaster) -> None:
        super().__init__()
        self.network = network

    def forward(self, series: Tensor) -> Tensor:
        values = self.network.scaled(series[:, -self.network.facts["lookback"] :])
        hidden, _ = self.network.core(self.network.inputs(values, values[:, 0]))
        return self.network.quantiles(hidden, values)


class Update(nn.Module):
    """More values of a series that is followed: states in and out."""

    def __init__(self, network: Forecaster) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, series: Tensor, previous: Tensor, seen: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        values = self.network.scaled(series)
        # Nothing precedes the first value of all: its change is zero.
        before = torch.where(seen > 0, previous, values[:, 0])
        start = states if len(states) > 1 else states[0]
        hidden, end = self.network.core(self.network.inputs(values, before), start)
        count = seen + torch.ones_like(series).sum(1)
        after = tuple(end) if len(states) > 1 else (end,)
        return (self.network.quantiles(hidden, values), values[:, -1], count, *after)


def build(config: Config, facts: Mapping[str, Any]) -> Forecaster | SegmentForecaster:
    """The net for a data set's horizon, levels and scale, or for its series side by side."""
    if (config.segment > 0) != (facts["kind"] == "panel"):
        raise ConfigError("segment: above 0 for series side by side, 0 for one series alone")
    if not config.segment:
        return Forecaster(config, facts)
    if not config.relative or config.units % 2:
        raise ConfigError("segment: goes with relative: true and an even number of units")
    if facts["lookback"] % config.segment or facts["horizon"] % config.segment:
        raise ConfigError(f"segment: {config.segment} does not divide lookback and horizon")
    return SegmentForecaster(config, facts)


def graphs(network: nn.Module, facts: Mapping[str, Any]) -> tuple[Graph, ...]:
    """``forecast`` for a series at hand, ``update`` for one that goes on."""
    if isinstance(network, SegmentForecaster):
        return segment_graphs(network, facts)
    assert isinstance(network, Forecaster)
    config = network.config
    series = Port("series", "float32", ("batch", "time"), facts["low"], facts["high"])
    shape = ("batch", facts["horizon"], len(facts["levels"]))
    quantiles = Port("quantiles", "float32", shape)
    names = ("hidden", "cell") if config.cell == "lstm" else ("hidden",)
    states = (
        Port("previous", "float32", ("batch",)),
        Port("seen", "float32", ("batch",)),
        *(Port(name, "float32", (config.layers, "batch", config.units)) for name in names),
    )
    after = tuple(Port(f"next_{port.name}", port.dtype, port.shape) for port in states)
    feedback = {out.name: into.name for out, into in zip(after, states, strict=True)}
    return (
        Graph("forecast", Forecast(network), (series,), (quantiles,)),
        Graph("update", Update(network), (series, *states), (quantiles, *after), feedback),
    )
