"""The generate extension of the Open Inference Protocol: text in, text out, whole or in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from repertoire.runtime import tasks
from repertoire.runtime.errors import Malformed
from repertoire.runtime.model import Model
from repertoire.runtime.shapes import spelled
from repertoire.runtime.task import Event, last
from serving.http.streams import streamed
from serving.openapi.described import EVENTS, RUNS, described, file_of
from serving.protocol.names import versioned
from serving.protocol.tensors import json_object
from serving.protocol.types import GENERATE, Continuation
from serving.service import Service, cancelled_with, read_body, reply, service_of, to_json

_FIELDS = ("id", "text_input", "parameters")
_TASK = "generate"
_REASONS = {"end": "eos_token", "length": "length"}


@described(Continuation, body=GENERATE, errors=RUNS, tag="models")
async def generate(request: Request) -> Response:
    """One answer with the text that continues `text_input`.

    `parameters` are the fields of the task `generate`; `details` adds tokens and why it ended.
    """
    service, model = service_of(request), _model(request)
    head, fields, details = await _read(request, model)
    events = _events(service, model, request, fields)
    with service.admission.admit(model.name):
        answer = await service.in_thread(last, events)
    more = {"details": _details(answer)} if details else {}
    return reply({**head, "text_output": answer["text"], **more})


@described(file_of(EVENTS), body=GENERATE, media=EVENTS, errors=RUNS, tag="models")
async def generate_stream(request: Request) -> Response:
    """The same in server-sent events, a piece each; with `details` a last one without text."""
    service, model = service_of(request), _model(request)
    head, fields, details = await _read(request, model)
    events = _events(service, model, request, fields)
    return await streamed(service, model, _pieces(head, events, details), _event, _failed)


def _events(
    service: Service, model: Model, request: Request, fields: Mapping[str, Any]
) -> Iterator[Event]:
    task = tasks.find(model, _TASK)
    run = service.run_of(task, model, cancelled_with(request))
    return task.steps(model, run, task.read(fields))


def _model(request: Request) -> Model:
    path = request.path_params
    return versioned(service_of(request).repository.model(path["name"]), path.get("version"))


async def _read(request: Request, model: Model) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """What every answer begins with, the fields of the task, and whether details are wanted."""
    document = json_object(await read_body(service_of(request), request))
    unknown = [key for key in document if key not in _FIELDS and document[key] is not None]
    if unknown:
        known = ", ".join(_FIELDS)
        raise Malformed(f"field {spelled(unknown[0])} is not known; known are {known}")
    text, number = document.get("text_input"), document.get("id")
    if not isinstance(text, str):
        raise Malformed("text_input is a string: what is to be continued")
    if number is not None and not isinstance(number, str):
        raise Malformed("id is a string")
    parameters = {} if document.get("parameters") is None else document["parameters"]
    if not isinstance(parameters, dict) or "prompt" in parameters:
        raise Malformed("parameters are an object; the text stands in text_input")
    parameters = {key: value for key, value in parameters.items() if value is not None}
    details, stream = parameters.pop("details", False), parameters.pop("stream", False)
    if not isinstance(details, bool):
        raise Malformed("parameter details is true or false")
    if stream is not False and not (stream is True and request.url.path.endswith("_stream")):
        raise Malformed("parameter stream is true or false, and true for /generate_stream alone")
    head = {"model_name": model.name, "model_version": model.version}
    if number is not None:
        head["id"] = number
    return head, {**parameters, "prompt": text}, details


def _pieces(
    head: Mapping[str, Any], events: Iterator[Event], details: bool
) -> Iterator[dict[str, Any]]:
    """One for each token, and with `details` one more with all of them."""
    for kind, content in events:
        if kind == "token":
            yield {**head, "text_output": content["text"]}
        if kind == "done" and details:
            yield {**head, "text_output": "", "details": _details(content)}


def _details(answer: Mapping[str, Any]) -> dict[str, Any]:
    scored = zip(answer["tokens"], answer["log_probs"], strict=True)
    return {
        "finish_reason": _REASONS[answer["finish"]],
        "seed": answer["seed"],
        "logprobs": [{"text": text, "logprob": log_prob} for text, log_prob in scored],
    }


def _event(piece: Mapping[str, Any]) -> bytes:
    return b"data: %s\n\n" % to_json(piece)


def _failed(line: str) -> bytes:
    return _event({"error": line})


def routes() -> list[Route]:
    both = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    return [
        *(Route(f"{path}/generate", generate, methods=["POST"]) for path in both),
        *(Route(f"{path}/generate_stream", generate_stream, methods=["POST"]) for path in both),
    ]
