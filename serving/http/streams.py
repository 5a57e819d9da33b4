"""Answers in pieces, as server-sent events."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from repertoire.runtime.model import Model
from serving.service import Service, explain

T = TypeVar("T")


class Admitted(StreamingResponse):
    """A response in pieces that gives up its place among the tasks when it ends."""

    def __init__(self, pieces: AsyncIterator[bytes], place: contextlib.ExitStack) -> None:
        super().__init__(pieces, media_type="text/event-stream")
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await super().__call__(scope, receive, send)


async def streamed(
    service: Service,
    model: Model,
    pieces: Iterator[T],
    event: Callable[[T], bytes],
    failed: Callable[[str], bytes],
) -> Response:
    """`event` spells a piece, `failed` the line of an error that comes too late for a status.

    Waits for the first piece, so that a bad request still gets its status. Raises Overloaded.
    """
    with contextlib.ExitStack() as place:
        place.enter_context(service.admission.admit(model.name))
        first = await service.in_thread(next, pieces, None)
        kept = place.pop_all()  # no await stands between this and the response

    async def sent() -> AsyncIterator[bytes]:
        piece = first
        try:
            while piece is not None:
                yield event(piece)
                piece = await service.in_thread(next, pieces, None)
        except Exception as error:  # noqa: BLE001 - too late for a status
            yield failed(explain(error)[0])

    return Admitted(sent(), kept)
