"""Series with a cycle, a season, and a random walk, in the layouts of the real files."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np


def write_yearly_and_monthly(path: Path) -> None:
    """Counts with a cycle of eleven years, and temperatures with a season of twelve months."""
    rng = np.random.default_rng(0)
    years = np.arange(1700, 2009)
    counts = 50 * (1 + np.sin(years * 2 * np.pi / 11)) + 10 * rng.random(len(years))
    cycle = [f"{year},{count:.1f}" for year, count in zip(years, counts, strict=True)]
    months = 20 + 4 * np.cos(np.arange(12) * np.pi / 6) + rng.standard_normal((61, 12)) / 3
    rows = [f"{1950 + n}," + ",".join(f"{v:.3f}" for v in row) for n, row in enumerate(months)]
    names = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    folder = "statsmodels-0.15.0/statsmodels/datasets"
    with tarfile.open(path, "w:gz") as tar:
        _add(tar, f"{folder}/sunspots/sunspots.csv", ['"YEAR","SUNACTIVITY"', *cycle])
        _add(tar, f"{folder}/elnino/elnino.csv", [",".join(["YEAR", *names]), *rows])


def write_prices(path: Path) -> None:
    """A random walk of the logarithm, a price every second day."""
    rng = np.random.default_rng(1)
    prices = 1000 * np.exp(np.cumsum(0.01 * rng.standard_normal(353)))
    days = np.datetime64("2013-01-01") + 2 * np.arange(353)
    dates = [day.item().strftime("%-m/%-d/%Y") for day in days]
    lines = [f"{day},{price:.4f}" for day, price in zip(dates, prices, strict=True)]
    content = gzip.compress("\n".join(["Date,Adj Close", *lines]).encode(), mtime=0)
    with tarfile.open(path, "w:gz") as tar:
        _add_bytes(tar, "arch-8.0.0/arch/data/sp500/sp500.csv.gz", content)


def write_panel(path: Path) -> None:
    """Seven series with a season of twelve hours, each around a level and at a pace of its own."""
    rng = np.random.default_rng(2)
    hours = np.arange(397)
    days = np.datetime64("2016-07-01T00") + hours.astype("timedelta64[h]")
    phases, levels = np.arange(7) / 3, np.arange(7) * 4 - 5
    values = levels + 2 * np.sin(hours[:, None] * np.pi / 6 + phases)
    values += 0.2 * rng.standard_normal(values.shape)
    lines = [
        f"{day.item():%Y-%m-%d %H:%M:%S}," + ",".join(f"{value:.4f}" for value in row)
        for day, row in zip(days, values, strict=True)
    ]
    path.write_text(
        "\n".join(["date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT", *lines]) + "\n", encoding="utf-8"
    )


def _add(tar: tarfile.TarFile, name: str, lines: list[str]) -> None:
    _add_bytes(tar, name, "\n".join(lines).encode())


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


ARCHIVES = {
    "statsmodels-0.15.0.tar.gz": write_yearly_and_monthly,
    "arch-8.0.0.tar.gz": write_prices,
    "ett/ETTh1.csv": write_panel,
}
DATA = {
    "sunspots": {"lookback": 7, "horizon": 5, "largest_order": 11},
    "sea_temperature": {"lookback": 13, "horizon": 3, "largest_order": 7},
    "sp500": {
        "lookback": 11,
        "horizon": 3,
        "largest_order": 2,
        "valid_from": "2014-05-01",
        "test_from": "2014-09-01",
    },
    "etth1": {
        "season": 12,
        "lookback": 32,
        "ridge_lookback": 37,
        "horizon": 16,
        "rows": [211, 67, 71],
    },
}
RECIPES = {
    "gru_sunspots": {"units": 7, "batch": 5, "steps": 11},
    "gru_sp500": {"units": 5, "batch": 7, "steps": 11},
    "etth1_gru": {"units": 6, "segment": 8, "batch": 3, "steps": 11, "learning_rate": 0.003},
}
STAND_INS = dict.fromkeys(("rnn_sunspots", "lstm_sunspots", "gru_sea_temperature"), "gru_sunspots")
DATA_OF = {"sea_temperature": "sunspots", "etth1": "etth1"}
BENCHMARK_SIZES = {"etth1_gru": {"segment": 16}}  # what divides the small look-back
