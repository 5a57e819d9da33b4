"""`python -m pipelines.speed.serving --model artifacts/lstm_stacked`: our server against MLflow's.

Two variants of the model's graph `next`, tokens in and either the ten likeliest tokens or the whole
vocabulary out, are served by both on loopback with one thread a run, and loaded by the same client
in a process of its own. Prints requests/s, latencies and resident memory; judges nothing. After
that the whole model is served, and asked for the next word of a text that is being typed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.speed.variants import VARIANTS, variant, write_for_mlflow, write_for_us

# Read by mlflow and onnxruntime when they are imported, in the servers too.
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", ORT_DISABLE_TELEMETRY="1")
# mlflow starts the `uvicorn` that it finds there.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

CLIENTS = (1, 8, 32)
LENGTH = 35
TOKENS = [1 + number % 7 for number in range(LENGTH)]
TYPED = "what is the mat"  # the last word is not yet whole
MOST = 20_000  # requests of one measurement
ROUNDS = 7


@dataclass(frozen=True)
class Load:
    """What one measurement sends: a request, byte for byte, over `clients` open connections."""

    port: int
    request: bytes
    clients: int
    seconds: float


@dataclass(frozen=True)
class Measured:
    rate: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.rate:6.0f} ({self.p50_ms:.1f}, {self.p99_ms:.1f})"


def our_request(name: str, *, binary: bool) -> bytes:
    data = {"name": "tokens", "datatype": "INT64", "shape": [1, LENGTH], "data": TOKENS}
    body: dict[str, Any] = {"inputs": [data], "parameters": {"binary_data_output": binary}}
    return http(f"/v2/models/{name}/infer", body)


def http(path: str, body: Mapping[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def measure(load: Load) -> Measured:
    """Runs in the client's process. Raises RuntimeError for an answer other than 200."""
    import uvloop

    return uvloop.run(_measure(load))


async def _measure(load: Load) -> Measured:
    times: list[float] = []
    start = time.perf_counter()
    stop = start + load.seconds
    await asyncio.gather(*(_client(load, stop, times) for _ in range(load.clients)))
    seconds = time.perf_counter() - start
    times.sort()
    middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
    return Measured(len(times) / seconds, middle * 1000, late * 1000)


async def _client(load: Load, stop: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port, limit=2**20)
    while time.perf_counter() < stop and len(times) < MOST:
        sent = time.perf_counter()
        writer.write(load.request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"the server answered {head.decode()}")
        # At the start of a line: the protocol has a header whose name ends the same.
        length = head.lower().split(b"\r\ncontent-length:")[1].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        times.append(time.perf_counter() - sent)
    writer.close()


@contextlib.contextmanager
def running(command: Sequence[str], port: int, health: str, log: Path) -> Iterator[int]:
    """Runs a server until the block ends; gives its process id once it is healthy."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            if process.poll() is not None:
                break
            with contextlib.suppress(OSError):  # not listening yet
                urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=5).close()
                yield process.pid
                return
            time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')[-2000:]}")
    finally:
        for each in family(process.pid):
            each.terminate()
        process.wait()


def family(pid: int) -> list[Any]:
    """A process and those it started; none if it has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def resident_mb(pid: int) -> float:
    return float(sum(each.memory_info().rss for each in family(pid)) / 2**20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def compare(name: str, folder: Path, client: ProcessPoolExecutor, seconds: float) -> None:
    """All servers run; they are loaded in turn, a round each, and the ratio is that of a round."""
    port, python = free_port(), sys.executable
    serve = [python, "-m", "serving.app", "--models", str(folder / "models"), "--port", str(port)]
    with contextlib.ExitStack() as stack:
        pid = stack.enter_context(running(serve, port, "/v2/health/ready", folder / "log"))
        loads = {
            "ours, binary": (pid, port, our_request(name, binary=True)),
            "ours, json": (pid, port, our_request(name, binary=False)),
        }
        port, saved = free_port(), folder / f"mlflow_{name}"
        flow = [python, "-m", "mlflow", "models", "serve", "-m", str(saved), "--port", str(port)]
        flow += ["--host", "127.0.0.1", "--env-manager", "local"]
        pid = stack.enter_context(running(flow, port, "/ping", folder / "log"))
        loads["mlflow"] = (pid, port, http("/invocations", {"inputs": {"tokens": [TOKENS]}}))
        found = rounds(client, {s: load[1:] for s, load in loads.items()}, seconds)
        for server, (pid, _, _) in loads.items():
            columns = "  ".join(str(middle(found[server, clients])) for clients in CLIENTS)
            print(f"{name:10} {server:13} {columns}  {resident_mb(pid):4.0f} MB", flush=True)
    for ours in ("ours, binary", "ours, json"):
        print(f"{name:10} {ours} against mlflow: {ratio(found, ours, 'mlflow')}", flush=True)


def completions(model: Path, folder: Path, client: ProcessPoolExecutor, seconds: float) -> None:
    """The task `complete`: from text to text, the tokenizer and the net's step included."""
    (folder / "whole").mkdir()
    (folder / "whole" / model.name).symlink_to(model.resolve())
    port, python = free_port(), sys.executable
    serve = [python, "-m", "serving.app", "--models", str(folder / "whole"), "--port", str(port)]
    request = http(f"/v1/models/{model.name}/complete", {"prompt": TYPED, "count": 5})
    with running(serve, port, "/v2/health/ready", folder / "log"):
        client.submit(measure, Load(port, request, 1, 0.5)).result()  # warm
        for clients in CLIENTS:
            found = client.submit(measure, Load(port, request, clients, seconds)).result()
            print(f"complete, {clients:2} typing: {found}", flush=True)


def rounds(
    client: ProcessPoolExecutor, loads: Mapping[str, tuple[int, bytes]], seconds: float
) -> dict[tuple[str, int], list[Measured]]:
    """What each server reached in each round, by its name and the number of clients."""
    found: dict[tuple[str, int], list[Measured]] = defaultdict(list)
    for port, request in loads.values():
        client.submit(measure, Load(port, request, 1, 0.5)).result()  # warm
    for _ in range(ROUNDS):
        for clients in CLIENTS:
            for server, (port, request) in loads.items():
                load = Load(port, request, clients, seconds / ROUNDS)
                found[server, clients].append(client.submit(measure, load).result())
    return found


def ratio(found: Mapping[tuple[str, int], Sequence[Measured]], ours: str, theirs: str) -> str:
    """At the most clients: the median over the rounds, and its range."""
    pairs = zip(found[ours, CLIENTS[-1]], found[theirs, CLIENTS[-1]], strict=True)
    ratios = sorted(us.rate / them.rate for us, them in pairs)
    return (
        f"{statistics.median(ratios):.1f}x at {CLIENTS[-1]} clients "
        f"({ratios[0]:.1f} to {ratios[-1]:.1f} over {ROUNDS} rounds)"
    )


def middle(rounds: Sequence[Measured]) -> Measured:
    """The round whose rate is the median."""
    return sorted(rounds, key=lambda measured: measured.rate)[len(rounds) // 2]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.speed.serving")
    parser.add_argument("--model", type=Path, required=True, help="folder with a graph `next`")
    parser.add_argument(
        "--seconds", type=float, default=7.0, help="of each measurement, all rounds"
    )
    options = parser.parse_args(argv)
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as temporary,
        ProcessPoolExecutor(1, mp_context=spawn) as client,
    ):
        folder = Path(temporary)
        for name, outputs in VARIANTS.items():
            proto = variant(options.model, outputs)
            write_for_us(folder / "models" / name, options.model, proto, outputs)
            write_for_mlflow(folder / f"mlflow_{name}", proto)
        print(f"requests/s (p50, p99 ms) at {', '.join(map(str, CLIENTS))} clients; resident MB")
        for name in VARIANTS:
            compare(name, folder, client, options.seconds)
        completions(options.model, folder, client, options.seconds / 2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
