"""The types of an output's columns, as tasks and graphs declare them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repertoire.runtime.schema import Media
from repertoire.runtime.tasks import TASKS
from serving.batch import command as batch
from serving.batch import declared, parts


class Part(TypedDict):
    name: str
    share: NotRequired[float]


class Answered(TypedDict):
    text: Annotated[str, "what was written"]
    picture: Annotated[Any, Media("image/png")]
    parts: list[Part]
    label: int | str | None
    kind: Literal["a", "b"]
    count: Annotated[int | None, "of words"]
    level: int | float
    odds: dict[str, float]
    flags: list[list[bool]]


def test_every_type_of_an_answer_has_one_of_arrow() -> None:
    part = pa.struct({"name": pa.string(), "share": pa.float64()})
    assert declared.columns_of(Answered) == {
        "text": pa.string(),
        "picture": pa.string(),
        "parts": pa.list_(part),
        "label": pa.string(),
        "kind": pa.string(),
        "count": pa.int64(),
        "level": pa.float64(),
        "flags": pa.list_(pa.list_(pa.bool_())),
    }


@pytest.mark.parametrize("name", sorted(TASKS))
def test_the_answers_of_every_task_have_columns(name: str) -> None:
    assert declared.columns_of(TASKS[name].result)


def test_what_may_be_a_number_or_a_text_is_a_text_at_any_depth(tmp_path: Path) -> None:
    kinds = {"v": pa.list_(pa.struct({"n": pa.string()})), "w": pa.string()}
    row = {"v": [{"n": 7}, {"n": "x"}, {}], "w": 2.5}
    content, wrong = parts.spelled([row], kinds, ".parquet")
    parts.write(path := tmp_path / "a.parquet", content, {})
    assert not wrong
    assert pq.read_table(path).to_pylist() == [
        {"v": [{"n": "7"}, {"n": "x"}, {"n": None}], "w": "2.5"}
    ]


def test_a_column_without_a_value_in_any_row_has_its_declared_type(
    models: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.parquet"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("", "a")))
    arguments = ["bigram", "score", str(source), str(output), "--models", str(models)]
    assert batch.main([*arguments, "--batch-size", "1"]) == 0
    wanted = declared.columns_of(TASKS["score"].result)
    schema = pq.read_schema(output)
    assert {name: schema.field(name).type for name in wanted} == wanted
    assert schema.field("tokens").type == pa.list_(pa.string())
