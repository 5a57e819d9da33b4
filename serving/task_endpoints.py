"""The endpoints of tasks: one address for each task of each model."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from repertoire.runtime import budget, tasks
from repertoire.runtime.errors import Malformed
from repertoire.runtime.task import Event, Task, example_of, files_of, last, named
from serving.http.streams import streamed
from serving.openapi.described import RUNS, described
from serving.protocol.tensors import json_object
from serving.protocol.types import Summaries, TaskAbout
from serving.service import cancelled_with, read_body, reply, service_of, to_json

SUFFIXES = {"audio/midi": ".mid", "audio/wav": ".wav"}  # of files that a browser should save


@described({"type": "object"}, body={"type": "object"}, errors=RUNS, tag="tasks")
async def answer(request: Request) -> Response:
    """Answers one task; as server-sent events when the body says `"stream": true`."""
    service = service_of(request)
    model = service.repository.model(request.path_params["name"])
    task = tasks.find(model, request.path_params["task"])
    fields = json_object(await read_body(service, request))
    stream = fields.pop("stream", False)
    if not isinstance(stream, bool):
        raise Malformed("stream is true or false; without it the answer comes whole")
    budget.PIXELS.set(budget.Budget(service.plane.limits.pixels))
    asked = task.read(fields)
    events = task.steps(model, service.run_of(task, model, cancelled_with(request)), asked)
    if stream:
        return await streamed(service, model, events, partial(_spelled, task), _failed)
    accepted = request.headers.get("accept", "")

    def answered() -> tuple[bytes, str, dict[str, str]]:
        found = last(events)
        for media_type, render in task.rendered.items():
            if media_type in accepted:
                content = render(model, asked, found)
                return content, media_type, _headers(model.name, media_type, found)
        return to_json(body(task, found)), "application/json", {}

    with service.admission.admit(model.name):
        content, media_type, headers = await service.in_thread(answered)
    return Response(content, media_type=media_type, headers=headers)


def body(task: Task, found: Any) -> dict[str, Any]:
    """The answer as a JSON object."""
    return {"results": found} if task.many else found


def _headers(model: str, media_type: str, found: Any) -> dict[str, str]:
    """What a file cannot say itself: the seed that it was drawn with, how it ended, its name."""
    told = found if isinstance(found, dict) else {}
    headers = {name.title(): str(told[name]) for name in ("seed", "finish") if name in told}
    if suffix := SUFFIXES.get(media_type):
        name = f"{model}-{told['seed']}" if "seed" in told else model
        headers["Content-Disposition"] = f'attachment; filename="{name}{suffix}"'
    return headers


def _spelled(task: Task, event: Event) -> bytes:
    kind, content = event
    return _event(kind, body(task, content) if kind == "done" else content)


def _failed(line: str) -> bytes:
    return _event("error", {"error": line})


def _event(kind: str, content: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), to_json(content))


@described(TaskAbout, errors=(404, 503), tag="tasks")
async def about(request: Request) -> Response:
    """What a task is for, an example of a request, and the JSON Schemas of request and answer.

    `files` are to stand in the example in base64; `accept` lists media types besides JSON.
    """
    model = service_of(request).repository.model(request.path_params["name"])
    task = tasks.find(model, request.path_params["task"])
    example = example_of(task, model)
    told = {
        "use": task.use,
        "description": task.description,
        "example": named(example),
        "files": [file.name for file in files_of(example)],
        "request": task.request_schema(model),
        "answer": task.answer_schema(),
        "rows": task.rows,
        "accept": list(task.rendered),
        "streams": task.events is not None,
    }
    return Response(to_json(told), media_type="application/json")


@described(Summaries, tag="tasks")
async def models(request: Request) -> Response:
    """The models with their tasks, and what was measured of them."""
    found = service_of(request).repository.models.values()
    return reply({"models": [_summary(m.name, m.version, m.manifest.document) for m in found]})


def _summary(name: str, version: str, document: Any) -> dict[str, Any]:
    shown = ("title", "family", "tasks", "metrics", "baselines", "facts", "verdict")
    return {"name": name, "version": version, **{key: document.get(key) for key in shown}}


def routes() -> list[Route]:
    """The models, a request, and what one may be."""
    return [
        Route("/v1/models", models),
        Route("/v1/models/{name}/{task}", answer, methods=["POST"]),
        Route("/v1/models/{name}/{task}", about),
    ]
