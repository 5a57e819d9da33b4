"""A real server in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import standins

from repertoire.runtime.errors import InvalidInput
from serving.app import main
from serving.http.listening import bind, listen
from serving.http.transport import Gathering

ROOT = Path(__file__).parents[2]
# Runs the server as `python -m serving.app` does, and tells at its end what it had imported.
PROGRAM = """
import sys
from serving.app import main
status = main(sys.argv[1:])
print("IMPORTED", *sorted({name.partition(".")[0] for name in sys.modules}))
sys.exit(status)
"""


@contextlib.contextmanager
def server(models: Path, *extra: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", PROGRAM, "--models", str(models), "--port", str(port), *extra]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            assert process.poll() is None, process.communicate()[0]
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(f"{url}/v2/health/live", timeout=5).close()
                break
            time.sleep(0.05)
        yield url, process
    finally:
        process.kill()
        process.wait()


def post(url: str, body: object) -> str:
    content = json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, content), timeout=10) as answer:
        return str(answer.read().decode())


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def test_the_server_answers_streams_reloads_and_imports_no_training_library(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    standins.lstm(models / "large", words=9998, width=200)
    with server(models) as (url, process):
        body = {"prompt": "w1 w2", "max_tokens": 53, "seed": 3, "stream": True}
        streamed = post(f"{url}/v1/models/large/generate", {**body, "stop_at_end": False})
        assert streamed.count("event: token") == 53
        assert streamed.count("event: done") == 1
        with capsys.disabled():
            print(  # noqa: T201
                f"\nresident with a 2 x 200 LSTM of 10,000 words: {resident_mb(process.pid):.0f} MB"
            )
        standins.doubling(models / "fresh")
        process.send_signal(signal.SIGHUP)
        for _ in range(100):
            if "fresh" in urllib.request.urlopen(f"{url}/v2/models", timeout=5).read().decode():
                break
            time.sleep(0.05)
        ask = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3]}]}
        assert "[6.0]" in post(f"{url}/v2/models/fresh/infer", ask)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=20)[0]
    imported = output.rpartition("IMPORTED")[2].split()
    assert "onnxruntime" in imported
    assert not {"torch", "mlflow", "onnx", "pandas", "pyarrow"} & set(imported)


def test_a_long_body_is_refused_before_it_is_sent(models: Path) -> None:
    with server(models, "--body", "1000") as (url, _):
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            head = (
                "POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"
            )
            connection.sendall(head.encode())  # and not a byte of the body
            assert connection.recv(1000).startswith(b"HTTP/1.1 413")


def test_the_access_log_is_on_standard_output(models: Path) -> None:
    command = [sys.executable, "-m", "serving.app", "--models", str(models), "--port", "0"]
    with subprocess.Popen(
        [*command, "--access-log"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if "http://" in line)
        url = told.partition(" models on ")[2].split()[0]
        ask = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3]}]}
        post(f"{url}/v2/models/double/infer", ask)
        process.terminate()
        lines = [json.loads(line) for line in process.communicate(timeout=20)[0].splitlines()]
    assert [(line["model"], line["status"]) for line in lines] == [("double", 200)]


def refused(*arguments: object) -> str:
    """The one line of a server that does not start."""
    command = [sys.executable, "-m", "serving.app", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=60
    )
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: ")
    return done.stderr


def test_a_server_without_a_model_says_so_in_one_line(tmp_path: Path) -> None:
    assert "there is no folder" in refused("--port", 0, "--models", tmp_path / "none")
    assert f"no model in {tmp_path} can" in refused("--port", 0, "--models", tmp_path)


def test_a_port_that_is_taken_is_one_line_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused("--port", port, "--models", tmp_path / "none")
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in line


def test_a_port_that_another_server_takes_while_models_are_loaded_is_one_line() -> None:
    first = bind("127.0.0.1", 0)
    port = first.getsockname()[1]
    with first, bind("127.0.0.1", port) as second:
        assert listen(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(InvalidInput, match=f"127.0.0.1:{port} .*choose another --port"):
            listen(second)


def test_a_host_that_is_none_is_one_line() -> None:
    with pytest.raises(InvalidInput, match=r"cannot listen on nobody\.invalid:0 "):
        bind("nobody.invalid", 0)


def test_port_0_is_any_that_is_free_and_the_log_says_which(models: Path) -> None:
    command = [sys.executable, "-m", "serving.app", "--models", str(models), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if "http://" in line)
        url = told.partition(" models on ")[2].split()[0]
        with urllib.request.urlopen(f"{url}/v2/health/live", timeout=10) as answer:
            assert answer.status == 200
        process.kill()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--port", value) for value in ("99999", "-1", "65536", "http", "")]
    + [("--threads", value) for value in ("0", "-3", "1025", "two", "1.5")]
    + [("--sessions", value) for value in ("0", "-3", "nan")]
    + [("--deadline", value) for value in ("0", "-3", "nan", "inf", "1e300", "soon")]
    + [("--body", value) for value in ("0", "-3", "nan", "16M")]
    + [("--rows", value) for value in ("0", "-3", "many")]
    + [("--pixels", value) for value in ("0", "1.5")]
    + [("--run-bytes", value) for value in ("0", "1000", "1G")]
    + [("--in-flight", value) for value in ("0", "-3", "1025")]
    + [("--registry", " ")],
)
def test_an_option_out_of_bounds_is_refused_in_one_line(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"{option}={value}"])
    line = capsys.readouterr().err
    assert ended.value.code == 2 and len(line.splitlines()) == 1
    assert line.startswith(f"error: argument {option}: ")


def test_a_server_whose_registry_has_no_champion_says_so_in_one_line(
    stored: Path, tmp_path: Path
) -> None:
    options = ("--port", 0, "--into", tmp_path / "champions")
    line = refused(*options, "--registry", f"sqlite:///{shutil.copy(stored, tmp_path)}")
    assert line.rstrip().endswith("or serve a folder of models (--models own/artifacts)")
    assert not (tmp_path / "champions").exists()


class Wire:
    """A transport that keeps what is written; as uvloop's, it refuses once it is lost."""

    def __init__(self):
        self.written, self.closed, self.gone = [], [], False

    def write(self, part):
        if self.gone:
            raise RuntimeError("the handler is closed")
        self.written.append(part)

    def close(self):
        self.closed.append(len(self.written))

    def is_closing(self):
        return self.gone

    def get_extra_info(self, name):
        return f"the {name}"


def test_writes_of_one_turn_of_the_loop_become_one_and_none_is_lost_at_the_end():
    wire = Wire()

    async def answer():
        gathering = Gathering(wire, asyncio.get_running_loop())
        gathering.write(b"head ")
        gathering.write(b"body")
        await asyncio.sleep(0)
        gathering.write(b"more")
        gathering.close()
        assert gathering.get_extra_info("socket") == "the socket"

    asyncio.run(answer())
    assert wire.written == [b"head body", b"more"] and wire.closed == [2]


def test_what_is_written_as_the_client_goes_is_dropped_without_a_word():
    wire, complaints = Wire(), []

    async def answer():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        gathering = Gathering(wire, loop)
        gathering.write(b"head")
        wire.gone = True
        await asyncio.sleep(0)
        gathering.write(b"body")
        gathering.close()

    asyncio.run(answer())
    assert wire.written == complaints == [] and wire.closed == [0]
