"""Settings of a forecaster for anybody's series, by their number, length and persistence."""

import math

from repertoire.contract import Preset
from repertoire.kinds.panel.facts import Facts as PanelFacts
from repertoire.kinds.series.facts import Facts as SeriesFacts
from repertoire.kinds.series.proposals import PENALTIES, PERSISTENT

SHORT, LONG = 500, 5000  # values of training
SEGMENTS = 4  # of a look-back, at least
LONGEST_SEGMENT = 48  # Lin et al. 2023 ("SegRNN") take 48 of 720 values
READ = 512  # windows of single series in a batch
COMMON = {
    "cell": "gru",
    "layers": 1,
    "warmup": 0.05,
    "clip_norm": 1.0,
    "weight_decay": 0.01,
}


def preset(facts: SeriesFacts | PanelFacts, rows: int) -> Preset:
    """A GRU that reads one series value by value, or several by segments.

    ``rows`` are steps of training. Where a series wanders, changes are modelled; otherwise levels.
    """
    return _panel(facts, rows) if facts["kind"] == "panel" else _series(facts, rows)


def _series(facts: SeriesFacts, rows: int) -> Preset:
    relative = facts["persistence"] < PERSISTENT
    units = 24 if rows < SHORT else 32 if rows < LONG else 64
    config = {
        **COMMON,
        "units": units,
        "dropout": 0.2 if rows < SHORT else 0.0,
        "relative": relative,
        "segment": 0,
        "point": "median",
        "batch": 32,
        "steps": 40 if rows < LONG else 80,
        "learning_rate": 0.001 if relative else 0.003,
        "penalties": [],
    }
    return Preset(config, "pinball_loss", "lower", 20 if rows < LONG else 40)


def _panel(facts: PanelFacts, rows: int) -> Preset:
    series = len(facts["series"])
    values = rows * series
    config = {
        **COMMON,
        "units": 32 if values < LONG else 64 if values < 100 * LONG else 128,
        "dropout": 0.2,
        "relative": True,
        "segment": segment_of(facts["lookback"], facts["horizon"]),
        "point": "mean",
        "batch": max(2, min(32, READ // series)),
        "steps": 40 if values < 20 * LONG else 100,
        "learning_rate": 0.005,
        "penalties": PENALTIES,
    }
    return Preset(config, "mse", "lower", 20)


def segment_of(lookback: int, horizon: int) -> int:
    """The longest common divisor that cuts the look-back into enough segments."""
    common = math.gcd(lookback, horizon)
    longest = max(1, min(LONGEST_SEGMENT, lookback // SEGMENTS))
    return max(d for d in range(1, common + 1) if common % d == 0 and d <= longest)
