"""What MLflow is told of a model's input and output: the fields of its tasks."""

from collections.abc import Mapping
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

from repertoire.runtime.manifest import Manifest
from repertoire.runtime.schema import Field, fields_of, json_schema
from repertoire.runtime.task import Task
from repertoire.runtime.tasks import TASKS

PLAIN = {
    "string": DataType.string,
    "integer": DataType.long,
    "number": DataType.double,
    "boolean": DataType.boolean,
}
TASK = "task"


def signature(manifest: Manifest) -> ModelSignature:
    """Columns are the fields of the requests, parameters those that may hold for all rows.

    A field is required where every request needs it; the answer is that of the first task.
    """
    asked = [TASKS[name] for name in manifest.tasks]
    columns: dict[str, ColSpec] = {}
    for task in asked:
        for name, field in fields_of(task.request).items():
            needed = field.required and len(asked) == 1
            kind = _type(_of_row(task, name, field))
            if name in columns and columns[name].type != kind:
                kind = AnyType()
            columns[name] = ColSpec(kind, name, required=needed)
    answer = json_schema(asked[0].result)["properties"]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(_type(each), name) for name, each in answer.items()
    ]
    return ModelSignature(Schema([*columns.values()]), Schema(outputs), _params(asked))


def _of_row(task: Task, name: str, field: Field) -> Mapping[str, Any]:
    """The JSON Schema of what one row holds in a field."""
    if name == task.rows and task.many:
        return next(each["items"] for each in field.shape.schema["anyOf"] if "items" in each)
    return field.shape.schema


def _params(asked: list[Task]) -> ParamSchema:
    """Fields of numbers, texts and switches, with what they are if left out."""
    found = {TASK: ParamSpec(TASK, DataType.string, asked[0].name)}
    for task in asked:
        for name, field in fields_of(task.request).items():
            kind = _type(field.shape.schema)
            if name != task.rows and isinstance(kind, DataType):
                found.setdefault(name, ParamSpec(name, kind, field.default))
    return ParamSchema(list(found.values()))


def _type(schema: Mapping[str, Any]) -> Any:
    """MLflow's type of a JSON Schema; what has no one type there is any."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    if len(kinds) > 1:
        files = [each for each in kinds if "contentEncoding" in each]
        return DataType.string if files else AnyType()
    [kind] = kinds
    if kind.get("type") == "array" and isinstance(inner := _type(kind["items"]), DataType):
        return Array(inner)
    if "enum" in kind and all(isinstance(each, str) for each in kind["enum"]):
        return DataType.string
    return PLAIN.get(kind.get("type", ""), AnyType())


def example(manifest: Manifest) -> list[dict[str, Any]]:
    """A row of the first task: one of what its example holds."""
    task = TASKS[manifest.tasks[0]]
    asked = dict(manifest.document["examples"][task.name])
    rows = asked.get(task.rows)
    if task.many and task.media and isinstance(rows, list):
        asked[task.rows] = rows[0]
    return [asked]
