"""What every endpoint needs: the running service, bodies within bounds, errors as JSON."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import orjson
from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from repertoire.runtime.errors import (
    BadModel,
    DeadlineExceeded,
    InferenceError,
    InvalidInput,
    Malformed,
    ModelNotFound,
    Overloaded,
    TooLarge,
)
from serving.plane import Plane
from serving.renewal import Renewal
from serving.repository import Repository
from serving.synchroniser import Synchroniser

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
}


@dataclass
class Service:
    """body: bytes read of one request; seconds: time for one answer; tasks: answered at once."""

    repository: Repository
    plane: Plane
    synchronise: Synchroniser | None = None
    body: int = 16 * 2**20
    seconds: float = 30.0
    tasks: int = 64

    def __post_init__(self) -> None:
        self.running = 0
        self.draining = False  # the server is about to end: it finishes what it has begun
        self.renew = Renewal(self.reload)
        self._threads: CapacityLimiter | None = None

    def deadline(self) -> float:
        return time.monotonic() + self.seconds

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

    def __enter__(self) -> None:
        """Admits one task. Raises Overloaded."""
        if self.running >= self.tasks:
            raise Overloaded(f"{self.running} tasks are running already; try again later")
        self.running += 1

    def __exit__(self, *_: object) -> None:
        self.running -= 1


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def reply(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def read_body(service: Service, request: Request) -> bytes:
    """Raises TooLarge before more than the limit is read, DeadlineExceeded for a slow sender."""
    try:
        async with asyncio.timeout(service.seconds):
            return await read(request, service.body)
    except TimeoutError as error:
        raise DeadlineExceeded("the body of the request did not arrive in time") from error


async def read(request: Request, limit: int) -> bytes:
    """The body. Raises TooLarge before more than the limit is read."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks, length = [], 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is longer than {limit} bytes; send fewer rows at once")


def explain(error: Exception) -> tuple[str, int]:
    """The line and the status for the client; what is unexpected goes to the log, under an id."""
    if isinstance(error, InferenceError):
        return str(error), _STATUS[type(error)]
    if isinstance(error, HTTPException):
        return error.detail, error.status_code
    number = secrets.token_hex(8)
    log.error("error %s", number, exc_info=error)
    return f"internal error {number}; the server's log tells more under this id", 500


async def answer_error(request: Request, error: Exception) -> Response:
    line, status = explain(error)
    response = reply({"error": line}, status)
    if isinstance(error, Overloaded):
        response.headers["Retry-After"] = "1"
    if isinstance(error, TooLarge):
        response.headers["Connection"] = "close"  # the rest of the body is never read
    return response


def error_handlers() -> dict[Any, Any]:
    return dict.fromkeys((InferenceError, HTTPException, Exception), answer_error)
