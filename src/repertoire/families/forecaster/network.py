"""The nets of this family, and the graphs they are exported as."""

import torch
from torch import Tensor, nn

from repertoire.config import ConfigError
from repertoire.contract import Graph, Port
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.recurrent import Forecaster
from repertoire.families.forecaster.seasonal import SeasonalForecaster, seasonal_graphs
from repertoire.families.forecaster.segments import SegmentForecaster, segment_graphs
from repertoire.kinds.panel.facts import Facts as PanelFacts
from repertoire.kinds.series.facts import Facts as SeriesFacts


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


def build(config: Config, facts: SeriesFacts | PanelFacts) -> Forecaster | SegmentForecaster:
    """The net for a data set's horizon, levels and scale, or for its series side by side."""
    if (config.segment > 0) != (facts["kind"] == "panel"):
        raise ConfigError("segment: above 0 for series side by side, 0 for one series alone")
    if facts["kind"] == "series":
        seasonal = facts.get("seasonal_lags", 0) > 0
        return SeasonalForecaster(config, facts) if seasonal else Forecaster(config, facts)
    if not config.relative or config.units % 2:
        raise ConfigError("segment: goes with relative: true and an even number of units")
    if facts["lookback"] % config.segment or facts["horizon"] % config.segment:
        raise ConfigError(f"segment: {config.segment} does not divide lookback and horizon")
    return SegmentForecaster(config, facts)


def graphs(network: nn.Module, facts: SeriesFacts | PanelFacts) -> tuple[Graph, ...]:
    """``forecast`` for a series at hand, ``update`` for one that goes on."""
    if isinstance(network, SegmentForecaster):
        return segment_graphs(network, network.facts)
    if isinstance(network, SeasonalForecaster):
        return seasonal_graphs(network, network.facts)
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
