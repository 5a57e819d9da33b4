"""The endpoints of tasks: one address for each task of each model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from repertoire.runtime import tasks
from repertoire.runtime.errors import Malformed
from repertoire.runtime.task import Known, files_of, named
from serving.protocol import json_object
from serving.service import Service, explain, read_body, reply, service_of, to_json


async def task(request: Request) -> Response:
    """Answers one task; as server-sent events when the body says `"stream": true`."""
    service = service_of(request)
    model = service.repository.model(request.path_params["name"])
    name = request.path_params["task"]
    asked = tasks.find(model, name)
    fields = json_object(await read_body(service, request))
    run = service.plane.runner(model, service.deadline())
    stream = fields.pop("stream", False)
    if not isinstance(stream, bool):
        raise Malformed("stream is true or false; without it the answer comes whole")
    if stream:
        if asked.stream is None:
            raise Malformed(f"task {name} does not stream; leave stream out")
        return await _stream(service, asked.stream(model, run, fields))
    accepted = request.headers.get("accept", "")
    with service:
        for media_type, render in asked.rendered.items():
            if media_type in accepted:
                content, headers = await service.in_thread(render, model, run, fields)
                return Response(content, media_type=media_type, headers=headers)
        return reply(await service.in_thread(asked.answer, model, run, fields))


async def about(request: Request) -> Response:
    """What a task is for, and an example of a request; `files` are to stand in it in base64."""
    model = service_of(request).repository.model(request.path_params["name"])
    asked = tasks.find(model, request.path_params["task"])
    example = asked.example(Known(facts=model.manifest.document.get("facts") or {}))
    files = [file.name for file in files_of(example)]
    return reply({"use": asked.use, "example": named(example), "files": files})


async def _stream(service: Service, events: Iterator[dict[str, Any]]) -> Response:
    """Waits for the first event, so that a bad request still gets its status."""
    with service:
        first = await service.in_thread(next, events, None)
    return StreamingResponse(_sent(service, first, events), media_type="text/event-stream")


async def _sent(
    service: Service, event: dict[str, Any] | None, events: Iterator[dict[str, Any]]
) -> AsyncIterator[bytes]:
    try:
        with service:
            while event is not None:
                yield _event("done" if "finish" in event else "token", event)
                event = await service.in_thread(next, events, None)
    except Exception as error:  # noqa: BLE001 - too late for a status
        yield _event("error", {"error": explain(error)[0]})


def _event(kind: str, content: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), to_json(content))


def routes() -> list[Route]:
    """A request, and what one may be."""
    return [
        Route("/v1/models/{name}/{task}", task, methods=["POST"]),
        Route("/v1/models/{name}/{task}", about),
    ]
