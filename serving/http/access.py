"""The outermost layer of the server: an id for each request, its trace, counts and a log line."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import count

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.metrics import Endpoint, Metrics
from serving.http.tracing import Span, Tracer, continued

log = logging.getLogger("serving")
GONE = 499  # nobody reads the answer; told apart in counts of answers
REQUEST_ID: ContextVar[str] = ContextVar("request_id")
_SANE = re.compile(rb"[A-Za-z0-9_.:/+=@-]{1,128}")
_LONGEST_PATH = 1000  # in a line of the log


class AccessLog:
    """Writes one JSON object a line; once it cannot, it says so and stays silent."""

    def __init__(self, write: Callable[[bytes], object] | None = None) -> None:
        self._write = write or _to_stdout
        self._broken = False

    def __call__(self, line: dict[str, object]) -> None:
        if self._broken:
            return
        try:
            self._write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        except OSError as error:
            self._broken = True
            log.error("the access log ends here: it cannot be written (%s)", error.strerror)


def _to_stdout(line: bytes) -> None:
    os.write(sys.stdout.fileno(), line)


class Access:
    """Gives each request an id, its own `X-Request-Id` if that is sane, and answers with it."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        access_log: AccessLog | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._app, self._metrics = app, metrics
        self._log, self._tracer = access_log, tracer
        self._start, self._numbers = secrets.token_hex(6), count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        given = parent = None
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"traceparent":
                parent = value
        if given is None or not _SANE.fullmatch(given):
            given = f"{self._start}{next(self._numbers):08x}".encode()
        extra = [(b"x-request-id", given)]
        if span := self._span(scope["method"], parent):
            extra.append((b"traceparent", span.parent))
        request_id = given.decode()
        REQUEST_ID.set(request_id)
        answer = _Answer(send, extra)
        try:
            await self._app(scope, receive, answer)
        except Exception:
            answer.status = answer.status or 500
            raise
        finally:
            seconds = time.perf_counter() - begun
            status = answer.status or GONE
            endpoint = self._metrics.answered(scope["path"], status, seconds)
            if self._log or span:
                self._tell(scope, request_id, span, endpoint, (status, answer.length, seconds))

    def _span(self, method: str, parent: bytes | None) -> Span | None:
        if self._tracer is not None:
            return self._tracer.start(method, parent)
        return None if parent is None else continued(parent)

    def _tell(
        self,
        scope: Scope,
        request_id: str,
        span: Span | None,
        endpoint: Endpoint,
        found: tuple[int, int, float],
    ) -> None:
        status, length, seconds = found
        path = scope["path"][:_LONGEST_PATH]
        model, version, _ = endpoint.key
        if span is not None:
            attributes = {"http.request.method": scope["method"], "url.path": path}
            attributes |= {"model": model, "version": version}
            span.end({**attributes, "request_id": request_id, "http.response.status_code": status})
        if self._log is not None:
            line: dict[str, object] = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "id": request_id,
                "method": scope["method"],
                "path": path,
                "model": model,
                "version": version,
                "status": status,
                "bytes": length,
                "ms": round(seconds * 1000, 3),
            }
            self._log(line if span is None else {**line, "trace": span.trace, "span": span.span})


class _Answer:
    """What is sent, with more headers; `status` is 0 until there is one."""

    __slots__ = ("_extra", "_send", "length", "status")

    def __init__(self, send: Send, extra: list[tuple[bytes, bytes]]) -> None:
        self._send, self._extra = send, extra
        self.status = self.length = 0

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._extra]
        else:
            self.length += len(message.get("body", b""))
        return self._send(message)
