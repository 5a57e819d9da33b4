"""The application behind a real socket, in a thread of the test's own process."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from serving.app import create_app
from serving.http.listening import bind, listen
from serving.http.transport import Protocol
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service


def service_of(models: Path, **settings: object) -> Service:
    repository = Repository(models)
    repository.refresh()
    return Service(repository, Plane(repository), **settings)


@contextlib.contextmanager
def running(service: Service) -> Iterator[int]:
    """The port."""
    listener = bind("127.0.0.1", 0)
    listen(listener)
    app = create_app(service, poll_seconds=3600)
    config = uvicorn.Config(app, loop="uvloop", http=Protocol, ws="none", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


def exchange(port: int, *parts: bytes, end: bytes = b"", seconds: float = 10) -> bytes:
    """Sends parts one after another; what comes back until `end` does, or the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.02)
        seen = b""
        while not (end and seen.endswith(end)) and (more := connection.recv(65536)):
            seen += more
        return seen
