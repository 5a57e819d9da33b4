"""A net that adds what it has learned to the mean of the last seasons, and its graph."""

import torch
from torch import Tensor, nn

from repertoire.config import ConfigError
from repertoire.contract import Graph, Port
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.recurrent import Forecaster
from repertoire.kinds.series.facts import Facts


class SeasonalForecaster(Forecaster):
    """Reads by how much each value differs from those of its place in the last seasons.

    The seasonal base of a value is the weighted mean of those one to ``seasonal_lags`` seasons
    before it; the weights are learned and sum to one. Quantiles are added to the base of the step
    ahead, and with ``relative`` also to the last difference. Seasonal differences are those of Box
    and Jenkins (1970).
    """

    base_places: Tensor

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__(config, facts)
        self.season, self.lags = int(facts["season"]), int(facts["seasonal_lags"])
        self.lookback = int(facts["lookback"])
        if self.lookback <= self.lags * self.season:
            raise ConfigError(
                f"lookback {self.lookback}: must exceed seasonal_lags {self.lags} times season "
                f"{self.season}"
            )
        self.weights = nn.Parameter(torch.zeros(self.lags))
        ahead = torch.arange(1, self.horizon + 1)
        # Of steps beyond a season the last known value of that place is one season further back.
        first = ahead - (ahead + self.season - 1) // self.season * self.season
        back = first.unsqueeze(1) - self.season * torch.arange(self.lags)
        self.register_buffer("base_places", back, persistent=False)  # (horizon, lags), from origin

    @property
    def spread(self) -> float:
        """The unit of outputs: the deviation of seasonal differences, on the scale."""
        return float(self.facts["seasonal_deviation"])

    def differences(self, values: Tensor) -> Tensor:
        """values (batch, time) on the scale -> (batch, time - lags * season), from their bases."""
        start, end = self.lags * self.season, values.shape[1]
        weights = torch.softmax(self.weights, 0)
        base = torch.zeros_like(values[:, start:])
        for lag in range(1, self.lags + 1):
            back = lag * self.season
            base = base + weights[lag - 1] * values[:, start - back : end - back]
        return values[:, start:] - base

    def bases_after(self, values: Tensor, origins: Tensor) -> Tensor:
        """values (batch, time), origins (n,) -> seasonal bases ahead (batch, n, horizon)."""
        places = origins.view(-1, 1, 1) + self.base_places
        return values[:, places] @ torch.softmax(self.weights, 0)

    def read(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """values (batch, lookback) -> hidden states and the last differences, of each position."""
        apart = self.differences(values)
        before = torch.cat((apart[:, :1], apart[:, :-1]), dim=1)
        hidden, _ = self.core(torch.stack((apart, apart - before), dim=2) / self.spread)
        return hidden, apart if self.config.relative else torch.zeros_like(apart)

    def asked(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """windows (batch, lookback + horizon) -> what came, and its quantiles, in spreads.

        Asked at every position that knows enough seasons.
        """
        values = self.scaled(windows)
        hidden, last = self.read(values[:, : self.lookback])
        origins = torch.arange(self.lags * self.season, self.lookback)
        base = self.bases_after(values, origins) + last.unsqueeze(2)
        ahead = values.unfold(1, self.horizon, 1)[:, origins + 1]
        return (ahead - base) / self.spread, self.normalised(hidden)


class SeasonalForecast(nn.Module):
    """A series of any length; what lies before the last ``lookback`` values changes nothing.

    Where fewer are known, the first value stands for those before it.
    """

    def __init__(self, network: SeasonalForecaster) -> None:
        super().__init__()
        self.network = network

    def forward(self, series: Tensor) -> Tensor:
        network = self.network
        places = torch.arange(-network.lookback, 0) + series.shape[1]
        values = network.scaled(series[:, places.clamp(min=0)])
        hidden, last = network.read(values)
        origin = torch.tensor([network.lookback - 1])
        base = network.bases_after(values, origin)[:, 0] + last[:, -1:]
        quantiles = network.normalised(hidden[:, -1:])[:, 0]
        return network.unscaled(base.unsqueeze(2) + network.spread * quantiles)


def seasonal_graphs(network: SeasonalForecaster, facts: Facts) -> tuple[Graph, ...]:
    """``forecast`` for a series at hand; whole seasons are needed, so nothing is carried on."""
    series = Port("series", "float32", ("batch", "time"), facts["low"], facts["high"])
    shape = ("batch", facts["horizon"], len(facts["levels"]))
    quantiles = Port("quantiles", "float32", shape)
    return (Graph("forecast", SeasonalForecast(network), (series,), (quantiles,)),)
