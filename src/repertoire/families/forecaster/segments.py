"""A net that reads several series by segments, and the graph it is exported as."""

import torch
from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.parts import CELLS, rising
from repertoire.kinds.panel.facts import Facts


class SegmentForecaster(nn.Module):
    """Few recurrent steps over long segments, then all segments of the horizon at once.

    Lin et al. 2023, "SegRNN: Segment Recurrent Neural Network for Long-Term Time Series
    Forecasting", section 4: the last value is taken away and added again, a segment is one input,
    and each segment to come is one step from the last state, told by where it lies and by whose
    series it is. All series share the weights. Normalised by the training part, from ``facts``.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.config, self.facts = config, facts.copy()
        self.horizon, self.levels = int(facts["horizon"]), list(facts["levels"])
        self.lookback = int(facts["lookback"])
        self.ahead = self.horizon // config.segment
        self.read = nn.Linear(config.segment, config.units)
        between = config.dropout if config.layers > 1 else 0.0
        self.core = CELLS[config.cell](
            config.units, config.units, config.layers, batch_first=True, dropout=between
        )
        self.place = nn.Parameter(torch.randn(self.ahead, config.units // 2))
        self.owner = nn.Parameter(torch.randn(len(facts["series"]), config.units // 2))
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.units, config.segment * len(self.levels))
        self.register_buffer("mean", torch.tensor(facts["mean"]), persistent=False)
        self.register_buffer("deviation", torch.tensor(facts["deviation"]), persistent=False)

    def scaled(self, values: Tensor) -> Tensor:
        """(batch, time, series) in units -> deviations of the training part."""
        return (values - self.mean) / self.deviation

    def changes(self, past: Tensor) -> Tensor:
        """past (batch, lookback, series) -> quantiles (batch, horizon, series, levels).

        Both in deviations; of what is added to the last value.
        """
        owners, width = len(self.facts["series"]), self.config.segment
        moved = (past - past[:, -1:]).transpose(1, 2)
        segments = moved.reshape(-1, self.lookback // width, width)
        _, state = self.core(torch.relu(self.read(segments)))
        steps = self._asked(past[:, 0, 0])
        # Each segment ahead is a sequence of one step, from a copy of the same state.
        is_lstm = isinstance(state, tuple)
        copies = tuple(
            each.repeat_interleave(self.ahead, dim=1) for each in (state if is_lstm else (state,))
        )
        start = copies if is_lstm else copies[0]
        hidden, _ = self.core(steps.reshape(-1, 1, self.config.units), start)
        raw = self.output(self.dropout(hidden[:, 0]))
        shape = (-1, owners, self.horizon, len(self.levels))
        return rising(raw.view(shape).transpose(1, 2), self.levels.index(0.5))

    def _asked(self, rows: Tensor) -> Tensor:
        """rows (batch,) -> which segment of which series: (batch, series, ahead, units)."""
        place = self.place.unsqueeze(0).expand(len(self.owner), -1, -1)
        owner = self.owner.unsqueeze(1).expand(-1, self.ahead, -1)
        return torch.cat((place, owner), dim=2) + torch.zeros_like(rows)[:, None, None, None]

    def asked(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """windows (batch, lookback + horizon, series) in units -> what came, and its quantiles."""
        values = self.scaled(windows)
        past, ahead = values[:, : self.lookback], values[:, self.lookback :]
        return ahead - past[:, -1:], self.changes(past)


class SegmentForecast(nn.Module):
    """Series of any length side by side; what lies before the last ``lookback`` changes nothing.

    Where fewer are known, the first values stand for those before them.
    """

    def __init__(self, network: SegmentForecaster) -> None:
        super().__init__()
        self.network = network

    def forward(self, series: Tensor) -> Tensor:
        network = self.network
        places = torch.arange(-network.lookback, 0) + series.shape[1]
        past = series[:, places.clamp(min=0)]
        # Differences are taken and added in units: a value that is small beside its mean, and a
        # change that is small beside its value, would lose their digits otherwise.
        moved = network.changes((past - past[:, -1:]) / network.deviation)
        moved = moved * network.deviation[:, None]
        return past[:, -1:].unsqueeze(3) + moved


class SegmentPoint(nn.Module):
    """One value a step and series, as the recipe's ``point`` says; for who asks for no interval."""

    def __init__(self, network: SegmentForecaster) -> None:
        super().__init__()
        self.forecast, self.is_mean = SegmentForecast(network), network.config.point == "mean"
        self.centre = network.levels.index(0.5)

    def forward(self, series: Tensor) -> Tensor:
        quantiles = self.forecast(series)
        found: Tensor = quantiles.mean(3) if self.is_mean else quantiles[..., self.centre]
        return found


def segment_graphs(network: SegmentForecaster, facts: Facts) -> tuple[Graph, ...]:
    """``forecast`` and ``point`` for series at hand.

    Segments leave nothing to carry from value to value.
    """
    owners = len(facts["series"])
    series = Port("series", "float32", ("batch", "time", owners), facts["low"], facts["high"])
    shape = ("batch", facts["horizon"], owners)
    quantiles = Port("quantiles", "float32", (*shape, len(facts["levels"])))
    points = Port("points", "float32", shape)
    drawn = {"series": (facts["drawn"][0], facts["drawn"][1])} if "drawn" in facts else {}
    return (
        Graph("forecast", SegmentForecast(network), (series,), (quantiles,), drawn=drawn),
        Graph("point", SegmentPoint(network), (series,), (points,), drawn=drawn),
    )
