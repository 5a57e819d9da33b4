"""The task of models that know what is normal: detect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

import numpy as np

from repertoire.runtime import images, records
from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.inference.detection import apart, detected
from repertoire.runtime.model import Model
from repertoire.runtime.pictures import IMAGES, ROWS, Image, Png, read
from repertoire.runtime.records import Judged
from repertoire.runtime.schema import Called, Many, shown
from repertoire.runtime.signature import Arrays, Run
from repertoire.runtime.spelling import Names
from repertoire.runtime.task import Columns, File, Known, Task

ROW = "a list of cells, or an object of cells by the names of columns"
MEASURED = ("score", "error", "expected")


@dataclass(frozen=True)
class Detect:
    images: Annotated[list[Image] | None, Many(IMAGES), "an image, or a list of them"] = None
    rows: Annotated[
        list[Annotated[list[Any] | dict[str, Any], Called(ROW)]] | None,
        Many(IMAGES),
        f"in place of images, of a table: {ROW}; or a list of such",
    ] = None
    normal: Annotated[
        int | str | None, "name or number of what counts as normal, where a model knows several"
    ] = None


class Detected(TypedDict):
    anomaly: Annotated[bool, "whether the score is above the model's threshold"]
    score: Annotated[float, "the mean of all errors"]
    expected: NotRequired[Annotated[Png, "of an image: what the model gives back"]]
    difference: NotRequired[Annotated[Png, "of an image: grey levels apart"]]
    columns: NotRequired[Annotated[dict[str, Judged], "of a row: where the error lies"]]


def detect(model: Model, run: Run, request: Detect) -> list[Detected]:
    """Whether images or rows are normal, and where they are not."""
    normal = _normal(model, request.normal)
    field, other = ("rows", "images") if _takes_rows(model) else ("images", "rows")
    given = getattr(request, field)
    if getattr(request, other) is not None:
        raise Malformed(f"{other}: model {model.name!r} takes {field}; send these instead")
    if given is None:
        raise Malformed(f"{field} is missing; send one or a list of them")
    return (_of_rows if field == "rows" else _of_images)(model, run, given, normal)


def _of_images(model: Model, run: Run, given: Sequence[Any], normal: int) -> list[Detected]:
    pixels = read(model, "detect", given)
    found = detected(run, pixels, np.full(len(pixels), normal, np.int64), ROWS)
    differences = apart(pixels, found["expected"])
    return [
        {**verdict, "expected": expected, "difference": difference}
        for verdict, expected, difference in zip(
            _verdicts(found), found["expected"], differences, strict=True
        )
    ]


def _of_rows(model: Model, run: Run, given: Sequence[Any], normal: int) -> list[Detected]:
    encoding = model.manifest.encodings["rows"]
    if records.is_table(encoding):
        cells, values = records.read(given, encoding)
    else:
        columns = list(encoding["tables"].values())[normal]
        (width,) = images.fixed_sizes(model.manifest.graph("detect"))
        cells, values = records.read_numbers(given, columns, width)
    found = detected(run, values, np.full(len(values), normal, np.int64), ROWS)
    for place, numbers in enumerate(zip(*(found[n] for n in MEASURED), strict=True)):
        if not all(np.isfinite(each).all() for each in numbers):
            raise InvalidInput(f"rows[{place}] holds numbers too large to be squared; send others")
    parts = zip(cells, found["expected"], found["error"], strict=True)
    told = [records.judged(*each, encoding) for each in parts]
    return [
        {**verdict, "columns": columns}
        for verdict, columns in zip(_verdicts(found), told, strict=True)
    ]


def _verdicts(found: Arrays) -> Iterator[Detected]:
    for decision, score in zip(found["decision"], found["score"].tolist(), strict=True):
        yield {"anomaly": bool(decision), "score": score}


def _normal(model: Model, given: int | str | None) -> int:
    """The number of what counts as normal. Raises Malformed and InvalidInput."""
    names = _names(model)
    if given is None:
        if len(names) > 1:
            raise Malformed(f"normal is missing; send one of {', '.join(names)}")
        return 0
    if isinstance(given, int) and 0 <= given < len(names):
        return given
    if isinstance(given, str) and (number := Names.of(names).find(given)) is not None:
        return number
    raise InvalidInput(f"normal is {shown(given)}; send one of {', '.join(names)}")


def _names(model: Model) -> list[str]:
    """What may count as normal, in the order of the graph's numbers. Raises BadModel."""
    names = model.manifest.document.get("facts", {}).get("names")
    if not isinstance(names, list) or not names:
        raise BadModel(f"the manifest of {model.name!r} does not name what is normal; export again")
    return names


def _takes_rows(model: Model) -> bool:
    return "rows" in model.manifest.encodings


def _has_records(model: Model) -> bool:
    """Whether rows are those of somebody's table, with cells as its files have them."""
    return records.is_table(model.manifest.encodings.get("rows", {}))


def _columns(model: Model, settings: Mapping[str, Any]) -> Sequence[str]:
    """The names of the cells of a row; none where the model looks at images."""
    encoding = model.manifest.encodings.get("rows", {})
    if records.is_table(encoding):
        return [column["name"] for column in encoding["columns"]]
    tables = list(encoding.get("tables", {}).values())
    return tables[_normal(model, settings.get("normal"))] if tables else ()


def _options(model: Model) -> Mapping[str, Mapping[str, Any] | None]:
    names = _names(model)
    known = {"enum": [*names, *range(len(names)), *([None] if len(names) == 1 else [])]}
    return {"images" if _takes_rows(model) else "rows": None, "normal": known}


def _example(known: Known) -> Mapping[str, Any]:
    """A row that a figure shows, of somebody's table by its columns; else a picture."""
    if record := known.figure("example-record"):
        return {"rows": [dict(zip(record["columns"], record["cells"][0], strict=True))]}
    if row := known.figure("example-row"):
        return {"rows": row["cells"][0]}
    if "example" in known.facts:
        return {"rows": [known.facts["example"]]}
    return {"images": File("picture.png"), "normal": 0}


TASKS = (
    Task(
        "detect",
        detect,
        use="telling what is unlike the normal things that it knows",
        rows="images",
        column="image",
        example=_example,
        others={"row": "rows"},
        columns=Columns("rows", _columns, _has_records),
        options=_options,
    ),
)
