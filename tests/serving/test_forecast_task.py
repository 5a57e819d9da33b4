"""The task of series, over the application, against a model that is worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import standins
from starlette.testclient import TestClient

from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput, Malformed
from serving.batch import command as batch

OFFSETS = [[-3.0, 1.0, 2.0], [-5.0, 2.0, 7.0]]  # two steps, three levels


@pytest.fixture
def models(models: Path) -> Path:
    standins.continuing(models / "course", OFFSETS, lookback=5)
    standins.side_by_side(models / "pair", ["load", "heat"], lookback=3)
    return models


def ask(client: TestClient, series: object) -> list[dict[str, object]]:
    answer = client.post("/v1/models/course/forecast", json={"series": series})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def test_a_forecast_is_worked_out_from_the_last_values(client: TestClient) -> None:
    # The stand-in adds its offsets to the sum of the values that it is given.
    [found] = ask(client, [100, 1, 2.5, 3, 4, 5])
    assert found == {
        "levels": [0.05, 0.5, 0.95],
        "quantiles": [[12.5, 16.5, 17.5], [10.5, 17.5, 22.5]],
        "median": [16.5, 17.5],
        "low": [12.5, 10.5],
        "high": [17.5, 22.5],
        "interval_percent": 90,
        "used": 5,
    }


def test_series_of_unequal_length_keep_their_order(client: TestClient) -> None:
    series = [[n] * (2 + n % 3) for n in range(1, 72)]
    results = ask(client, series)
    assert [each["median"][0] for each in results] == [1.0 + sum(each) for each in series]
    assert [each["used"] for each in results] == [len(each) for each in series]


def test_one_list_and_a_list_of_it_are_the_same(client: TestClient) -> None:
    assert ask(client, [7, 8]) == ask(client, [[7, 8]])


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        ('{"series": [1, NaN]}', 400, "not valid JSON"),
        ('{"series": [1, null]}', 400, "series[1] is null; send a number"),
        ('{"series": [1, "2"]}', 400, 'series[1] is "2"; send a number'),
        ('{"series": "1, 2, 3"}', 400, "send a list of numbers"),
        ('{"series": [1, true]}', 400, "series[1] is true; send a number"),
        ('{"series": [1, [2, 3]]}', 400, "series[1] is [2, 3]; send a number"),
        ('{"series": [[1, [2]]]}', 400, "series[0][1] is [2]; send a number"),
        ('{"series": [4]}', 422, "series holds 1 values; send 2 to 4096"),
        ('{"series": [[1, 2], []]}', 422, "series[1] holds 0 values"),
        ('{"series": []}', 422, "series holds 0 values"),
        ('{"series": [1, 101]}', 422, "series[1] is 101; send -100 to 100"),
        ('{"series": [1, 1e300]}', 422, "series[1] is 1e+300; send -100 to 100"),
        ('{"series": [1, 2], "horizon": 3}', 400, "unknown field horizon"),
        ("{}", 400, "series is missing"),
    ],
)
def test_what_is_no_series_is_refused_in_one_line(
    client: TestClient, body: str, status: int, line: str
) -> None:
    answer = client.post("/v1/models/course/forecast", content=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert line in error and "\n" not in error and len(error) < 200


def test_a_batch_job_forecasts_a_column_and_sets_bad_rows_aside(
    models: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.parquet", tmp_path / "out.jsonl"
    rows = [[1.0, 2.0], [float("nan"), 2.0], [3.0], None, [4.0, 5.0, 6.0]]
    pq.write_table(pa.table({"series": rows}), source)
    arguments = ["course", "forecast", source, output, "--models", models]
    assert batch.main([str(each) for each in arguments]) == 0
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(each["row"], each["median"][0]) for each in found] == [(0, 4.0), (4, 16.0)]
    errors = (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines()
    reasons = {row["row"]: row["reason"] for row in map(json.loads, errors)}
    assert "is NaN" in reasons[1] and "1 values" in reasons[2] and "has no series" in reasons[3]


def test_a_batch_job_takes_no_column_of_numbers_for_one_series(
    models: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.parquet", tmp_path / "out.jsonl"
    pq.write_table(pa.table({"series": [1.0, 2.0, 3.0]}), source)
    arguments = ["course", "forecast", source, output, "--models", models]
    assert batch.main([str(each) for each in arguments]) == 1
    errors = (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines()
    assert len(errors) == 3 and all("send a list of numbers" in line for line in errors)


def test_series_side_by_side_are_rows_and_answers_name_them(client: TestClient) -> None:
    rows = [[9, 9], [1, 10], [2, 20], [3, 30]]
    answers = [
        client.post("/v1/models/pair/forecast", json={"series": series}).json()["results"]
        for series in (rows, [rows, rows[:3]])
    ]
    [[found], both] = answers
    assert found["names"] == ["load", "heat"] and found["used"] == 3
    assert found["median"] == [[6, 60]] and found["low"] == [[5, 59]] and found["high"] == [[7, 61]]
    assert [each["median"] for each in both] == [[[6, 60]], [[12, 39]]]


@pytest.mark.parametrize(
    ("series", "status", "line"),
    [
        ([1, 2, 3], 400, "series[0] is [1.0, 2.0, 3.0]; send one number each of load, heat"),
        ([[1, 2], [3]], 400, "series[1] is [3.0]; send one number each of load, heat"),
        ([[1, 2], [3, "4"]], 400, 'series[1][1] is "4"; send a number'),
        ([[1, 2]], 422, "series holds 1 values; send 2 to 4096"),
        ([[1, 2], [3, 101]], 422, "series[1][1] is 101; send -100 to 100"),
    ],
)
def test_rows_of_another_width_are_refused_in_one_line(
    client: TestClient, series: object, status: int, line: str
) -> None:
    answer = client.post("/v1/models/pair/forecast", json={"series": series})
    assert answer.status_code == status and line in answer.json()["error"]


STEPS = {
    "hourly": {"unit": "second", "count": 3600},
    "monthly": {"unit": "month", "count": 1},
    "trading": {"unit": "business_day", "count": 1},
}


@pytest.fixture
def calendars(models: Path) -> Path:
    for name, step in STEPS.items():
        standins.continuing(models / name, OFFSETS, lookback=5, step=step, least=3)
    standins.side_by_side(models / "holed", ["load", "heat"], lookback=3, missing="null")
    return models


@pytest.mark.parametrize(
    ("model", "times", "expected"),
    [
        ("hourly", ["2024-02-29T23:00"], ["2024-03-01T00:00:00", "2024-03-01T01:00:00"]),
        ("monthly", ["2023-12-31"], ["2024-01-31", "2024-02-29"]),
        ("monthly", ["2024-01-30"], ["2024-02-29", "2024-03-30"]),
        ("monthly", ["2023-10", "2023-11", "2023-12"], ["2024-01-01", "2024-02-01"]),
        ("trading", ["2024-05-30"], ["2024-05-31", "2024-06-03"]),
    ],
)  # fmt: skip
def test_with_times_an_answer_says_when_its_steps_are(
    calendars: Path, client: TestClient, model: str, times: list[str], expected: list[str]
) -> None:
    body = {"series": [1, 2, 3], "times": times}
    answer = client.post(f"/v1/models/{model}/forecast", json=body)
    assert answer.json()["results"][0]["times"] == expected


@pytest.mark.parametrize(
    ("model", "body", "status", "line"),
    [
        ("course", {"times": ["2024-01-01"]}, 422, "knows no calendar"),
        ("hourly", {"times": ["2024-01-01", "2024-01-02"]}, 422, "2 of 3 values"),
        ("hourly", {"times": ["2024-01-01T00", "2024-01-01T01", "2024-01-01T03"]}, 422, "T02:00"),
        ("hourly", {"times": ["31.01.2024"]}, 400, "send ISO 8601"),
        ("hourly", {"times": [1700000000]}, 400, "send a list of times"),
        ("hourly", {"times": [["2024-01-01"], ["2024-01-01"]]}, 422, "of 2 series, values of 1"),
        ("hourly", {"times": ["9999-12-31T23:00"]}, 422, "beyond the calendar"),
        ("hourly", {"series": [1, 2]}, 422, "holds 2 values; send 3 to"),
        ("hourly", {"series": [1, None, 2]}, 400, "series[1] is null"),
    ],
)
def test_times_that_cannot_be_are_refused_in_one_line(
    calendars: Path, client: TestClient, model: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/{model}/forecast", json={"series": [1, 2, 3], **body})
    assert answer.status_code == status, answer.text
    assert line in answer.json()["error"] and "\n" not in answer.json()["error"]


def test_a_missing_value_of_a_panel_is_the_one_before_it(
    calendars: Path, client: TestClient
) -> None:
    found, other = (
        client.post("/v1/models/holed/forecast", json={"series": rows}).json()["results"]
        for rows in (
            [[None, 10], [2, None], [5, 30], [None, 7], [None, None]],
            [[2, 10], [2, 10], [5, 30], [5, 7], [5, 7]],
        )
    )
    assert found == other
    body = {"series": [[None, 1], [None, 2]]}
    answer = client.post("/v1/models/holed/forecast", json=body)
    assert answer.status_code == 422 and "no value of load" in answer.json()["error"]


def test_a_list_of_rows_is_one_series_for_some_models_and_many_for_others(models: Path) -> None:
    course, pair = load(models / "course"), load(models / "pair")
    assert course.forecast([1, 2])["median"][0] == 4
    assert [found["median"][0] for found in course.forecast([[1, 2], [3, 4]])] == [4, 8]
    assert pair.forecast([[1, 2], [3, 4]])["median"] == [[4, 6]]
    both = pair.forecast([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    assert [found["median"] for found in both] == [[[4, 6]], [[12, 14]]]


def test_a_batch_of_rows_is_never_taken_for_one_series(models: Path) -> None:
    pair = load(models / "pair")
    with pytest.raises(Malformed, match=r"series\[0\]\[0\] is 1.0; send one number each of load"):
        pair.forecast.task.ask(pair.model, pair.run, [[1, 2], [3, 4], [5, 6]], {})


@pytest.mark.parametrize(
    ("model", "series", "good"),
    [
        ("course", [1, 2], True),
        ("course", [[1, 2], [3, 4, 5]], True),
        ("course", [1], False),
        ("course", [1, 101], False),
        ("course", [1, None], False),
        ("course", [[[1, 2], [3, 4]]], False),
        ("pair", [[1, 2], [3, 4]], True),
        ("pair", [[[1, 2], [3, 4]]], True),
        ("pair", [1, 2], False),
        ("pair", [[1, 2, 3], [3, 4, 5]], False),
        ("holed", [[1, None], [3, 4]], True),
    ],
)
def test_the_schema_of_a_model_says_what_it_takes(
    calendars: Path, model: str, series: object, good: bool
) -> None:
    loaded = load(calendars / model)
    task = loaded.forecast.task
    for schema, holds in ((task.request_schema(loaded.model), good), (task.request_schema(), True)):
        assert jsonschema_rs.validator_for(schema).is_valid({"series": series}) == holds
    if good:
        found = task.answer(loaded.model, loaded.run, task.read({"series": series}))
        assert jsonschema_rs.validator_for(task.answer_schema()).is_valid({"results": found})
    else:
        with pytest.raises((InvalidInput, Malformed), match="series"):
            task.answer(loaded.model, loaded.run, task.read({"series": series}))


def test_numbers_that_a_model_without_bounds_cannot_hold_have_no_infinite_answer(
    models: Path,
) -> None:
    path = models / "course/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["graphs"][0]["inputs"][0] |= {"low": None, "high": None}
    path.write_text(json.dumps(manifest))
    forecast = load(models / "course").forecast
    assert forecast([5e-324, 1e-320])["median"][0] == 1
    with pytest.raises(InvalidInput, match="what comes next is beyond the numbers of the model"):
        forecast([3e38, 3e38])
    with pytest.raises(InvalidInput, match=r"series\[1\] is 1e\+39; send -3.40282e\+38 to"):
        forecast([1, 1e39])


def test_times_of_business_days_keep_their_seconds(calendars: Path) -> None:
    times = ["2024-05-30T16:30:07", "2024-05-31T16:30:07", "2024-06-03T16:30:07"]
    found = load(calendars / "trading").forecast([1, 2, 3], times=times)
    assert found["times"] == ["2024-06-04T16:30:07", "2024-06-05T16:30:07"]


def test_a_wrong_time_is_named_by_its_place(calendars: Path) -> None:
    forecast = load(calendars / "hourly").forecast
    times = [["2024-01-01T00"], ["2024-01-01T00", "soon", "2024-01-01T02"]]
    with pytest.raises(Malformed, match=r'times\[1\]\[1\] is "soon"; send ISO 8601'):
        forecast([[1, 2, 3], [4, 5, 6]], times=times)
