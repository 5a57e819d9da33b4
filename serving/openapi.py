"""The server described in OpenAPI 3.1: by its routes, by the tasks, and by the ports of graphs.

Each function behind a route says with ``described`` what it takes and answers, and its docstring
what it does; a task says it by its declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, TypeVar

from starlette.routing import BaseRoute, Route

from repertoire.runtime import tasks
from repertoire.runtime.model import Model
from repertoire.runtime.schema import json_schema
from repertoire.runtime.task import Task, example_of, named

F = TypeVar("F", bound=Callable[..., Any])
JSON = "application/json"
MARK = "described"  # the attribute of a function that ``described`` sets
ERRORS = {
    400: "the request cannot be read",
    404: "there is no such model, version or task",
    413: "the request is longer than the server reads",
    422: "the request can be read, but its values do not fit the model",
    503: "too many requests wait, or the model cannot be used; try again later",
    504: "the answer was not ready in time",
}


class Error(TypedDict):
    """What every endpoint answers when it does not answer."""

    error: str


class Described(TypedDict, total=False):
    """Of one function behind a route: JSON Schemas by media type, and the statuses of errors."""

    answer: Mapping[str, Any]
    body: Mapping[str, Any]
    errors: tuple[int, ...]
    tag: str


def described(
    answer: Any,
    body: Any = None,
    *,
    media: str = JSON,
    errors: Iterable[int] = (),
    tag: str = "server",
) -> Callable[[F], F]:
    """What an endpoint takes and answers: a TypedDict, a JSON Schema, or a schema of `media`."""

    def mark(function: F) -> F:
        told: Described = {"answer": {media: _schema(answer)}, "errors": tuple(errors), "tag": tag}
        if body is not None:
            told["body"] = {JSON: _schema(body)}
        setattr(function, MARK, told)
        return function

    return mark


def _schema(of: Any) -> Mapping[str, Any]:
    return of if isinstance(of, Mapping) else json_schema(of)


def document(routes: Iterable[BaseRoute], models: Iterable[Model], version: str) -> dict[str, Any]:
    """The OpenAPI document of a server with these models."""
    served = list(models)
    paths: dict[str, Any] = {}
    for route in routes:
        if isinstance(route, Route) and hasattr(route.endpoint, MARK):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                paths.setdefault(route.path, {})[method.lower()] = _operation(route, method, served)
    for name in sorted({name for model in served for name in model.manifest.tasks}):
        if task := tasks.TASKS.get(name):
            having = [model for model in served if name in model.manifest.tasks]
            paths[f"/v1/models/{{name}}/{name}"] = {"post": _of_task(task, having)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Repertoire",
            "version": version,
            "description": "Models by their tasks, and by the Open Inference Protocol.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": json_schema(Error)}},
    }


def _operation(route: Route, method: str, models: list[Model]) -> dict[str, Any]:
    told: Described = getattr(route.endpoint, MARK)
    summary, _, more = (route.endpoint.__doc__ or "").strip().partition("\n")
    operation = {
        "operationId": f"{method.lower()}-{route.path.strip('/').replace('/', '-') or 'page'}",
        "summary": summary,
        "description": " ".join(more.split()),
        "tags": [told.get("tag", "server")],
        "parameters": [_parameter(name, models) for name in route.param_convertors],
        "responses": _responses(told["answer"], told.get("errors", ())),
    }
    if "body" in told:
        operation["requestBody"] = _content(told["body"]) | {"required": True}
    return operation


def _parameter(name: str, models: list[Model]) -> dict[str, Any]:
    known = sorted(model.name for model in models)
    schema = {"type": "string"} | ({"examples": known[:3]} if name == "name" and known else {})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _of_task(task: Task, models: list[Model]) -> dict[str, Any]:
    """One address for all models with the task; for one alone the schema is that model's own."""
    one = models[0] if len(models) == 1 else None
    schema = task.request_schema(one)
    if task.events is not None:
        streams = {"type": "boolean", "default": False, "description": "answer as events"}
        schema = {**schema, "properties": {**schema["properties"], "stream": streams}}
    answers: dict[str, Any] = {JSON: task.answer_schema()}
    answers |= {media: {"type": "string", "format": "binary"} for media in task.rendered}
    if task.events is not None:
        answers["text/event-stream"] = {"type": "string"}
    names = {"type": "string", "enum": [model.name for model in models]}
    summary, _, more = task.description.partition("\n")
    return {
        "operationId": task.name,
        "summary": summary,
        "description": f"A model for {task.use}. {' '.join(more.split())}".strip(),
        "tags": ["tasks"],
        "parameters": [{"name": "name", "in": "path", "required": True, "schema": names}],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": schema, "example": named(example_of(task, models[0]))}},
        },
        "responses": _responses(answers, (400, 404, 413, 422, 503, 504)),
    }


def _responses(answers: Mapping[str, Any], errors: Iterable[int]) -> dict[str, Any]:
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    found: dict[str, Any] = {"200": {"description": "the answer", **_content(answers)}}
    return found | {str(n): {"description": ERRORS[n], "content": error} for n in errors}


def _content(schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {media: {"schema": schema} for media, schema in schemas.items()}}
