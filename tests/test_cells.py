"""Numbers and times in cells, as people and programs write them."""

import numpy as np
import pandas as pd
import pytest

from repertoire.data.cells import decimal_mark, missing, numbers
from repertoire.data.doors import OptionNeeded
from repertoire.data.stamps import stamps, time_format
from repertoire.kinds.series.steps import found_step, step_called


@pytest.mark.parametrize(
    ("cells", "mark", "values"),
    [
        (["1,234.5", "7", "-3"], ".", [1234.5, 7, -3]),
        (["1.234,5", "7"], ",", [1234.5, 7]),
        (["1,234", "987"], ".", [1234, 987]),
        (["0,123", "0,456"], ",", [0.123, 0.456]),
        (["1 234,5", "3"], ",", [1234.5, 3]),
        (["1\u202f234,5", "1,5"], ",", [1234.5, 1.5]),
        (["1'234.5", "−3"], ".", [1234.5, -3]),
        (["$1,234.50", "5 %"], ".", [1234.5, 5]),
        (["1.234.567", "3"], ",", [1234567, 3]),
        (["1e5", ".5"], ".", [100000, 0.5]),
    ],
)
def test_numbers_are_read_by_the_mark_that_reads_most(cells, mark, values):
    column = pd.Series(cells)
    assert decimal_mark("y", column) == mark
    assert numbers(column, mark).tolist() == values


def test_what_is_missing_is_told_from_what_is_no_number():
    column = pd.Series(["", "NaN", "n/a", "-", "inf", "12,34,567", "abc", "2"])
    assert missing(column).tolist() == [True] * 4 + [False] * 4
    assert numbers(column, ".").isna().tolist() == [True] * 7 + [False]


def test_a_mark_that_could_be_either_asks_for_the_option():
    with pytest.raises(OptionNeeded, match=r"'1,234' could be 1234 or 1\.234.*--decimal"):
        decimal_mark("y", pd.Series(["1,234", "2,345"]))


def test_an_hour_that_clocks_skip_or_repeat_untold_is_no_time():
    cells = pd.Series(["2024-03-31 01:30", "2024-03-31 02:30", "2024-10-27 02:30"])
    found = stamps(cells, "ISO8601", "Europe/Berlin")
    assert found.isna().tolist() == [False, True, True]
    assert found[0] == pd.Timestamp("2024-03-31 00:30")


def test_dots_are_day_first_and_slashes_of_both_orders_ask():
    assert time_format("ds", pd.Series(["01.02.2024", "02.02.2024"])) == "%d.%m.%Y"
    with pytest.raises(OptionNeeded, match="1 February 2024 or 2 January 2024"):
        time_format("ds", pd.Series(["01/02/2024"]))


@pytest.mark.parametrize(
    "alias", ["90s", "15min", "h", "D", "28D", "B", "MS", "ME", "QE", "2MS", "YS"]
)
def test_a_step_is_found_again_and_leads_from_place_to_time(alias):
    times = pd.date_range("2021-02-01", periods=61, freq=alias).to_numpy("datetime64[us]")
    step = found_step(times)
    assert step is not None and step == step_called(alias) == step_called(step.alias)
    places, whole = step.places(times, times[0])
    assert places.tolist() == list(range(61)) and whole.all()
    again = step.times(times[0], places)
    unit = "M" if step.unit == "month" else "us"
    assert np.array_equal(again.astype(f"datetime64[{unit}]"), times.astype(f"datetime64[{unit}]"))


def test_a_few_lost_times_leave_the_step_and_random_ones_have_none():
    times = np.arange(97).astype("datetime64[h]").astype("datetime64[us]")
    assert found_step(np.delete(times, [3, 50, 51])) == step_called("h")
    random = np.unique(np.random.default_rng(0).integers(0, 10**12, 97)).astype("datetime64[us]")
    assert found_step(random) is None
