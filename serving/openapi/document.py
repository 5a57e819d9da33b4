"""The server described in OpenAPI 3.1: by its routes, by the tasks, and by the ports of graphs.

Each function behind a route says with ``described`` what it takes and answers, and its docstring
what it does; a task says it by its declaration.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from starlette.routing import BaseRoute, Route

from repertoire.runtime import images, tasks
from repertoire.runtime.model import Model
from repertoire.runtime.ports import Limits
from repertoire.runtime.schema import json_schema
from repertoire.runtime.task import File, Task, example_of
from serving.openapi.described import EVENTS, JSON, MARK, RUNS, Answers, Described, file_of
from serving.openapi.graphs import of_graph
from serving.protocol.names import names_of
from serving.protocol.types import Error

ERRORS = {
    400: "the request cannot be read",
    401: "a key is missing or not known",
    403: "the key does not allow it, or the server does not without keys",
    404: "there is no such model, version, graph or task",
    413: "the request is longer than the server reads",
    415: "the body has a coding that is not known",
    422: "the request can be read, but its values do not fit the model",
    501: "not supported here",
    503: "too many requests wait, or the model cannot be used; try again later",
    504: "the answer was not ready in time",
}
VARIABLE = "{task}"
HEALTH = ("/v2/health/live", "/v2/health/ready")  # asked without a key
SIDE = 28  # pixels of the picture of an example, where a model does not say how many
STREAM = {"type": "boolean", "default": False, "description": "answer as events"}


def document(routes: Iterable[BaseRoute], models: Iterable[Model], version: str) -> dict[str, Any]:
    """The OpenAPI document of a server with these models."""
    served = list(models)
    paths: dict[str, Any] = {}
    for route in routes:
        if not isinstance(route, Route) or not hasattr(route.endpoint, MARK):
            continue
        for task in _offered(served) if VARIABLE in route.path else [None]:
            path = route.path.replace(VARIABLE, task.name if task else "")
            for method in sorted((route.methods or set()) - {"HEAD"}):
                told = _operation(route, method, task, served)
                paths.setdefault(path, {})[method.lower()] = told
    names = sorted(model.name for model in served)
    return _whole(
        paths,
        version,
        "Models by their tasks, and by the Open Inference Protocol.",
        {
            "Model": _one_of(names),
            "Graph": _one_of([*names, *(n for model in served for n in names_of(model))]),
            "Version": _one_of(sorted({model.version for model in served})),
        },
    )


def document_of(model: Model, version: str, limits: Limits) -> dict[str, Any]:
    """That of one model: its tasks, narrowed to what it knows, and its graphs by their ports."""
    paths: dict[str, Any] = {}
    for task in _offered([model]):
        paths[f"/v1/models/{model.name}/{task.name}"] = {"post": _of_task(task, [model], model)}
    responses = _responses(RUNS)
    for name, graph in zip(names_of(model), model.manifest.graphs.values(), strict=True):
        told = {"operationId": f"infer-{name}", "tags": ["graphs"], **of_graph(graph, limits)}
        told["responses"] |= responses
        paths[f"/v2/models/{name}/infer"] = {"post": told}
    said = f"The model {model.name} of the family {model.manifest.family}."
    return _whole(paths, version, f"{said} Its version is {model.version}.", {})


def guarded(told: dict[str, Any]) -> dict[str, Any]:
    """The document of a server whose every address but its health needs a key."""
    for path, item in told["paths"].items():
        for operation in item.values() if path not in HEALTH else ():
            operation["security"] = [{"key": []}]
            operation["responses"] |= _responses((401,))
    return told


def _whole(
    paths: Mapping[str, Any], version: str, description: str, schemas: Mapping[str, Any]
) -> dict[str, Any]:
    info = {"title": "Repertoire", "version": version, "description": description}
    key = {"type": "http", "scheme": "bearer", "description": "where the server has keys"}
    components = {
        "schemas": {"Error": json_schema(Error), **schemas},
        "securitySchemes": {"key": key},
    }
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": components}


def _one_of(names: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)} if names else {"type": "string"}


def _offered(models: Sequence[Model]) -> list[Task]:
    """The tasks of the models that are known here."""
    names = {name for model in models for name in model.manifest.tasks}
    return [tasks.TASKS[name] for name in sorted(names & tasks.TASKS.keys())]


def _operation(
    route: Route, method: str, task: Task | None, models: Sequence[Model]
) -> dict[str, Any]:
    """Of a route; with `task` of an address of tasks, as that task has it."""
    having = [model for model in models if task is None or task.name in model.manifest.tasks]
    told: Described = getattr(route.endpoint, MARK)
    name = route.path.replace(VARIABLE, task.name if task else "")
    found = {"operationId": f"{method.lower()}-{name.strip('/').replace('/', '-') or 'page'}"}
    if task is not None:
        known = _one_of([model.name for model in having])
        parameters = [{"name": "name", "in": "path", "required": True, "schema": known}]
        if method == "POST":
            return {**found, **_of_task(task, having, None), "parameters": parameters}
    else:
        parameters = [_parameter(each, route.path) for each in route.param_convertors]
    summary, _, more = (route.endpoint.__doc__ or "").strip().partition("\n")
    operation = {
        **found,
        "summary": summary,
        "description": " ".join(more.split()),
        "tags": [told.tag],
        "parameters": [*parameters, *told.parameters],
        "responses": _responses(told.errors, told.answers),
    }
    if told.body:
        needed: dict[str, Any] = {"required": not told.optional}
        operation["requestBody"] = needed | _content(told.body)
    if {401, 403} & set(told.errors):
        operation["security"] = [{}, {"key": []}]
    return operation


def _parameter(name: str, path: str) -> dict[str, Any]:
    kind = {"version": "Version", "name": "Graph"}[name]
    if path.endswith(("/generate", "/generate_stream")):  # they run several graphs of a model
        kind = "Version" if name == "version" else "Model"
    schema = {"$ref": f"#/components/schemas/{kind}"}
    if "sharedmemory" in path:
        schema = {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _of_task(task: Task, models: Sequence[Model], one: Model | None) -> dict[str, Any]:
    """Of any of the models, or of one alone, whose schema is then its own."""
    asked = task if one is None else task.of(one)
    schema = asked.request_schema(one)
    if task.events is not None:
        schema = {**schema, "properties": {**schema["properties"], "stream": STREAM}}
    answers = {JSON: task.answer_schema(), **{each: file_of(each) for each in task.rendered}}
    if task.events is not None:
        answers[EVENTS] = file_of(EVENTS)
    summary, _, more = task.description.partition("\n")
    content = {"schema": schema, "examples": _examples(task, models)}
    return {
        "operationId": task.name,
        "summary": summary,
        "description": f"A model for {task.use}. {' '.join(more.split())}".strip(),
        "tags": ["tasks"],
        "requestBody": {"required": True, "content": {JSON: content}},
        "responses": _responses(RUNS, {200: answers}),
    }


def _examples(task: Task, models: Sequence[Model]) -> dict[str, Any]:
    """A request that works, to the first of the models."""
    model = models[0]
    return {model.name: {"value": _filled(example_of(task, model), model)}}


def _filled(value: Any, model: Model) -> Any:
    """An example, with a picture in the place of each file."""
    if isinstance(value, File):
        return _picture(model)
    if isinstance(value, Mapping):
        return {key: _filled(each, model) for key, each in value.items()}
    return [_filled(each, model) for each in value] if isinstance(value, list) else value


def _picture(model: Model) -> str:
    """The base64 of a PNG of a size that the model takes."""
    ports = (port for graph in model.manifest.graphs.values() for port in graph.inputs)
    shapes = [port.shape for port in ports if port.name == "images"]
    sizes = [size if isinstance(size, int) else SIDE for size in (shapes[0] if shapes else ())[1:]]
    sizes = sizes or [SIDE, SIDE, 3]
    levels = np.linspace(0, 255, int(np.prod(sizes))).astype(np.uint8).reshape(sizes)
    return base64.b64encode(images.png(levels)).decode()


def _responses(
    errors: Iterable[int], answers: Mapping[int, Answers] | None = None
) -> dict[str, Any]:
    error = {JSON: {"$ref": "#/components/schemas/Error"}}
    found = {str(n): {"description": ERRORS[n], **_content(error)} for n in errors}
    for status, each in (answers or {}).items():
        told = "the answer" if status == 200 else ERRORS[status]
        found[str(status)] = {"description": told, **_content(each)}
    return found


def _content(schemas: Answers) -> dict[str, Any]:
    return {"content": {media: {"schema": schema} for media, schema in schemas.items()}}
