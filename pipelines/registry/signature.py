"""What MLflow is told of a model's input and output: the fields of its tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.models import ModelSignature
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

from repertoire.runtime.errors import Malformed
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Field, fields_of, json_schema
from repertoire.runtime.task import Task, example_of, files_of
from repertoire.runtime.tasks import find

PLAIN = {
    "string": DataType.string,
    "integer": DataType.long,
    "number": DataType.double,
    "boolean": DataType.boolean,
}
AS_COLUMN = (DataType.string, DataType.boolean)
TASK = "task"


def signature(model: Model) -> ModelSignature:
    """Columns are the fields of the requests, parameters those that may hold for all rows.

    A field is required where every request needs it; the answer is that of the first task.
    """
    asked = [find(model, name) for name in model.manifest.tasks]
    answer = json_schema(asked[0].result)
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(_type(each), name, required=name in answer["required"])
        for name, each in answer["properties"].items()
    ]
    return ModelSignature(Schema(_columns(model, asked)), Schema(outputs), _params(model, asked))


def _columns(model: Model, asked: list[Task]) -> list[ColSpec | TensorSpec]:
    """Numbers and lists are of any type.

    MLflow refuses whole numbers in a column of floating ones, floating ones (as which pandas reads
    a column of whole numbers with a gap) in one of whole numbers, and a gap in a column of lists.
    """
    columns: dict[str, ColSpec] = {}
    for task in asked:
        for name, field in _fields(model, task).items():
            rows = task.many and name in (task.rows, *task.others.values())
            kind = _type(_one(field.shape.schema) if rows else field.shape.schema)
            kinds = {each.get("type") for each in _kinds(field.shape.schema)}
            other = name in columns and columns[name].type != kind
            if kind not in AS_COLUMN or "integer" in kinds or other:
                kind = AnyType()
            columns[name] = ColSpec(kind, name, required=field.required and len(asked) == 1)
        for name in _cells(model, task):
            columns.setdefault(name, ColSpec(AnyType(), name, required=False))
    return list(columns.values())


def _fields(model: Model, task: Task) -> Mapping[str, Field]:
    """The fields that the model takes."""
    taken = task.request_schema(model)["properties"]
    return {name: field for name, field in fields_of(task.request).items() if name in taken}


def _cells(model: Model, task: Task) -> Sequence[str]:
    """Columns of the table that a model knows; none where a setting has to say which table."""
    try:
        return task.columns.names(model, {}) if task.columns else ()
    except Malformed:
        return ()


def _params(model: Model, asked: list[Task]) -> ParamSchema:
    """Fields of one number, text or switch, with what they are if left out.

    Where tasks differ in that there is no default, so that each has its own.
    """
    found = {TASK: ParamSpec(TASK, DataType.string, asked[0].name)}
    for task in asked:
        for name, field in _fields(model, task).items():
            kind = _type(_one(field.shape.schema))
            if name in (task.rows, *task.others.values()) or not isinstance(kind, DataType):
                continue
            same = name not in found or found[name].default == field.default
            found[name] = ParamSpec(name, kind, field.default if same else None)
    return ParamSchema(list(found.values()))


def _kinds(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]


def _one(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of what may be one or a list of such: one."""
    kinds = _kinds(schema)
    if len(kinds) == 1:
        return _one(kinds[0]) if "anyOf" in kinds[0] else kinds[0]
    first, *others = kinds
    return first if [each.get("items") for each in others] == [first] else schema


def _type(schema: Mapping[str, Any]) -> Any:
    """MLflow's type of a JSON Schema; what has no one type there is any."""
    kinds = _kinds(schema)
    if any("contentEncoding" in each for each in kinds):
        return DataType.string
    if {each.get("type") for each in kinds} == {"integer", "string"}:
        return DataType.string  # a name, or its number
    if len(kinds) > 1:
        return AnyType()
    [kind] = kinds
    if kind.get("type") == "array" and isinstance(inner := _type(kind["items"]), DataType):
        return Array(inner)
    if "enum" in kind and all(isinstance(each, str) for each in kind["enum"]):
        return DataType.string
    return PLAIN.get(kind.get("type", ""), AnyType())


def example(model: Model) -> list[dict[str, Any]] | None:
    """A row of the first task: one of what its example holds; None where files are to be put in."""
    task = find(model, model.manifest.tasks[0])
    asked = dict(example_of(task, model))
    if files_of(asked):
        return None
    rows = asked.get(task.rows)
    if task.many and isinstance(rows, list) and not task.is_row(model, rows):
        asked[task.rows] = rows[0]
    return [asked]
