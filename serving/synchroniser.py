"""Keeps a folder in line with a registry, from a process that must not import mlflow."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

from repertoire.runtime.errors import BadModel
from serving.uris import masked

log = logging.getLogger("serving")


class Synchroniser:
    """Copies the champions of a registry into a folder when called. Thread-safe.

    Those who ask while it copies share the next copy: each sees the registry as it was when they
    asked, or later, and however many they are, two copies are enough. Raises BadModel.
    """

    def __init__(self, uri: str, into: Path) -> None:
        self._uri, self._into = uri, into
        self._copying = threading.Lock()
        self._begun = 0
        self._problem: BadModel | None = None

    def __call__(self) -> None:
        before = self._begun
        with self._copying:
            if self._begun == before:
                self._begun += 1
                try:
                    synchronise(self._uri, self._into)
                    self._problem = None
                except BadModel as error:
                    self._problem = error
            if self._problem is not None:
                raise BadModel(str(self._problem))


def synchronise(uri: str, into: Path) -> None:
    """Copies the champions of a registry into a folder. Raises BadModel with the reason.

    In a process of its own: the memory of mlflow must not stay in the server.
    """
    # What it says is UTF-8 whatever the locale of this process.
    command = [sys.executable, "-X", "utf8", "-m", "serving.registry"]
    command += ["--uri", uri, "--into", str(into)]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        if last.startswith("error: "):
            raise BadModel(last.removeprefix("error: "))
        raise BadModel(f"the registry {masked(uri)} gave no models: {masked(last)}")
    log.info("registry: %s", done.stdout.strip())
