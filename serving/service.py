"""What every endpoint needs: the running service, bodies within bounds, errors as JSON."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from repertoire.runtime.errors import (
    Abandoned,
    BadModel,
    DeadlineExceeded,
    InferenceError,
    InvalidInput,
    Malformed,
    ModelNotFound,
    Overloaded,
    TooLarge,
)
from repertoire.runtime.model import Model
from repertoire.runtime.shapes import spelled
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Task
from repertoire.runtime.wire import wire
from serving.http.access import GONE, REQUEST_ID
from serving.http.admission import Admission
from serving.http.bodies import read
from serving.queue.jobs import Cancelled
from serving.queue.plane import Plane
from serving.queue.run import QueuedRun
from serving.registry.renewal import Renewal
from serving.registry.synchroniser import Synchroniser
from serving.repository import Repository

log = logging.getLogger("serving")
T = TypeVar("T")

_STATUS: Mapping[type[InferenceError], int] = {
    Malformed: 400,
    ModelNotFound: 404,
    TooLarge: 413,
    InvalidInput: 422,
    BadModel: 503,
    Overloaded: 503,
    DeadlineExceeded: 504,
    Abandoned: GONE,
}


@dataclass
class Service:
    """body: bytes read of one request; seconds: time for one answer; ready: whether `all` models
    must be ready for the server to be, or `any`."""

    repository: Repository
    plane: Plane
    synchronise: Synchroniser | None = None
    body: int = 16 * 2**20
    seconds: float = 30.0
    admission: Admission = field(default_factory=Admission)
    ready: str = "all"

    def __post_init__(self) -> None:
        self.draining = False  # the server is about to end: it finishes what it has begun
        self.renew = Renewal(self.reload)
        self._threads: CapacityLimiter | None = None

    def deadline(self) -> float:
        return time.monotonic() + self.seconds

    def run_of(self, task: Task, model: Model, cancelled: Cancelled) -> Run:
        """What a task runs its graphs by, until its client goes.

        All runs share the time of a request; of work that goes step by step each run has it.
        """
        until = self.deadline()
        each = self.deadline if task.events is not None else lambda: until
        return QueuedRun(self.plane, model, each, cancelled)

    def reload(self) -> None:
        """Takes in what changed in the registry, if there is one, and in the folder."""
        if self.synchronise is not None:
            self.synchronise()
        self.repository.refresh()

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Runs what waits for the plane or the disk, off the event loop."""
        if self._threads is None:  # a limiter belongs to an event loop
            self._threads = CapacityLimiter(32)
        return await to_thread.run_sync(partial(function, *arguments), limiter=self._threads)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def cancelled_with(request: Request) -> Cancelled:
    """Is set when the client goes, where the server tells of lost connections."""
    cancelled, connection = Cancelled(), request.scope.get("repertoire.connection")
    if connection is not None:
        connection.when_gone(cancelled.set)
    return cancelled


def reply(content: object, status: int = 200) -> Response:
    return Response(to_json(content), status, media_type="application/json")


def to_json(content: object) -> bytes:
    """Raises InvalidInput for a number that is not finite, which JSON would hold as null."""
    text = orjson.dumps(content, default=wire)
    if b"null" in text and (place := not_finite(content)):
        raise InvalidInput(
            f"the answer holds a number that is not finite ({place}), which JSON cannot say; "
            "send values nearer to those that the model has learnt from"
        )
    return text


def not_finite(content: object, place: str = "") -> str | None:
    """Where the first number is that is not finite, as in `results[3].score`."""
    if isinstance(content, float):
        return None if math.isfinite(content) else place or "the whole of it"
    parts: Iterable[tuple[str, object]] = ()
    if isinstance(content, Mapping):
        parts = ((f".{key}" if place else str(key), each) for key, each in content.items())
    elif isinstance(content, list | tuple):
        parts = ((f"[{number}]", each) for number, each in enumerate(content))
    found = (not_finite(each, place + name) for name, each in parts)
    return next((each for each in found if each), None)


async def read_body(service: Service, request: Request) -> bytes:
    """Raises as bodies.read does, and DeadlineExceeded for a slow sender."""
    try:
        async with asyncio.timeout(service.seconds):
            return await read(dict(request.scope["headers"]), request.receive, service.body)
    except TimeoutError as error:
        raise DeadlineExceeded("the body of the request did not arrive in time") from error


def explain(error: Exception) -> tuple[str, int]:
    """The line and the status for the client; what is unexpected is logged, under the id."""
    if isinstance(error, InferenceError):
        return str(error), _STATUS[type(error)]
    if isinstance(error, HTTPException):
        return error.detail, error.status_code
    if isinstance(error, ClientDisconnect):
        return "the client is gone", GONE
    number = REQUEST_ID.get("") or secrets.token_hex(8)
    log.error("error %s", number, exc_info=error)
    return f"internal error {number}; the server's log tells more under this id", 500


async def answer_error(request: Request, error: Exception) -> Response:
    line, status = explain(error)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if isinstance(error, HTTPException) and error.detail == HTTPStatus(status).phrase:
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = _allowed(request)
        line = _unserved(request, headers.get("Allow"))
    content = orjson.dumps({"error": line})
    response = Response(content, status, headers, media_type="application/json")
    if isinstance(error, Overloaded):
        response.headers["Retry-After"] = "1"
    if isinstance(error, TooLarge):
        response.headers["Connection"] = "close"  # the rest of the body is never read
    return response


def _allowed(request: Request) -> str:
    """The methods of all routes of the address, which may be several; files are read alone."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    there = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in there for method in route.methods or ()}
    return ", ".join(sorted(methods or {"GET", "HEAD"}))


def _unserved(request: Request, allowed: str | None) -> str:
    """What routing says in two words, with the remedy."""
    path = spelled(request.url.path)
    if allowed is not None:
        return f"{spelled(request.method)} is not for {path}; send {allowed}"
    return f"there is nothing at {path}; GET /v2/models and /v1/models list the models"


def error_handlers() -> dict[Any, Any]:
    known = (InferenceError, HTTPException, ClientDisconnect, Exception)
    return dict.fromkeys(known, answer_error)
