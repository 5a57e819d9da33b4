"""`python -m pipelines.warm COMMAND`: while COMMAND runs, stages start without their imports.

Most stages import for longer than they work, and DVC starts each in a process of its own. Here one
process imports what all of them need as soon as one is asked for, and the process of each item is
forked from it: it has the same arguments, folder and output as one started by itself, and ends
with whoever asked for it. DVC runs one stage after another; meanwhile trainings that it will ask
for later are begun on the cores that are free.
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

PLACE = "REPERTOIRE_WARM"  # the variable that tells stages where the socket is
OF_DATA = ("prepare", "baseline")
STAGES = (*OF_DATA, "train", "export", "evaluate", "study")  # those of many items
MOST = 65_536  # bytes of a request
STREAMS = (0, 1, 2)
PR_SET_PDEATHSIG = 1
YIELDING = 5  # how much a training that was begun ahead gives way to what is asked for


def hand_over(stage: str, arguments: Sequence[str]) -> int | None:
    """The exit status of the stage run by the warm process; None where none is kept."""
    path = os.environ.get(PLACE)
    if not path or stage not in STAGES:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        try:
            asking.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            sys.exit(f"{stage}: the warm process ended; the lines above say why; repeat")
        request = "\0".join((repr(time.time()), str(Path.cwd()), stage, *arguments)).encode()
        socket.send_fds(asking, [request], STREAMS)
        answer = asking.recv(1)
    return answer[0] if answer else 1


def serve(command: Sequence[str]) -> int:
    """Run the command with a warm process beside it; returns the command's exit status."""
    with tempfile.TemporaryDirectory(prefix="repertoire-") as folder:
        path = str(Path(folder) / "stages")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen()
            child = subprocess.Popen(command, env={**os.environ, PLACE: path})
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the command's to end
            ended = os.pidfd_open(child.pid)
            waited: list[int | socket.socket] = [ended, listener]
            ready, _, _ = select.select(waited, [], [])
            warm = _fork(listener) if listener in ready else None
        code = child.wait()
        if warm:
            os.kill(warm, signal.SIGKILL)
            os.waitpid(warm, 0)
    return code


def _fork(listener: socket.socket) -> int:
    """A process that imports the stages and then forks one for each request; its id."""
    sys.stdout.flush()
    if process := os.fork():
        return process
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _end_with_parent()
        importlib.import_module("torch._inductor")  # deterministic mode imports it: 1.5 s
        stages = {stage: importlib.import_module(f"pipelines.{stage}") for stage in STAGES}
        ahead = Ahead(stages["train"])
        while True:
            asked, _ = listener.accept()
            with asked:
                _answer(asked, stages, ahead)
    except Exception:  # noqa: BLE001 - whoever started the command reads it
        traceback.print_exc()
    finally:
        os._exit(1)


class Ahead:
    """Trainings begun before they are asked for, on cores that are free."""

    def __init__(self, train: ModuleType) -> None:
        self.train = train
        self.known: set[str] = set()  # begun, asked for, or not in need of training
        self.running: dict[str, tuple[int, int]] = {}  # process and what tells its end, by recipe
        self.prepared: set[str] = set()  # data sets that stay as they are

    def notice(self, stage: str, item: str) -> None:
        """DVC asks for all data sets before anything else: after that they stay as they are."""
        from pipelines.params import dataset_names  # here: whoever hands over imports this module

        if stage not in OF_DATA:
            self.prepared.update(dataset_names())
        if stage == "train":
            self.known.add(item)

    def begin(self, cores: int) -> None:
        """Begin the next recipes whose data are ready, until so many cores have work."""
        for name in self.train.following(self.known, self.prepared):
            if len(self.running) >= cores:
                return
            self.known.add(name)
            if self.train.is_due(name):
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
        os.nice(YIELDING)
        try:
            self.train.ahead(name)
        finally:
            os._exit(0)


def _answer(asked: socket.socket, stages: dict[str, ModuleType], ahead: Ahead) -> None:
    """Run one request in a process of its own; it is killed if whoever asked is gone."""
    request, streams, _, _ = socket.recv_fds(asked, MOST, len(STREAMS))
    try:
        _work(asked, request.decode().split("\0"), streams, stages, ahead)
    finally:
        for stream in streams:
            os.close(stream)


def _work(
    asked: socket.socket,
    request: list[str],
    streams: list[int],
    stages: dict[str, ModuleType],
    ahead: Ahead,
) -> None:
    born, folder, stage, *arguments = request
    os.chdir(folder)
    item, cores, came = " ".join(arguments), os.cpu_count() or 1, time.time()
    ahead.notice(stage, item)
    while stage == "train" and item in ahead.running:
        ahead.begin(cores)
        if ahead.wait(asked):
            return
    waited = time.time() - came
    process = os.fork()
    if not process:
        for own, theirs in zip(STREAMS, streams, strict=True):
            os.dup2(theirs, own)
        _end_with_parent()
        _run(stage, getattr(stages[stage], stage), arguments, (float(born), waited))
    done = os.pidfd_open(process)
    ready: list[int | socket.socket] = []
    while not ready:
        ahead.begin(cores - 1)
        ready = ahead.wait(asked, done)
    if done not in ready:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    os.close(done)
    code = os.waitstatus_to_exitcode(status)
    if stage == "prepare" and code == 0:
        ahead.prepared.add(item)
    if done in ready:
        asked.send(bytes([code if code >= 0 else 128 - code]))


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(stage: str, work: object, arguments: list[str], times: tuple[float, float]) -> None:
    """Never returns."""
    from pipelines.stage import run_stage

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked says so, and this process ends
    sys.argv = [stage, *arguments]
    code = 1
    try:
        run_stage(stage, work, *times)  # type: ignore[arg-type]
        code = 0
    except SystemExit as error:
        if isinstance(error.code, int):
            code = error.code
        else:
            print(error.code, file=sys.stderr)
    except Exception:  # noqa: BLE001 - as it would end a process of its own
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))
