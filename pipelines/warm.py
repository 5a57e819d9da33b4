"""`python -m pipelines.warm COMMAND`: while COMMAND runs, stages start without their imports.

Most stages import for longer than they work, and DVC starts each in a process of its own. Here the
first process of a stage imports what all of them need, and the process of each item is forked from
it: it has the same arguments, folder and output as one started by itself, and ends with whoever
asked for it. DVC runs one stage after another; where a stage offers `ahead` and `following`, what
it will ask for next is meanwhile begun on a core that is free.
"""

import ctypes
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

FOLDER = "REPERTOIRE_WARM"  # the variable that tells stages where the sockets are
STAGES = ("prepare", "baseline", "train", "export", "evaluate", "study")  # those of many items
MOST = 65_536  # bytes of a request
STREAMS = (0, 1, 2)
PR_SET_PDEATHSIG = 1


def hand_over(stage: str, arguments: Sequence[str]) -> int | None:
    """The exit status of the stage run by a warm process; None where none is kept."""
    path = Path(os.environ.get(FOLDER, "/nonexistent")) / stage
    if not path.exists():
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            sys.exit(f"{stage}: its warm process ended; the lines above say why; repeat")
        request = "\0".join((repr(time.time()), str(Path.cwd()), *arguments)).encode()
        socket.send_fds(asking, [request], STREAMS)
        answer = asking.recv(1)
    return answer[0] if answer else 1


def serve(command: Sequence[str]) -> int:
    """Run the command with warm processes beside it; returns its exit status."""
    with tempfile.TemporaryDirectory(prefix="repertoire-") as folder:
        listeners = {stage: _listener(Path(folder) / stage) for stage in STAGES}
        child = subprocess.Popen(command, env={**os.environ, FOLDER: folder})
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the command's to end
        warm: list[int] = []
        ended = os.pidfd_open(child.pid)
        while listeners:
            waited: list[int | socket.socket] = [ended, *listeners.values()]
            ready, _, _ = select.select(waited, [], [])
            if ended in ready:
                break
            for stage in [s for s, listener in listeners.items() if listener in ready]:
                warm.append(_fork(stage, listeners.pop(stage)))
        code = child.wait()
        for process in warm:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    return code


def _listener(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()
    return listener


def _fork(stage: str, listener: socket.socket) -> int:
    """A process that imports the stage and then forks one for each request; its id."""
    sys.stdout.flush()
    if process := os.fork():
        listener.close()
        return process
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _end_with_parent()
        module = importlib.import_module(f"pipelines.{stage}")
        ahead = Ahead(module)
        while True:
            asked, _ = listener.accept()
            with asked:
                _answer(asked, stage, module, ahead)
    except Exception:  # noqa: BLE001 - whoever started the command reads it
        traceback.print_exc()
    finally:
        os._exit(1)


class Ahead:
    """Processes that begin what will be asked for later, on cores that are free."""

    def __init__(self, stage: ModuleType) -> None:
        self.stage = stage
        self.begun: set[str] = set()
        self.running: dict[str, tuple[int, int]] = {}  # process and what tells its end, by name

    def begin(self, asked: str, cores: int) -> None:
        """Begin what follows the one asked for, until so many cores have work."""
        if not hasattr(self.stage, "ahead") or len(self.running) >= cores:
            return
        for name in self.stage.following(asked):
            if len(self.running) >= cores:
                return
            if name not in self.begun:
                self.begun.add(name)
                if not (process := os.fork()):
                    self._run(name)
                self.running[name] = process, os.pidfd_open(process)

    def wait(self, *others: int | socket.socket) -> list[int | socket.socket]:
        """Until one of the others is ready, or one that was begun is done; the others that are.

        How one that was begun has ended shows when it is asked for.
        """
        done = {end: name for name, (_, end) in self.running.items()}
        ready, _, _ = select.select([*others, *done], [], [])
        for end in done.keys() & set(ready):
            process, _ = self.running.pop(done[end])
            os.waitpid(process, 0)
            os.close(end)
        return [each for each in others if each in ready]

    def _run(self, name: str) -> None:
        """Never returns. Silent: what went wrong is said by whoever is asked for it."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in STREAMS:
            os.dup2(nowhere, stream)
        _end_with_parent()
        try:
            self.stage.ahead(name)
        finally:
            os._exit(0)


def _answer(asked: socket.socket, stage: str, module: ModuleType, ahead: Ahead) -> None:
    """Run one request in a process of its own; it is killed if whoever asked is gone."""
    request, streams, _, _ = socket.recv_fds(asked, MOST, len(STREAMS))
    born, folder, *arguments = request.decode().split("\0")
    os.chdir(folder)
    name, cores = " ".join(arguments), os.cpu_count() or 1
    gone: list[int | socket.socket] = []
    came = time.time()
    while name in ahead.running and not gone:
        ahead.begin(name, cores)
        gone = ahead.wait(asked)
    waited = time.time() - came
    process = os.fork()
    if not process:
        for own, theirs in zip(STREAMS, streams, strict=True):
            os.dup2(theirs, own)
        _end_with_parent()
        _run(stage, getattr(module, stage), arguments, (float(born), waited))
    for stream in streams:
        os.close(stream)
    done = os.pidfd_open(process)
    ready: list[int | socket.socket] = []
    while not ready:
        ahead.begin(name, cores - 1)
        ready = ahead.wait(asked, done)
    if done not in ready:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    os.close(done)
    if done in ready:
        code = os.waitstatus_to_exitcode(status)
        asked.send(bytes([code if code >= 0 else 128 - code]))


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(stage: str, work: object, arguments: list[str], times: tuple[float, float]) -> None:
    """Never returns."""
    from pipelines.stage import run_stage

    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [stage, *arguments]
    code = 1
    try:
        run_stage(stage, work, *times)  # type: ignore[arg-type]
        code = 0
    except SystemExit as error:
        print(error.code, file=sys.stderr)
    except Exception:  # noqa: BLE001 - as it would end a process of its own
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))
