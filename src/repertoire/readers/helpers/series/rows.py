"""The columns that tables of one and of several series have in common."""

from typing import Any

import pandas as pd

from repertoire.contract import Array
from repertoire.data.dataset import SPLITS
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.series.encoding import step_block
from repertoire.kinds.series.steps import CLOCKS, clock_of, written_all
from repertoire.readers.helpers.series.courses import Course, step_of
from repertoire.readers.helpers.series.files import SeriesTable


def described(found: Course, told: Array) -> pd.DataFrame:
    """Each step: its time as it is written and in whole units since 1970, its part, its place.

    ``place`` is that of its part; ``filled`` counts its values that are interpolated.
    """
    clock = clock_of(found.times)
    since = (found.times - found.times.dtype.type(0, "us")) // CLOCKS[clock]
    table = pd.DataFrame({"time": written_all(found.times, found.step)})
    table[clock] = since.astype("int64")
    table["split"] = told
    table["place"] = table["split"].map({split: place for place, split in enumerate(SPLITS)})
    table["number"] = since.astype("int64")
    table["filled"] = found.filled.sum(1)
    table["key"] = table["time"]
    return table


def in_time() -> list[Expectation]:
    """Time runs forward, and parts follow one another."""
    rising = "ExpectColumnValuesToBeIncreasing"
    return [
        expect("time is strictly increasing", rising, column="number", strictly=True),
        expect("no time occurs twice", "ExpectColumnValuesToBeUnique", column="time"),
        expect("parts follow one another in time", rising, column="place", strictly=False),
    ]


def calendar(table: SeriesTable) -> dict[str, Any]:
    """What a client must know to tell the times of a forecast; nothing where steps are skipped.

    Business days are told in any case: those of holidays are the exception.
    """
    step = step_of(table)
    return {} if table.gaps == "skip" and step.unit != "business_day" else step_block(step)


def shared_facts(table: pd.DataFrame, stride: int, read: SeriesTable) -> dict[str, Any]:
    """``stride`` of origins, the step in words, and how many values were interpolated."""
    return {
        "stride": stride,
        "step_words": step_of(read).words,
        "filled": int(table["filled"].sum()),
    }
