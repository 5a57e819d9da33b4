"""Commands whose processes are forked from one that has imported the libraries of most.

Importing torch, DVC and Great Expectations takes longer than what small commands do. Each command
still has arguments, folder, environment, streams and an end of its own, as with `pipelines.warm`,
and imports the code of the project that it is asked for.
"""

import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

# Libraries alone: each command imports this project's code itself, or that of a copy.
LIBRARIES = (
    *("torch._dynamo", "torch._inductor", "onnx", "onnxruntime", "safetensors.torch", "tokenizers"),
    *("great_expectations", "pandas", "pyarrow.parquet", "PIL.Image", "scipy.stats"),
    *("sklearn.linear_model", "sklearn.svm", "sklearn.ensemble", "sklearn.naive_bayes"),
    *("dvc.cli", "dvc.repo", "dvc.utils.serialize", "mlflow", "jinja2"),
)


class Command:
    """One that was started: like `subprocess.Popen`, as far as tests use that."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], words: Sequence[object]
    ) -> None:
        self.args = [sys.executable, *map(str, words)]
        self.returncode: int | None = None
        self._place = tempfile.TemporaryDirectory()
        self._streams = [str(Path(self._place.name) / name) for name in ("out", "err")]
        asked = (str(folder), dict(environment), self._streams, self.args[1:])
        self._process = _ask(asked)
        self._ended = os.pidfd_open(self._process)

    def poll(self, seconds: float | None = 0.0) -> int | None:
        """The exit status, or None where it has not ended within so many seconds."""
        if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
            os.close(self._ended)
            self.returncode = _ask(self._process)
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        os.kill(self._process, signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote until its end. Raises TimeoutError."""
        if self.poll(timeout) is None:
            raise TimeoutError(f"{self.args} has not ended within {timeout} seconds")
        with self._place:
            out, err = (Path(stream).read_text(encoding="utf-8") for stream in self._streams)
        return out, err


def run(
    folder: Path, environment: Mapping[str, str], *words: object
) -> subprocess.CompletedProcess[str]:
    """What `python WORDS…` does in a folder; the words begin with -m MODULE or -c CODE."""
    command = Command(folder, environment, words)
    out, err = command.communicate()
    assert command.returncode is not None
    return subprocess.CompletedProcess(command.args, command.returncode, out, err)


def _ask(question: object) -> int:
    """For a command its process; for a process the status with which it ended."""
    server = _server()
    assert server.stdin and server.stdout
    server.stdin.write(json.dumps(question) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    assert answer, "the process that commands are forked from has ended"
    return int(answer)


@functools.cache
def _server() -> subprocess.Popen[str]:
    """One for each process that asks; it ends with whoever started it, whose pipe then closes."""
    return subprocess.Popen(
        [sys.executable, "-P", __file__],
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the tests, and they end it
        encoding="utf-8",
    )


def serve() -> None:
    """Answer each line of the standard input, as ``_ask`` says."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # or each process would copy what it only looks at
    while line := sys.stdin.readline():
        asked = json.loads(line)
        if isinstance(asked, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1])
        elif not (answer := os.fork()):
            end(functools.partial(become, *asked))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    os._exit(0)


def become(folder: str, environment: dict[str, str], streams: list[str], words: list[str]) -> None:
    """Run the command in this process."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    for number, place in enumerate((os.devnull, *streams)):
        opened = os.open(place, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    kind, what, *sys.argv[1:] = words
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv[0] = kind
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


def end(work: Callable[[], None]) -> NoReturn:
    """Exit as Python would after this work, without taking all modules apart: it lasts seconds."""
    code = 1
    try:
        work()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if code and not isinstance(error.code, int):
            sys.stderr.write(f"{error.code}\n")
    except BaseException:  # noqa: BLE001 - as it would end a process of its own
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
