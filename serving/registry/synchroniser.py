"""Keeps a folder in line with a registry, from a process that must not import mlflow."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from repertoire.runtime.errors import BadModel
from serving.registry.uris import masked
from serving.repository import Repository

log = logging.getLogger("serving")
ANSWER_SECONDS = 150.0  # more than a silent registry and a folder in use take together
FIRST_SECONDS = 20.0  # the start waits that long where there are copies of an earlier time
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # before a process that died is started again

Told = Callable[[Mapping[str, str]], None]


class Synchroniser:
    """Starts `python -m serving.registry --watch`, and starts it again when it dies.

    seconds: between two looks at the registry; 0 runs the process for each call alone. `told` gets
    the problems of the champions, by name, whenever something changed. `problem` is the line of a
    registry that cannot be asked; the folder stays as it is then. Thread-safe.
    """

    def __init__(self, uri: str, into: Path, seconds: float, told: Told) -> None:
        self.problem: str | None = None
        self._uri, self._into, self._seconds, self._told = uri, into, seconds, told
        self._changed = threading.Condition()
        self._asked = self._answered = 0
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="registry", daemon=True)
        self._thread.start()

    def __call__(self, seconds: float | None = ANSWER_SECONDS) -> None:
        """Has the folder renewed now. Raises BadModel with the reason, also after `seconds`."""
        with self._changed:
            self._asked += 1
            order = self._asked
            self._send()
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._answered >= order or self._closed, seconds)
            if self._closed:
                raise BadModel("the server is ending; ask another one")
            if not done:
                shown = masked(self._uri)
                raise BadModel(f"the registry {shown} did not answer within {seconds:g} s")
            if self.problem is not None:
                raise BadModel(self.problem)

    def close(self) -> None:
        """Ends the process, whatever it does; the folder is whole at any moment."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if self._process is not None:
                self._process.kill()
        self._thread.join()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while self._wanted():
            spoke = self._serve_one()
            pause = FIRST_PAUSE if spoke else min(pause * 2, LONGEST_PAUSE)
            with self._changed:
                if self._seconds > 0:
                    self._changed.wait_for(self._due, pause)

    def _due(self) -> bool:
        """Under the lock: whether somebody waits for an answer, or for the end."""
        return self._closed or self._asked > self._answered

    def _wanted(self) -> bool:
        """Waits until a process is needed. False once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._seconds > 0 or self._due())
            return not self._closed

    def _serve_one(self) -> bool:
        """Runs the process to its end. Whether it said anything."""
        try:
            process = self._start()
        except OSError as error:
            self._died(f"{sys.executable}: {error.strerror}")
            return False
        if process is None:
            return False
        assert process.stdout is not None and process.stderr is not None
        last: list[str] = []
        errors = threading.Thread(target=_repeat, args=(process.stderr, last), daemon=True)
        errors.start()
        spoke = False
        with process:
            for line in process.stdout:
                self._take(json.loads(line))
                spoke = True
            errors.join()
        with self._changed:
            self._process = None
        if process.returncode != 0 or self._seconds > 0:
            self._died(_end(process.returncode, last))
        return spoke

    def _start(self) -> subprocess.Popen[str] | None:
        """None once closed."""
        # What it says is UTF-8 whatever the locale of this process.
        command = [sys.executable, "-X", "utf8", "-m", "serving.registry", "--uri", self._uri]
        command += ["--into", str(self._into), "--watch", str(self._seconds)]
        with self._changed:
            if self._closed:
                return None
            # In a session of its own, so that Ctrl+C and a closed terminal reach the server alone.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._send()
            return self._process

    def _send(self) -> None:
        """Under the lock: tells the process, if there is one, the newest order."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it has just ended; the next one is told
                self._process.stdin.write(f"{self._asked}\n")
                self._process.stdin.flush()

    def _take(self, found: Mapping[str, Any]) -> None:
        problem = found.get("error")
        self._note(problem)
        if problem is None:
            if found["renewed"] or found["removed"]:
                renewed, removed = (", ".join(found[k]) or "none" for k in ("renewed", "removed"))
                log.info("registry: renewed: %s; removed: %s", renewed, removed)
            self._told(found["problems"])
        with self._changed:
            self._answered = max(self._answered, found["order"])
            self._changed.notify_all()

    def _died(self, reason: str) -> None:
        """Whoever waits for an answer gets the reason."""
        if self._closed:
            return
        self._note(f"the registry {masked(self._uri)} gave no models: {reason}")
        with self._changed:
            self._answered = self._asked
            self._changed.notify_all()

    def _note(self, problem: str | None) -> None:
        if problem == self.problem:
            return
        if problem is not None and _has_copies(self._into):  # else the server does not start
            log.warning("%s; the last copies stay in service", problem)
        elif self.problem is not None:
            log.info("the registry %s is followed again", masked(self._uri))
        self.problem = problem


def _end(status: int, last: Sequence[str]) -> str:
    """How a process ended, in words."""
    if status < 0:
        return f"the process that asks it was ended by signal {-status}"
    return masked(last[-1]) if last else f"exit status {status}"


def _repeat(lines: Iterable[str], last: list[str]) -> None:
    """Hands on what the process logs; keeps the last line of it."""
    for line in lines:
        if line.strip():
            last[:] = [line.strip()]
            log.info("registry: %s", masked(line.rstrip()))


def filled_first(synchronise: Synchroniser, folder: Path) -> None:
    """Waits until the folder is filled; if the registry cannot be asked, its last copies do.

    Raises BadModel if there are none.
    """
    copies = _has_copies(folder)
    try:
        synchronise(FIRST_SECONDS if copies else None)
    except BadModel as error:
        if not copies:
            synchronise.close()
            raise
        if synchronise.problem is None:  # else it has been told
            log.warning("%s; the last copies are served", error)


def taken(repository: Repository, problems: Mapping[str, str]) -> None:
    """Has the server take in what changed in the folder, and what is wrong with it."""
    repository.outside = problems
    try:
        repository.refresh()
    except (BadModel, OSError) as error:
        log.error("models not renewed: %s", error)
    except Exception:  # the registry is followed all the same
        log.exception("models not renewed")


def _has_copies(folder: Path) -> bool:
    return any(folder.glob("*/manifest.json"))
