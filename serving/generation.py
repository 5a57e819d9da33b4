"""The generate extension of the Open Inference Protocol: text in, text out, whole or in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from repertoire.runtime import tasks
from repertoire.runtime.errors import Malformed
from repertoire.runtime.model import Model
from serving.names import versioned
from serving.protocol import json_object
from serving.service import Service, explain, read_body, reply, service_of, to_json

_FIELDS = ("id", "text_input", "parameters")
_TASK = "generate"
_REASONS = {"end": "eos_token", "length": "length"}


async def generate(request: Request) -> Response:
    """One answer with the text that continues `text_input`.

    `parameters` are the fields of the task `generate`; `details` adds tokens and why it ended.
    """
    service, model = service_of(request), _model(request)
    head, fields, details = await _read(request, model)
    run = service.plane.runner(model, service.deadline())
    asked = tasks.find(model, _TASK)
    with service:
        answer = await service.in_thread(asked.answer, model, run, fields)
    more = {"details": _details(answer)} if details else {}
    return reply({**head, "text_output": answer["text"], **more})


async def generate_stream(request: Request) -> Response:
    """The same in server-sent events, a piece each; with `details` a last one without text."""
    service, model = service_of(request), _model(request)
    head, fields, details = await _read(request, model)
    run = service.plane.runner(model, service.deadline())
    stream = tasks.find(model, _TASK).stream
    if stream is None:
        raise Malformed(f"the task {_TASK} of {model.name} does not stream; send to /generate")
    events = stream(model, run, fields)
    with service:  # waits for the first, so that a bad request still gets its status
        first = await service.in_thread(next, events)
    sent = _sent(service, _pieces(head, first, events, details))
    return StreamingResponse(sent, media_type="text/event-stream")


def _model(request: Request) -> Model:
    path = request.path_params
    return versioned(service_of(request).repository.model(path["name"]), path.get("version"))


async def _read(request: Request, model: Model) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """What every answer begins with, the fields of the task, and whether details are wanted."""
    document = json_object(await read_body(service_of(request), request))
    unknown = [key for key in document if key not in _FIELDS and document[key] is not None]
    if unknown:
        known = ", ".join(_FIELDS)
        raise Malformed(f"field {unknown[0]} is not known; known are {known}")
    text, number = document.get("text_input"), document.get("id")
    if not isinstance(text, str):
        raise Malformed("text_input is a string: what is to be continued")
    if number is not None and not isinstance(number, str):
        raise Malformed("id is a string")
    parameters = document.get("parameters") or {}
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
    head: Mapping[str, Any],
    first: Mapping[str, Any],
    events: Iterator[Mapping[str, Any]],
    details: bool,
) -> Iterator[dict[str, Any]]:
    event = first
    while "finish" not in event:
        yield {**head, "text_output": event["text"]}
        event = next(events)
    if details:
        yield {**head, "text_output": "", "details": _details(event)}


def _details(answer: Mapping[str, Any]) -> dict[str, Any]:
    scored = zip(answer["tokens"], answer["log_probs"], strict=True)
    return {
        "finish_reason": _REASONS[answer["finish"]],
        "seed": answer["seed"],
        "logprobs": [{"text": text, "logprob": log_prob} for text, log_prob in scored],
    }


async def _sent(service: Service, pieces: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    try:
        with service:
            while (piece := await service.in_thread(next, pieces, None)) is not None:
                yield b"data: %s\n\n" % to_json(piece)
    except Exception as error:  # noqa: BLE001 - too late for a status
        yield b"data: %s\n\n" % to_json({"error": explain(error)[0]})


def routes() -> list[Route]:
    both = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    return [
        *(Route(f"{path}/generate", generate, methods=["POST"]) for path in both),
        *(Route(f"{path}/generate_stream", generate_stream, methods=["POST"]) for path in both),
    ]
