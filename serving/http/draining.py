"""The end of a server: what has begun is finished, and nothing new is let in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from serving.http.transport import IDLE_SECONDS, Protocol
from serving.service import Service

log = logging.getLogger("serving")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_while_loading() -> None:
    """Lets SIGTERM end a server that has not started, which process 1 would pass over otherwise."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


class Server(uvicorn.Server):
    """uvicorn, whose first signal drains and whose second ends the process at once.

    Its own raises the signal again once it has drained, so that a server that was stopped as it
    should be would look as if it had been killed.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = self._service.draining = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the registry's process too, so that no `load` waits for it."""
        following = self._service.synchronise
        ended = asyncio.create_task(asyncio.to_thread(following.close)) if following else None
        await super().shutdown(sockets)
        if ended is not None:
            await ended


def server(app: ASGIApp, service: Service) -> Server:
    """A server whose requests in flight have until their deadlines when it drains."""
    settings = uvicorn.Config(
        app,
        loop="uvloop",  # the plain loop costs 40 ms a request, for it leaves Nagle's delay on
        http=Protocol,
        ws="none",
        timeout_keep_alive=IDLE_SECONDS,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(service.seconds) + 1,
    )
    return Server(settings, service)
