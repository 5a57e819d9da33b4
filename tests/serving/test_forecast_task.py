"""The task of series, over the application, against a model that is worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import standins
from starlette.testclient import TestClient

from serving import batch

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
    [found] = ask(client, [1000, 1, 2.5, 3, 4, 5])
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
        ('{"series": [1, null]}', 400, "series holds null; send numbers only"),
        ('{"series": [1, "2"]}', 400, "series holds '2'; send numbers only"),
        ('{"series": "1, 2, 3"}', 400, "send numbers only"),
        ('{"series": [1, true]}', 400, "series holds True"),
        ('{"series": [1, [2, 3]]}', 400, "a list of numbers, or a list of such lists"),
        ('{"series": [[1, [2]]]}', 400, "series holds [2]"),
        ('{"series": [4]}', 422, "series holds 1 values; send 2 to 4096"),
        ('{"series": [[1, 2], []]}', 422, "series holds 0 values"),
        ('{"series": []}', 422, "series holds 0 values"),
        ('{"series": [1, 101]}', 422, "input series holds 101.0; the most is 100"),
        ('{"series": [1, 1e300]}', 422, "input series holds inf"),
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
    assert "holds nan" in reasons[1] and "1 values" in reasons[2] and "has no series" in reasons[3]


def test_a_batch_job_takes_no_column_of_numbers_for_one_series(
    models: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.parquet", tmp_path / "out.jsonl"
    pq.write_table(pa.table({"series": [1.0, 2.0, 3.0]}), source)
    arguments = ["course", "forecast", source, output, "--models", models]
    assert batch.main([str(each) for each in arguments]) == 1
    errors = (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines()
    assert len(errors) == 3 and all("send 2 to 4096" in line for line in errors)


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
        ([1, 2, 3], 400, "series holds 1; send rows of load, heat, oldest first"),
        ([[1, 2], [3]], 400, "series holds [3]; send rows of load, heat"),
        ([[1, 2], [3, "4"]], 400, "series holds '4'; send numbers only"),
        ([[1, 2]], 422, "series holds 1 values; send 2 to 4096"),
        ([[1, 2], [3, 101]], 422, "the most is 100"),
    ],
)
def test_rows_of_another_width_are_refused_in_one_line(
    client: TestClient, series: object, status: int, line: str
) -> None:
    answer = client.post("/v1/models/pair/forecast", json={"series": series})
    assert answer.status_code == status and line in answer.json()["error"]
