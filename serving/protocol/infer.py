"""`infer` of the Open Inference Protocol, version 2; model_endpoints.py has all else of it.

Each graph is a model of the protocol, named `<model>.<graph>`; `<model>` alone describes them all,
and stands for its graph where there is only one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from repertoire.runtime.errors import DeadlineExceeded, InferenceError, Malformed
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.shapes import shown
from repertoire.runtime.signature import Arrays
from serving.http.bodies import packed, read
from serving.openapi.described import BINARY, JSON, RUNS, Described, file_of, marked, schema_of
from serving.openapi.graphs import HEADER
from serving.protocol import tensors
from serving.protocol.classification import classified
from serving.protocol.datatypes import fitted
from serving.protocol.names import find_graph
from serving.protocol.types import ANY_INFER, Inferred
from serving.service import Service, answer_error, service_of

_HEADER = b"inference-header-content-length"
_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
Headers = list[tuple[bytes, bytes]]


class Inference:
    """Answers `infer` itself and hands all else on: routing would cost as much as the decoding."""

    def __init__(self, service: Service, others: ASGIApp) -> None:
        self.service, self.others = service, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != "POST":
            await self.others(scope, receive, send)
            return
        try:
            name, version = found.groups()
            body, headers = await _in_time(self.service, scope, receive, name, version)
        except Exception as error:  # noqa: BLE001 - the client gets its line
            response = await answer_error(Request(scope), error)
            await response(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _in_time(
    service: Service, scope: Scope, receive: Receive, name: str, version: str | None
) -> tuple[bytes, Headers]:
    """One deadline for body and answer.

    A request that fails once its graph is known counts as a failure of it.
    """
    model, graph = find_graph(service.repository, name, version)
    clock = _Clock(service.seconds)
    try:
        return await _infer(service, scope, receive, (name, model, graph), clock)
    except asyncio.CancelledError as error:
        if clock.late():
            raise DeadlineExceeded("no answer in the time given; try again later") from error
        raise
    finally:
        clock.stop()


class _Clock:
    """Cancels the task that makes it when its time is up; asyncio.timeout takes twice as long.

    As there, a task that others cancelled too stays cancelled.
    """

    def __init__(self, seconds: float) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._up = False
        self._timer = self._loop.call_later(seconds, self._cancel)

    def shorten(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._cancel)

    def stop(self) -> None:
        self._timer.cancel()

    def late(self) -> bool:
        """Whether this clock alone cancelled the task, which may then go on."""
        return self._up and self._task is not None and self._task.uncancel() == 0

    def _cancel(self) -> None:
        self._up = True
        if self._task is not None:
            self._task.cancel()


@marked(
    Described(
        {200: {JSON: schema_of(Inferred), BINARY: file_of(BINARY)}},
        body={JSON: ANY_INFER, BINARY: file_of(BINARY)},
        errors=RUNS,
        tag="models",
        parameters=(HEADER,),
    )
)
async def infer(request: Request) -> Response:
    """Runs a graph on tensors, in JSON or in binary behind it.

    `GET /openapi.json?model=NAME` describes the tensors of each graph of a model.
    """
    path = request.path_params
    service, scope = service_of(request), request.scope
    name, number = path["name"], path.get("version")
    body, headers = await _in_time(service, scope, request.receive, name, number)
    named = {name.decode(): value.decode() for name, value in headers}
    return Response(body, headers=named)


async def _infer(
    service: Service,
    scope: Scope,
    receive: Receive,
    asked: tuple[str, Model, Graph],
    clock: _Clock,
) -> tuple[bytes, Headers]:
    name, model, graph = asked
    headers = dict(scope["headers"])
    try:
        body = await read(headers, receive, service.body)
        request = tensors.decode(body, _header_length(headers))
        if request.model not in (None, name):
            raise Malformed(f"model_name is {shown(request.model)}, but the address names {name}")
        arrays = fitted(request.arrays, graph.inputs)
    except InferenceError:
        service.plane.statistics.failed(model, graph)
        raise
    deadline = service.deadline()
    if request.seconds is not None and request.seconds < service.seconds:
        deadline += request.seconds - service.seconds
        clock.shorten(request.seconds)
    future = service.plane.submit(model, graph.name, arrays, tuple(request.outputs), deadline)
    results = await _completed(future, scope.get("repertoire.connection"))
    if request.outputs and any(wanted.classes for wanted in request.outputs.values()):
        results = classified(model, graph, request.outputs, results)
    return await _answer(headers, *tensors.encode(request, name, model.version, results))


async def _answer(
    asked: Mapping[bytes, bytes], body: bytes, header_length: int | None
) -> tuple[bytes, Headers]:
    """What goes out, and its headers; the length of the JSON is that of the plain body."""
    coding = None
    if b"accept-encoding" in asked:
        body, coding = await packed(body, asked[b"accept-encoding"])
    kind = b"application/json" if header_length is None else b"application/octet-stream"
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", kind)]
    if header_length is not None:
        headers.append((_HEADER, b"%d" % header_length))
    if coding is not None:
        headers.append((b"content-encoding", coding.encode()))
    return body, headers


async def _completed(future: Future[Arrays], connection: Any) -> Arrays:
    """The plane completes its futures on this loop, so that no thread has to wake it for each.

    Raises ClientDisconnect once the connection is lost, and what the future raises.
    """
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def done(_: Future[Arrays]) -> None:
        if not waiter.done():
            waiter.set_result(None)

    def leave() -> None:
        if not waiter.done():
            waiter.set_exception(ClientDisconnect())

    future.add_done_callback(done)
    if connection is not None:
        connection.when_gone(leave)
    try:
        await waiter
    except BaseException:
        future.cancel()  # nobody waits any more
        raise
    finally:
        if connection is not None:
            connection.when_gone(None)
    return future.result()


def _header_length(headers: Mapping[bytes, bytes]) -> int | None:
    length = headers.get(_HEADER)
    if length is None:
        return None
    if not length.isdigit() or len(length) > len(str(2**63)):
        given = shown(length.decode("latin-1"))
        raise Malformed(f"{_HEADER.decode()} is {given}, not a number of bytes")
    return int(length)


def routes() -> list[Route]:
    """Those of `infer`, which ``Inference`` answers before any routing."""
    paths = ("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer")
    return [Route(path, infer, methods=["POST"]) for path in paths]
