"""Series and panels: long and wide tables of anybody, clean and dirty, to a served forecast."""

import json

import numpy as np
import pandas as pd
import pytest

from repertoire.config import ConfigError, parse
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.readers import load_reader, series_table
from tests.own.journey import add, repro, served

HOURS = pd.date_range("2024-01-01", periods=211, freq="h")
DAYS = pd.date_range("2024-01-01", periods=211, freq="D")
MONTHS = pd.date_range("2010-01-01", periods=101, freq="MS")


def wave(count, season=24, seed=0):
    """A clean season around ten."""
    noise = np.random.default_rng(seed).standard_normal(count)
    return 10 + 3 * np.sin(np.arange(count) * 2 * np.pi / season) + 0.1 * noise


def text(times, *columns, header="ds,y", form="{:.3f}", between=","):
    """A table of times and values as CSV."""
    rows = [
        between.join([str(time), *(form.format(value) for value in values)])
        for time, *values in zip(times, *columns, strict=True)
    ]
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def proposed(raw, content, name="a.csv", **options):
    (raw / name).write_text(content, encoding="utf-8")
    return series_table.propose(raw, {k.replace("_", "-"): v for k, v in options.items()})


def tabulated(raw, proposal):
    reader = load_reader(proposal.reader)
    config = parse(reader.Config, json.loads(json.dumps(proposal.config)), "test")
    table = reader.tabulate(config, Files({"raw": raw}))
    return table, reader.encode(config, table)


def said(proposal, of):
    return next(fact.sentence for fact in proposal.facts if fact.of == of)


def test_a_csv_file_of_hours_becomes_a_served_forecast_with_times_in_two_commands(tmp_path):
    path = tmp_path / "load.csv"
    path.write_text(text(HOURS, wave(211)), encoding="utf-8")
    found = add(tmp_path, "load", path, "--family", "forecaster", "--minutes", "0.02")
    assert found.returncode == 0, found.stderr
    assert "one hour, told from the times: 211 steps" in found.stdout
    artifacts = repro(tmp_path, "load")
    series, end = wave(997)[:960].tolist(), "2024-02-09T23:00"
    with served(artifacts.parent) as client:
        answer = client.post(
            "/v1/models/load/forecast", json={"series": series, "times": [end]}
        ).json()
        short = client.post("/v1/models/load/forecast", json={"series": series[:9]}).json()
    [result] = answer["results"]
    horizon = len(result["median"])
    assert result["times"][:2] == ["2024-02-10T00:00:00", "2024-02-10T01:00:00"]
    # The season is in the net from the beginning: little training is enough.
    assert result["median"] == pytest.approx(wave(997)[960:][:horizon], abs=1.5)
    assert "series holds 9 values; send" in short["error"]


def test_a_long_table_with_gaps_becomes_a_served_panel_that_takes_null(tmp_path):
    path = tmp_path / "shops.csv"
    rows = [
        f"{name},{day:%Y-%m-%d},{value * scale:.4f}"
        for name, scale in (("small", 1), ("large", 1000))
        for number, (day, value) in enumerate(zip(DAYS, wave(211, 7), strict=True))
        if (number * 7 + scale) % 31
    ]
    path.write_text("\n".join(["unique_id,ds,y", *rows]), encoding="utf-8")
    words = ("--family", "forecaster", "--minutes", "0.02")
    assert "--gaps interpolate" in add(tmp_path, "shops", path, *words).stderr
    found = add(tmp_path, "shops", path, *words, "--gaps", "leave")
    assert found.returncode == 0, found.stderr
    artifacts = repro(tmp_path, "shops")
    history = [[1000 * value, value] for value in wave(211, 7)[:70]]
    history[5][0] = None
    with served(artifacts.parent) as client:
        body = {"series": history, "times": ["2024-03-10"]}
        [result] = client.post("/v1/models/shops/forecast", json=body).json()["results"]
    assert result["names"] == ["large", "small"] and result["times"][0] == "2024-03-11"
    first = result["median"][0]
    assert 4000 < first[0] < 16000 and 4 < first[1] < 16


@pytest.mark.parametrize(
    ("times", "step", "first"),
    [
        (DAYS.strftime("%Y-%m-%d"), "day", "2024-01-01"),
        (DAYS.strftime("%d.%m.%Y"), "day", "2024-01-01"),
        (DAYS.strftime("%-m/%-d/%Y"), "day", "2024-01-01"),
        (MONTHS.strftime("%Y-%m"), "month", "2010-01"),
        (MONTHS.strftime("%b %Y"), "month", "2010-01"),
        ([f"{y}Q{q}" for y in range(1990, 2009) for q in (1, 2, 3, 4)], "quarter", "1990-01"),
        (range(1901, 2000), "year", "1901"),
        (HOURS.astype("datetime64[s]").astype("int64"), "hour", "2024-01-01 00:00"),
        (HOURS.astype("datetime64[ms]").astype("int64"), "hour", "2024-01-01 00:00"),
        (pd.date_range("2024-01-01", periods=97, freq="15min"), "15 minutes", "2024-01-01 00:00"),
        (pd.bdate_range("2024-01-01", periods=97), "business day", "2024-01-01"),
        (pd.date_range("2020-01-05", periods=97, freq="W"), "week", "2020-01-05"),
        (range(1, 98), "step", "1"),
    ],
)
def test_times_in_any_format_are_read_and_the_step_is_told(raw, times, step, first):
    proposal = proposed(raw, text(times, wave(len(times)), header="time,y"))
    assert f"one {step}, told from the times: {len(times)} steps" in said(proposal, "frequency")
    table, _ = tabulated(raw, proposal)
    assert table["time"].iloc[0] == first and len(table) == len(times)


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (text(DAYS, wave(211) * 1000, form='"{:,.2f}"'), wave(211) * 1000),
        (
            text(DAYS, wave(211), between=";", header="Datum;Wert").replace("2024-", "2024#")
            .replace(".", ",").replace("#", "-"),
            wave(211),
        ),
        (text(DAYS, -wave(211)).replace(",-", ",−"), -wave(211)),
        ("\ufeff" + text(DAYS, wave(211)).replace("\n", "\r\n"), wave(211)),
        (text(DAYS, wave(211)) + ",\n,\n", wave(211)),
        (text(DAYS, wave(211)).partition("\n")[2], wave(211)),
    ],
)  # fmt: skip
def test_numbers_and_files_as_programs_write_them_are_read_alike(raw, content, values):
    table, _ = tabulated(raw, proposed(raw, content))
    assert table["value"].to_numpy() == pytest.approx(values, abs=0.006)


def test_rows_in_any_order_make_the_same_course(raw):
    lines = text(HOURS, wave(211)).strip().split("\n")
    order = np.random.default_rng(1).permutation(210) + 1
    mixed = "\n".join([lines[0], *(lines[place] for place in order)])
    table, _ = tabulated(raw, proposed(raw, mixed))
    assert table["value"].to_numpy() == pytest.approx(wave(211)[:210], abs=0.001)


def test_offsets_become_utc_and_midnights_stay_days(raw):
    local = pd.date_range("2024-10-20", periods=211, freq="h", tz="Europe/Berlin")
    content = text([time.isoformat() for time in local], wave(211))
    table, _ = tabulated(raw, proposed(raw, content))
    assert table["time"].iloc[[0, -1]].tolist() == ["2024-10-19 22:00", "2024-10-28 16:00"]
    days = pd.date_range("2024-10-20", periods=97, freq="D", tz="Europe/Berlin")
    content = text([time.isoformat() for time in days], wave(97))
    table, _ = tabulated(raw, proposed(raw, content))
    assert table["time"].iloc[0] == "2024-10-20"


def test_clocks_set_back_ask_for_the_zone_and_with_it_no_hour_is_lost(raw):
    local = pd.date_range("2024-10-20", periods=211, freq="h", tz="Europe/Berlin")
    content = text(local.tz_localize(None), wave(211))
    with pytest.raises(SourceError, match=r"rows 172 and 173.*--timezone Europe/Berlin"):
        proposed(raw, content)
    table, _ = tabulated(raw, proposed(raw, content, timezone="Europe/Berlin"))
    assert table["value"].to_numpy() == pytest.approx(wave(211), abs=0.001)


def lost(*places):
    kept = np.delete(np.arange(211), places)
    return text(HOURS[kept], wave(211)[kept])


def test_gaps_are_refused_filled_up_to_a_number_or_skipped(raw):
    with pytest.raises(SourceError, match=r"no value at 2024-01-04 05:00; 3 of 211 steps.*--gaps"):
        proposed(raw, lost(77, 78, 200))
    table, encoded = tabulated(raw, proposed(raw, lost(77, 78, 200), gaps="interpolate"))
    first, last = wave(211)[76], wave(211)[79]
    assert table["value"][77] == pytest.approx(first + (last - first) / 3, abs=0.001)
    assert encoded.facts["filled"] == 3 and table["filled"].sum() == 3
    with pytest.raises(SourceError, match=r"4 values in a row.*--longest-gap 4"):
        proposed(raw, lost(77, 78, 79, 80), gaps="interpolate")
    table, encoded = tabulated(raw, proposed(raw, lost(77, 78, 200), gaps="skip"))
    assert len(table) == 208 and "step" not in encoded.encodings["series"]


def test_empty_cells_and_nan_are_gaps_and_other_words_are_bad_rows(raw):
    lines = text(HOURS, wave(211)).split("\n")
    lines[30], lines[60] = lines[30].split(",")[0] + ",", lines[60].split(",")[0] + ",NaN"
    assert "2 of 211 steps" in said(proposed(raw, "\n".join(lines), gaps="interpolate"), "gaps")
    lines[90] = lines[90].split(",")[0] + ",many"
    with pytest.raises(SourceError, match=r"a\.csv: row 91: column y: 'many'.*--on-bad-row drop"):
        proposed(raw, "\n".join(lines), gaps="interpolate")
    proposal = proposed(raw, "\n".join(lines), gaps="interpolate", on_bad_row="drop")
    table, _ = tabulated(raw, proposal)
    assert "3 of 211 steps" in said(proposal, "gaps")
    assert [row["row"] for row in table.attrs["dropped"]] == [91]


def test_values_of_one_time_are_refused_or_aggregated(raw):
    content = text(HOURS, wave(211)) + f"{HOURS[5]},99\n"
    with pytest.raises(SourceError, match=r"rows 7 and 213 give two values.*--aggregate mean"):
        proposed(raw, content)
    table, _ = tabulated(raw, proposed(raw, content, aggregate="mean"))
    assert table["value"][5] == pytest.approx((wave(211)[5] + 99) / 2, abs=0.001)
    repeated = text(HOURS, wave(211)) + text(HOURS, wave(211)).partition("\n")[2]
    assert said(proposed(raw, repeated), "repeated rows").startswith("211 exact repeats")


def test_irregular_times_need_a_step_and_sum_up_within_it(raw):
    minutes = np.sort(np.random.default_rng(2).integers(0, 101 * 1440, 2003))
    times = DAYS[0] + pd.to_timedelta(minutes, unit="min")
    content = text(times, np.ones(2003))
    with pytest.raises(OptionNeeded, match=r"not regular.*--frequency h --aggregate mean"):
        proposed(raw, content)
    table, _ = tabulated(raw, proposed(raw, content, frequency="D", aggregate="sum"))
    assert table["value"].tolist() == np.bincount(minutes // 1440).tolist()


def test_a_wide_table_is_a_panel_without_what_never_changes(raw):
    columns = (wave(211), 5 * wave(211, seed=1), np.ones(211))
    proposal = proposed(raw, text(HOURS, *columns, header="date,a,b,still"))
    assert proposal.reader == "panel_table" and proposal.config["series"] == ["a", "b"]
    assert said(proposal, "constant series").endswith("never changes: still")
    _, encoded = tabulated(raw, proposal)
    values = encoded.arrays["history"]["values"]
    assert values == pytest.approx(np.column_stack(columns[:2]), abs=0.001)
    one = proposed(raw, text(HOURS, *columns, header="date,a,b,still"), value="b")
    assert one.reader == "series_table" and one.config["table"]["value"] == "b"


def blocks(*windows):
    rows = [
        f"s{number},{DAYS[place]:%Y-%m-%d},{wave(211, 7)[place]:.3f}"
        for number, (start, end) in enumerate(windows)
        for place in range(start, end)
    ]
    return "\n".join(["unique_id,ds,y", *rows])


def test_series_of_different_length_share_a_window_or_keep_what_is_missing(raw):
    content = blocks((0, 211), (20, 211), (0, 200))
    proposal = proposed(raw, content)
    assert said(proposal, "common time").startswith("180 of 211 steps, 2024-01-21 to 2024-07-18")
    table, encoded = tabulated(raw, proposal)
    assert len(table) == 180 and "known" not in encoded.arrays["history"]
    table, encoded = tabulated(raw, proposed(raw, content, gaps="leave"))
    known = encoded.arrays["history"]["known"]
    assert known.sum(0).tolist() == [211, 191, 200]
    train = wave(211, 7).round(3)[20 : encoded.facts["values"]["train"]]
    assert encoded.facts["mean"][1] == pytest.approx(train.mean())
    with pytest.raises(SourceError, match="share no time: s1 begins at 2024-04-10"):
        proposed(raw, blocks((0, 90), (100, 211)))


def test_two_columns_that_tell_series_apart_ask_for_the_option(raw):
    rows = [
        f"{day:%Y-%m-%d},{name},{name.upper()}!,{value:.3f}"
        for name in ("north", "south")
        for day, value in zip(DAYS, wave(211), strict=True)
    ]
    content = "\n".join(["date,shop,label,sales", *rows])
    with pytest.raises(OptionNeeded, match="shop, label; say which: --id shop"):
        proposed(raw, content)
    assert proposed(raw, content, id="label").config["series"] == ["NORTH!", "SOUTH!"]


@pytest.mark.parametrize(
    ("content", "error", "line"),
    [
        (text(MONTHS.strftime("%d/%m/%Y"), wave(101)), OptionNeeded, "--time-format"),
        (text(DAYS, wave(211) * 1000, form='"{:,.0f}"'), OptionNeeded, "--decimal"),
        (text(HOURS[:40], wave(40)), SourceError, "40 values.*at least 50"),
        (text(HOURS, np.ones(211)), SourceError, "never changes"),
        ("a,b\nx,y\nz,w\n", OptionNeeded, "no column is a time.*--time NAME"),
        (text(DAYS, DAYS.strftime("%A"), form="{}"), SourceError, "no column holds numbers"),
        (lost().replace("2024-01-09 18", "2204-01-09 18"), SourceError, "row 212.*2204-01-09"),
        ("id," + ",".join(map(str, DAYS.date)) + "\ns," + "1," * 210 + "1\n", SourceError, "turn"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line(raw, content, error, line):
    with pytest.raises(error, match=line) as caught:
        proposed(raw, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"horizon": "100"}, "two horizons must fit"),
        ({"horizon": "0"}, "at least 1"),
        ({"season": "200"}, "less than two seasons"),
        ({"lookback": "200"}, "--lookback 200"),
        ({"scale": "cube"}, "none of: linear, root, log"),
        ({"gaps": "drop"}, "none of: fail, interpolate, leave, skip"),
        ({"frequency": "often"}, "no step 'often'"),
        ({"timezone": "Mars/Base"}, "no zone 'Mars/Base'"),
        ({"value": "z"}, "no column 'z'; there are: ds, y"),
        ({"test_share": "2"}, "between 0 and 1"),
    ],
)
def test_a_wrong_option_is_refused_with_what_there_is(raw, options, line):
    with pytest.raises(ConfigError, match=line):
        proposed(raw, text(HOURS, wave(211)), **options)


def test_parts_follow_the_files_that_are_called_so(raw):
    (raw / "test.csv").write_text(text(HOURS[150:], wave(211)[150:]))
    proposal = proposed(raw, text(HOURS[:150], wave(211)[:150]), "train.csv")
    table, _ = tabulated(raw, proposal)
    assert "validation taken off the end of training" in said(proposal, "split")
    assert table["split"].value_counts().to_dict() == {"train": 128, "valid": 22, "test": 61}
    (raw / "test.csv").write_text(text(HOURS[140:], wave(211)[140:] + 1))
    with pytest.raises(SourceError, match=r"give two values|do not follow one another"):
        proposed(raw, text(HOURS[:150], wave(211)[:150]), "train.csv")


def test_scales_follow_the_spread_and_zeros_have_no_logarithm(raw):
    growing = np.exp(0.02 * np.arange(211)) * (1 + 0.2 * np.sin(np.arange(211)))
    assert said(proposed(raw, text(DAYS, growing)), "scale").startswith("log")
    growing[3] = 0
    assert not said(proposed(raw, text(DAYS, growing)), "scale").startswith("log")
    assert said(proposed(raw, text(DAYS, wave(211) - 10)), "scale").startswith("linear")
    with pytest.raises(ConfigError, match="--scale log: the least value is 0"):
        proposed(raw, text(DAYS, growing), scale="log")


def test_a_parquet_file_of_times_and_one_file_a_series_are_read(raw):
    pd.DataFrame({"ds": DAYS, "y": wave(211)}).to_parquet(raw / "a.parquet")
    table, _ = tabulated(raw, series_table.propose(raw, {}))
    assert table["value"].to_numpy() == pytest.approx(wave(211))
    (raw / "a.parquet").unlink()
    for name in ("AAPL", "MSFT"):
        (raw / f"{name}.csv").write_text(text(DAYS, wave(211)))
    proposal = series_table.propose(raw, {})
    assert proposal.config["series"] == ["AAPL", "MSFT"]
