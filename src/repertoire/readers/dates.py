"""Dates as people write them, in English, German order and Korean, paired with ISO 8601.

Two-digit years are 1970 to 2069. Slashes mean month/day/year, dots after two digits mean
day.month.year, so every written date has one reading.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.pairs.encoding import Side, encode_pairs, pair_expectations, split_by_chance

KIND = "pairs"
MONTHS = "January February March April May June July August September October November December"
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
KOREAN_DAYS = "월화수목금토일"


def _month(day: date) -> str:
    return MONTHS.split()[day.month - 1]


def _weekday(day: date) -> str:
    return DAYS.split()[day.weekday()]


def _ordinal(number: int) -> str:
    ending = (
        "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{ending}"


FORMATS: dict[str, Callable[[date], str]] = {
    "September 27, 1994": lambda d: f"{_month(d)} {d.day}, {d.year}",
    "27 September 1994": lambda d: f"{d.day} {_month(d)} {d.year}",
    "Sep 27, 1994": lambda d: f"{_month(d)[:3]} {d.day}, {d.year}",
    "27-Sep-94": lambda d: f"{d.day:02d}-{_month(d)[:3]}-{d:%y}",
    "SEP 27 94": lambda d: f"{_month(d)[:3].upper()} {d.day} {d:%y}",
    "the 27th of September 1994": lambda d: f"the {_ordinal(d.day)} of {_month(d)} {d.year}",
    "Tuesday, September 27th, 1994": lambda d: (
        f"{_weekday(d)}, {_month(d)} {_ordinal(d.day)}, {d.year}"
    ),
    "Tue 27 Sep 1994": lambda d: f"{_weekday(d)[:3]} {d.day} {_month(d)[:3]} {d.year}",
    "9/27/94": lambda d: f"{d.month}/{d.day}/{d:%y}",
    "09/27/1994": lambda d: f"{d.month:02d}/{d.day:02d}/{d.year}",
    "27.9.1994": lambda d: f"{d.day}.{d.month}.{d.year}",
    "1994.09.27": lambda d: f"{d.year}.{d.month:02d}.{d.day:02d}",
    "19940927": lambda d: f"{d.year}{d.month:02d}{d.day:02d}",
    "1994년 9월 27일": lambda d: f"{d.year}년 {d.month}월 {d.day}일",
    "1994년9월27일(화)": lambda d: f"{d.year}년{d.month}월{d.day}일({KOREAN_DAYS[d.weekday()]})",
    "94년 9월 27일 화요일": lambda d: (
        f"{d:%y}년 {d.month}월 {d.day}일 {KOREAN_DAYS[d.weekday()]}요일"
    ),
    "1994. 9. 27.": lambda d: f"{d.year}. {d.month}. {d.day}.",
}


@dataclass(frozen=True)
class Config:
    """Whole days are held out: no test date is seen in training in any format."""

    seed: Seed
    rows: Count
    first: str
    last: str
    valid_share: Share
    test_share: Share
    source: Side
    target: Side


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a written date; ``files`` is empty because dates are generated."""
    rng = np.random.default_rng(config.seed)
    first, last = date.fromisoformat(config.first), date.fromisoformat(config.last)
    offsets = rng.integers(0, (last - first).days + 1, config.rows)
    names = list(FORMATS)
    styles = rng.integers(0, len(names), config.rows)
    days = [first + timedelta(int(offset)) for offset in offsets]
    table = pd.DataFrame(
        {
            "source": [FORMATS[names[s]](d) for s, d in zip(styles, days, strict=True)],
            "target": [d.isoformat() for d in days],
            "format": [names[s] for s in styles],
        }
    ).drop_duplicates("source")
    distinct = table["target"].drop_duplicates().to_numpy()
    chance = dict(zip(distinct, rng.random(len(distinct)), strict=True))
    place = table["target"].map(chance)
    table["split"] = split_by_chance(place, config.valid_share, config.test_share)
    table["key"] = table["target"]
    return table


def expectations(config: Config) -> list[Expectation]:
    """Lengths, ISO targets, and no format missing or dominant."""
    share = 1 / len(FORMATS)
    return [
        *pair_expectations(config.source, config.target),
        expect(
            "targets are ISO 8601 dates",
            "ExpectColumnValuesToMatchRegex",
            column="target",
            regex=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
        ),
        expect(
            "formats are balanced",
            "ExpectColumnKLDivergenceToBeLessThan",
            column="format",
            partition_object={"values": list(FORMATS), "weights": [share] * len(FORMATS)},
            threshold=0.05,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Character ids of both sides."""
    return encode_pairs(table, config.source, config.target)
