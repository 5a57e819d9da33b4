"""Real servers in processes of their own, and clients that count what fails."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ASK = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [7]}]}


@contextlib.contextmanager
def serving(*options: object) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    """Port, process and log of a server; it is killed at the end if it still runs."""
    from tests.services import free_port

    port = free_port()
    log = Path(str(options[-1])).parent / f"server-{port}.log"
    command = [sys.executable, "-m", "serving.app", "--port", str(port), *map(str, options)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    try:
        yield port, process, log
    finally:
        process.kill()
        process.wait()


def get(port: int, path: str, body: object = None) -> Any:
    """The JSON of an answer, whatever its status."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", content)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


def until(done: Callable[[], object], seconds: float = 60.0) -> float:
    """Waits until it is true without an error. Returns how long that took, in seconds."""
    begun = time.monotonic()
    while True:
        with contextlib.suppress(Exception):
            if done():
                return time.monotonic() - begun
        assert time.monotonic() < begun + seconds, f"not within {seconds} s"
        time.sleep(0.02)


class Clients:
    """Clients that ask a model without pause over open connections, while the block runs."""

    def __init__(self, port: int, model: str, count: int = 3) -> None:
        self.port, self.model, self.count = port, model, count
        self.answers: list[float] = []
        self.failures: list[str] = []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._end.is_set():
            try:
                connection.request("POST", f"/v2/models/{self.model}/infer", json.dumps(ASK))
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.answers.append(json.loads(content)["outputs"][0]["data"][0])
                else:
                    self.failures.append(f"{answer.status} {content!r}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
        connection.close()
