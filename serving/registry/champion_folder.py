"""A folder of champions that is whole whenever a process that fills it ends.

FOLDER/<name> is a link to FOLDER/.versions/<name>/<version>: swapping a link is atomic, swapping
folders is not. A version appears there by one rename, after it was checked. What is half copied or
half removed lies in FOLDER/.versions/.tmp-*, and the next process that fills the folder removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from repertoire.runtime.errors import BadModel
from repertoire.runtime.manifest import parse
from repertoire.runtime.model import verify

WAIT_SECONDS = 120.0  # for a process that fills the same folder
KEEP_SECONDS = 60.0  # a version just replaced: requests that began with it may open its graphs yet
VERSIONS = ".versions"


class ChampionFolder:
    """`put`, `drop` and `sweep` only within `claimed`, which gives them the scratch folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.versions = root, root / VERSIONS

    def links(self) -> dict[str, Path]:
        """The folder of the version that each link names, whether it is there or not."""
        if not self.root.is_dir():
            return {}
        found = {each.name: self._version(each) for each in self.root.iterdir()}
        return {name: version for name, version in found.items() if version is not None}

    def holds(self, name: str, version: str) -> bool:
        """Whether `name` is a link to that version, and the version is there."""
        folder = self._version(self.root / name)
        return folder == self._place(name, version) and folder.is_dir()

    @contextlib.contextmanager
    def claimed(self) -> Iterator[Path]:
        """Keeps other processes out. Gives a scratch folder. Raises BadModel if one stays in."""
        self.root.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.root, os.O_RDONLY)
        try:
            _lock(handle, self.root)
            self.versions.mkdir(exist_ok=True)
            for stray in self.versions.glob(".tmp-*"):
                shutil.rmtree(stray)
            with tempfile.TemporaryDirectory(
                dir=self.versions, prefix=".tmp-", ignore_cleanup_errors=True
            ) as scratch:
                yield Path(scratch)
        finally:
            os.close(handle)

    def put(self, name: str, version: str, scratch: Path, fetch: Callable[[Path], Path]) -> bool:
        """Makes `name` the version; False if it is already. A copy that was damaged is renewed.

        `fetch` copies the version into an empty folder, checks it and says where it lies.
        """
        link, folder = self.root / name, self._place(name, version)
        if os.path.lexists(link) and self._version(link) is None:
            raise BadModel(f"{link} is not a champion put there earlier; choose another folder")
        fetched = None
        if not _is_whole(folder):
            fetched = fetch(Path(tempfile.mkdtemp(dir=scratch)))
            folder.parent.mkdir(exist_ok=True)
            self._discard(folder, scratch)
            fetched.rename(folder)
        return self._point(link, folder, scratch) or fetched is not None

    def drop(self, name: str) -> None:
        """Takes a champion away; its files stay for a while."""
        link = self.root / name
        self._replaced(link)
        link.unlink()

    def stale(self) -> list[Path]:
        """Versions that no link names, and that were replaced long enough ago."""
        used = set(self.links().values())
        end = time.time() - KEEP_SECONDS
        found = (each for each in self.versions.glob("[!.]*/*") if each not in used)
        return [each for each in found if each.stat().st_mtime < end]

    def sweep(self, scratch: Path) -> None:
        """Removes what is stale."""
        for folder in self.stale():
            self._discard(folder, scratch)
            with contextlib.suppress(OSError):  # other versions of the model are still there
                folder.parent.rmdir()

    def _place(self, name: str, version: str) -> Path:
        return self.versions / name / version

    def _version(self, link: Path) -> Path | None:
        """The version that a link of this folder names; None for anything else."""
        if not link.is_symlink():
            return None
        parts = link.readlink().parts
        return self._place(*parts[1:]) if len(parts) == 3 and parts[0] == VERSIONS else None

    def _point(self, link: Path, folder: Path, scratch: Path) -> bool:
        if self._version(link) == folder:
            return False
        fresh = scratch / "link"
        fresh.symlink_to(folder.relative_to(self.root), target_is_directory=True)
        self._replaced(link)
        fresh.replace(link)
        return True

    def _replaced(self, link: Path) -> None:
        """From now on the version of this link is kept for a while. Before the link changes."""
        before = self._version(link)
        if before is not None and before.exists():
            os.utime(before)

    def _discard(self, folder: Path, scratch: Path) -> None:
        """By a rename: a folder half removed must not stand where a whole one is looked for."""
        if os.path.lexists(folder):
            folder.rename(Path(tempfile.mkdtemp(dir=scratch)) / "discarded")


def check(folder: Path) -> None:
    """Reads the manifest and verifies every graph. Raises BadModel, OSError."""
    for graph in parse((folder / "manifest.json").read_bytes()).graphs.values():
        verify(folder, graph)


def _is_whole(folder: Path) -> bool:
    try:
        check(folder)
    except (BadModel, OSError):
        return False
    return True


def _lock(handle: int, root: Path) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > end:
            raise BadModel(f"another process fills {root}; try again when it is done")
        time.sleep(0.1)
