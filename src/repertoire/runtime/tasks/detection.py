"""The task of models that know what is normal: detect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repertoire.runtime import images, records
from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Answer, File, Known, Request, Task

ROWS = 256  # pictures or rows in one request


def detect(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Whether pictures or rows are normal. `images`: a list, each a PNG in base64 or nested lists;
    or `rows`: a list of numbers, or a list of such; of somebody's table, an object by the names of
    its columns, or a list of such. `normal`: the name, or the number, of what
    counts as normal, needed where the model knows several.

    Answers `results`, for each: anomaly (whether the score is above the model's threshold), score
    (the mean of all errors), and where it lies. Of a picture: `expected` and `difference` (grey
    levels apart) as PNG in base64; of a row: `columns`, by name value, expected, and its error, a
    part of the score.
    """
    fields = Fields(request)
    names = _names(model)
    normal = fields.choice("normal", names, 0 if len(names) == 1 else None)
    if "rows" not in model.manifest.encodings:
        return _of_images(model, run, fields, normal)
    answer = _of_records if _has_records(model) else _of_rows
    return answer(model, run, fields, normal)


def _of_images(model: Model, run: Run, fields: Fields, normal: int) -> Answer:
    given = fields.one_or_many("images", ROWS)
    fields.finish()
    sizes = images.fixed_sizes(model.manifest.graph("detect"))
    encoding = model.manifest.encodings["images"]
    pixels = np.stack([images.read_sent(each, encoding, *sizes) for each in given])
    found = run("detect", images=pixels, normal=np.full(len(pixels), normal, np.int64))
    apart = np.abs(pixels.astype(np.int16) - found["expected"]).astype(np.uint8)
    return {
        "results": [
            {
                **_verdict(found, place),
                "expected": images.png_base64(found["expected"][place]),
                "difference": images.png_base64(apart[place]),
            }
            for place in range(len(pixels))
        ]
    }


def _of_records(model: Model, run: Run, fields: Fields, normal: int) -> Answer:
    given = fields.one_or_many("rows", ROWS)
    fields.finish()
    encoding = model.manifest.encodings["rows"]
    # A list of cells is one row, a list of objects or of lists are several.
    rows = given if any(isinstance(each, dict | list) for each in given) else [given]
    cells, values = records.read(rows, encoding)
    found = run("detect", rows=values, normal=np.full(len(rows), normal, np.int64))
    parts = zip(cells, found["expected"], found["error"], strict=True)
    return {
        "results": [
            {**_verdict(found, place), "columns": records.told(*each, encoding)}
            for place, each in enumerate(parts)
        ]
    }


def _of_rows(model: Model, run: Run, fields: Fields, normal: int) -> Answer:
    given = fields.one_or_many("rows", ROWS)
    fields.finish()
    columns = list(model.manifest.encodings["rows"]["tables"].values())[normal]
    rows = given if all(isinstance(each, list) for each in given) else [given]
    (width,) = images.fixed_sizes(model.manifest.graph("detect"))
    values = np.zeros((len(rows), width), np.float32)
    for place, row in enumerate(rows):
        values[place, : len(columns)] = _read(row, columns)
    found = run("detect", rows=values, normal=np.full(len(rows), normal, np.int64))
    results = []
    for place in range(len(rows)):
        triples = zip(
            columns,
            *(part[place].tolist() for part in (values, found["expected"], found["error"])),
            strict=False,
        )
        told = {name: {"value": v, "expected": x, "error": e} for name, v, x, e in triples}
        results.append({**_verdict(found, place), "columns": told})
    return {"results": results}


def _read(row: object, columns: Sequence[str]) -> Array:
    if not isinstance(row, list) or any(
        isinstance(v, bool) or not isinstance(v, int | float) for v in row
    ):
        raise Malformed("a row is a list of numbers, one for each column")
    if len(row) != len(columns):
        raise InvalidInput(f"the row has {len(row)} numbers; send {len(columns)}, one a column")
    try:
        with np.errstate(over="ignore"):
            values = np.array(row, np.float32)
    except OverflowError:  # a whole number of hundreds of digits
        values = np.full(len(row), np.inf, np.float32)
    if not np.isfinite(values).all():
        raise InvalidInput("the row holds a number beyond float32; send finite ones")
    return values


def _verdict(found: Mapping[str, Array], place: int) -> Answer:
    return {
        "anomaly": bool(found["decision"][place]),
        "score": float(found["score"][place]),
    }


def _names(model: Model) -> list[str]:
    """What may count as normal, in the order of the graph's numbers. Raises BadModel."""
    names = model.manifest.document.get("facts", {}).get("names")
    if not isinstance(names, list) or not names:
        raise BadModel(f"the manifest of {model.name!r} does not name what is normal; export again")
    return names


def _has_records(model: Model) -> bool:
    """Whether rows are those of somebody's table, with cells as its files have them."""
    return model.manifest.encodings.get("rows", {}).get("kind") == "table"


def _columns(model: Model, settings: Mapping[str, Any]) -> Sequence[str]:
    """The names of the cells of a row; none where the model looks at images."""
    if _has_records(model):
        return [column["name"] for column in model.manifest.encodings["rows"]["columns"]]
    tables = model.manifest.encodings.get("rows", {}).get("tables", {})
    if not tables:
        return ()
    names = _names(model)
    chosen = Fields(settings).choice("normal", names, 0 if len(names) == 1 else None)
    return list(tables.values())[chosen]


def _example(known: Known) -> Request:
    """A row that a figure shows, of somebody's table by its columns; else a picture."""
    if record := known.figure("example-record"):
        return {"rows": [dict(zip(record["columns"], record["cells"][0], strict=True))]}
    if row := known.figure("example-row"):
        return {"rows": row["cells"][0]}
    if "example" in known.facts:
        return {"rows": [known.facts["example"]]}
    return {"images": File("picture.png"), "normal": 0}


TASKS = {
    "detect": Task(
        detect,
        field="images",
        column="image",
        many=True,
        use="telling what is unlike the normal things that it knows",
        example=_example,
        others={"row": "rows"},
        table=_columns,
        table_column="row",
        raw_cells=_has_records,
    )
}
