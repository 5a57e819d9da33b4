"""`python -m pipelines.speed soak --models artifacts --minutes 30`: a server under load for long.

All models of a folder are asked at 80 % of what the server can do, each with the examples of its
tasks, beside clients that are slow, break off and send too much. It passes if no answer is a 5xx
but 503 with Retry-After and 504, no client that behaves loses its connection, the memory after the
first third of the time grows by 5 % at most, and the server ends with status 0.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import io
import itertools
import json
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

SHARE = 0.8  # of the capacity
GROWTH = 0.05  # of the memory after the first third
CLOSED, OPEN = 4, 32  # clients while the capacity is measured, and connections afterwards
TIMEOUT = 60.0
HEAD = b"POST /v2/models/x/infer HTTP/1.1\r\nHost: x\r\n"


@dataclass(frozen=True)
class Call:
    path: str
    body: bytes


@dataclass
class Tally:
    """What clients saw: answers by status, and what must not have happened by its kind."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, status: int, announced: bool) -> None:
        with self.lock:
            self.statuses[status] += 1
            if status >= 500 and status != 504 and not (status == 503 and announced):
                self.faults[f"{status} {path}"] += 1

    def fault(self, kind: str) -> None:
        with self.lock:
            self.faults[kind] += 1

    @property
    def requests(self) -> int:
        return self.statuses.total()


def picture(name: str) -> str:
    """A small picture in base64, in the format that the name's ending says."""
    drawn = Image.effect_noise((37, 31), 50).convert("RGB")
    content = io.BytesIO()
    drawn.save(content, "JPEG" if name.endswith(("jpg", "jpeg")) else "PNG")
    return base64.b64encode(content.getvalue()).decode()


def filled(value: Any, files: Sequence[str]) -> Any:
    """An example whose names of files are replaced by pictures."""
    if isinstance(value, str):
        return picture(value) if value in files else value
    if isinstance(value, Mapping):
        return {key: filled(each, files) for key, each in value.items()}
    return [filled(each, files) for each in value] if isinstance(value, list) else value


def calls(port: int) -> list[Call]:
    """The example of each task of each model that is served."""
    found = []
    for model in _json(port, "/v1/models")["models"]:
        for task in model["tasks"]:
            path = f"/v1/models/{model['name']}/{task}"
            told = _json(port, path)
            found.append(Call(path, json.dumps(filled(told["example"], told["files"])).encode()))
    return found


def _json(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=TIMEOUT) as answer:
        return json.load(answer)


class Client:
    """One connection, opened again when it broke."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self._tally = tally

    def send(self, call: Call) -> None:
        try:
            self._connection.request("POST", call.path, call.body)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._tally.fault(f"{type(error).__name__} {call.path}")
            self._connection.close()
            return
        announced = answer.getheader("Retry-After") is not None
        self._tally.answer(call.path, answer.status, announced)


def drive(
    port: int, found: Sequence[Call], seconds: float, rate: float | None, clients: int
) -> Tally:
    """Sends for `seconds`: without pause, or at `rate` a second however long answers take."""
    tally, numbers = Tally(), itertools.count()
    begun = time.monotonic()

    def work(seed: int) -> None:
        client, order = Client(port, tally), random.Random(seed)
        while time.monotonic() < begun + seconds:
            if rate is not None:
                due = begun + next(numbers) / rate
                time.sleep(max(0.0, min(due, begun + seconds) - time.monotonic()))
            client.send(order.choice(found))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def slow(port: int) -> None:
    """A body that comes in a byte at a time, and does not end."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(
            b"POST /v2/models/x/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
        )
        for _ in range(20):
            connection.sendall(b"{")
            time.sleep(0.5)


def broken(port: int) -> None:
    """Bytes that are no HTTP, half a request, and answers that nobody reads."""
    for sent in (b"\x16\x03\x01\x00\xff" * 41, b"POST /v1/models/x/y HTTP/1.1\r\nHost"):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(sent)
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n" * 7)


def huge(port: int) -> None:
    """More than the server takes: announced, and in chunks without an end."""
    for end in (b"Content-Length: 10000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(HEAD + end)
            for _ in range(20):
                connection.sendall(b"100000\r\n" + b"1" * 2**20 + b"\r\n")


def beside(port: int, end: threading.Event) -> list[threading.Thread]:
    """Clients that do not behave, one of a kind, until the event."""

    def work(misbehave: Callable[[int], None]) -> None:
        while not end.wait(1):
            with contextlib.suppress(OSError):  # the server may hang up on them
                misbehave(port)

    threads = [
        threading.Thread(target=work, args=(one,), daemon=True) for one in (slow, broken, huge)
    ]
    for thread in threads:
        thread.start()
    return threads


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def watch(pid: int, minutes: float, seen: list[tuple[float, float]]) -> None:
    """Notes (seconds, MB) a hundred times, and prints it each minute."""
    begun, printed = time.monotonic(), 0
    for look in range(1, 101):
        time.sleep(max(0.0, begun + look * minutes * 0.6 - time.monotonic()))
        now = time.monotonic() - begun
        seen.append((now, resident_mb(pid)))
        if now >= 60 * (printed + 1):
            printed += 1
            print(f"minute {printed}: {seen[-1][1]:.0f} MB", flush=True)


def growth(seen: Sequence[tuple[float, float]]) -> float:
    """Of the last tenth over the tenth that follows the first third, by their medians."""
    third, tenth = len(seen) // 3, max(len(seen) // 10, 1)
    early = statistics.median(mb for _, mb in seen[third : third + tenth])
    return statistics.median(mb for _, mb in seen[-tenth:]) / early - 1


@contextlib.contextmanager
def serving(models: Path, log: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "serving.app", "--models", str(models), "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        while process.poll() is None:
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready").close()
                break
            time.sleep(0.2)
        if process.poll() is not None:
            sys.exit(f"soak: the server did not start: {log.read_text('utf-8').strip()}")
        yield port, process
    finally:
        process.kill()
        process.wait()


def soak(models: Path, minutes: float, log: Path) -> bool:
    """Whether it passed; prints what it saw."""
    seconds = minutes * 60
    with serving(models, log) as (port, process):
        found = calls(port)
        tried = min(20.0, seconds / 5)
        rate = drive(port, found, tried, None, CLOSED).requests / tried
        print(f"{len(found)} tasks; capacity {rate:.0f} requests/s, {SHARE:.0%} of it from now on")
        seen: list[tuple[float, float]] = []
        end = threading.Event()
        others = beside(port, end)
        watcher = threading.Thread(target=watch, args=(process.pid, minutes, seen))
        watcher.start()
        tally = drive(port, found, seconds, SHARE * rate, OPEN)
        watcher.join()
        end.set()
        for other in others:
            other.join()
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        status = process.poll()
    statuses = ", ".join(f"{code}: {count}" for code, count in sorted(tally.statuses.items()))
    print(f"{tally.requests} requests; by status {statuses}")
    for fault, count in tally.faults.most_common(20):
        print(f"fault: {fault}: {count} times")
    grown = growth(seen)
    print(f"memory after the first third: {grown:+.1%} (at most {GROWTH:+.0%})")
    print(f"exit status of the server: {status if status is not None else 'still running'}")
    passed = not tally.faults and grown <= GROWTH and status == 0
    print("pass" if passed else "fail", flush=True)
    return passed


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.speed soak")
    parser.add_argument("--models", type=Path, default=Path("artifacts"), metavar="FOLDER")
    parser.add_argument("--minutes", type=float, default=30.0, metavar="N")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        passed = soak(options.models, options.minutes, log)
        if not passed:
            print("the end of the server's log:")
            print("\n".join(log.read_text("utf-8").splitlines()[-20:]))
    return 0 if passed else 1
