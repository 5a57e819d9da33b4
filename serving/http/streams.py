"""Answers in pieces, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from starlette.responses import Response, StreamingResponse

from repertoire.runtime.model import Model
from serving.service import Service, explain

T = TypeVar("T")


async def streamed(
    service: Service,
    model: Model,
    pieces: Iterator[T],
    event: Callable[[T], bytes],
    failed: Callable[[str], bytes],
) -> Response:
    """`event` spells a piece, `failed` the line of an error that comes too late for a status.

    Waits for the first piece, so that a bad request still gets its status.
    """
    with service.admission.admit(model.name):
        first = await service.in_thread(next, pieces, None)

    async def sent() -> AsyncIterator[bytes]:
        piece = first
        try:
            with service.admission.admit(model.name):
                while piece is not None:
                    yield event(piece)
                    piece = await service.in_thread(next, pieces, None)
        except Exception as error:  # noqa: BLE001 - too late for a status
            yield failed(explain(error)[0])

    return StreamingResponse(sent(), media_type="text/event-stream")
