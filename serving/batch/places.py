"""Where files are: paths, and URIs such as s3://bucket/name, which fsspec opens.

Both have the methods of ``pathlib.Path``. A file is written under its name whole or not at all: a
local one is renamed at its end, an object of a store appears when its upload is completed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, cast

from repertoire.runtime.errors import InvalidInput

MANY = "*?["  # signs of a pattern
AHEAD = 16  # files that are read before their turn


def place(text: str) -> Path:
    """The place that a text names. Raises InvalidInput for a URI that nothing here can open."""
    if "://" not in text:
        return Path(text)
    try:
        from upath import UPath
    except ImportError:
        raise InvalidInput(f"{text} is a URI; pip install 'repertoire[s3]' to open it") from None
    try:
        found = UPath(text, use_listings_cache=False)
        _ = found.fs  # imports what opens it
    except ValueError:
        scheme = text.partition("://")[0]
        raise InvalidInput(f"{text}: nothing that is installed opens {scheme}://") from None
    except ImportError as error:
        raise InvalidInput(f"{text}: {error}") from None
    return cast("Path", found)


def is_local(path: Path) -> bool:
    return isinstance(path, Path)


def matching(texts: Sequence[str]) -> list[Path]:
    """The places that are named, and those that patterns match in the order of their names.

    Raises InvalidInput for a pattern that matches nothing, and for a place that is named twice.
    """
    found: list[Path] = []
    for text in texts:
        named = place(text)
        if any(sign in text for sign in MANY) and not (is_local(named) and named.exists()):
            matched = sorted(_matched(text), key=str)
            if not matched:
                raise InvalidInput(f"nothing is called like {text}; look at the pattern")
            found += matched
        else:
            found.append(named)
    seen: set[str] = set()
    for path in found:
        if str(path) in seen:
            raise InvalidInput(f"{path} is named twice; name it once")
        seen.add(str(path))
    return found


def _matched(pattern: str) -> Iterator[Path]:
    """The pattern is cut after its last folder without a sign, for a glob begins at a folder."""
    parts = pattern.split("/")
    first = next(place for place, part in enumerate(parts) if any(sign in part for sign in MANY))
    root = "/".join(parts[:first]) or ("/" if pattern.startswith("/") else ".")
    yield from place(root).glob("/".join(parts[first:]))


_RAISED = {"botocore.exceptions": ("BotoCoreError", "ClientError"), "aiohttp": ("ClientError",)}


def is_of_store(error: Exception) -> bool:
    """Whether a store or the way to it raised an error that is no OSError."""
    used = {name: sys.modules[name] for name in _RAISED if name in sys.modules}
    kinds = tuple(getattr(module, kind) for name, module in used.items() for kind in _RAISED[name])
    return isinstance(error, kinds)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file that is there, whole, when the block has ended, and is as before if it raised."""
    if not is_local(path):
        yield from _uploading(path)
        return
    part = unfinished(path)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _uploading(path: Any) -> Iterator[IO[bytes]]:
    file = path.fs.open(path.path, "wb", autocommit=False)
    try:
        yield file
        file.close()
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is the one to tell
            file.discard()
        raise
    file.commit()


def unfinished(path: Path) -> Path:
    """What a local file is called until it is whole."""
    return path.with_name(f"{path.name}.tmp")


def names_in(folder: Path) -> set[str]:
    """The names in a folder; none where there is no such folder."""
    try:
        if is_local(folder):
            return {file.name for file in folder.iterdir()}
        store = cast("Any", folder)
        return {name.rpartition("/")[2] for name in store.fs.ls(store.path, detail=False)}
    except FileNotFoundError:
        return set()


def make_folder(folder: Path) -> None:
    """Stores have no folders."""
    if is_local(folder):
        folder.mkdir(parents=True, exist_ok=True)


def remove_folder(folder: Path) -> None:
    """With all that is in it; nothing where there is none."""
    if is_local(folder):
        if folder.exists():
            shutil.rmtree(folder)
    else:
        store = cast("Any", folder)
        with contextlib.suppress(FileNotFoundError):
            store.fs.rm(store.path, recursive=True)


def contents(paths: Sequence[Path]) -> Iterator[bytes]:
    """What files hold, in their order; a store is asked for some of them ahead."""
    with ThreadPoolExecutor(AHEAD) as pool:
        waiting: deque[Future[bytes]] = deque()
        for path in paths:
            waiting.append(pool.submit(path.read_bytes))
            if len(waiting) == AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def digest(path: Path) -> str:
    """Changes with the content of a file: its sha256, or the tag that a store gives it."""
    if not is_local(path):
        store = cast("Any", path)
        return str(store.fs.ukey(store.path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
