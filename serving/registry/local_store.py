"""A registry in a SQLite file keeps its artifacts beside itself, also after both were moved.

MLflow writes absolute locations into its database. A checkout that was renamed or copied would go
on reading and writing the old place, so every program that opens the store calls `follow` first.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

ARTIFACTS, DEFAULT_ARTIFACTS = "mlartifacts", "mlruns"  # the second is MLflow's own
WAIT_SECONDS = 30.0  # for another process that holds the file
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///([^?]+)")


def database(uri: str) -> Path | None:
    """The file of a SQLite store, absolute; None for every other store."""
    found = _SQLITE.match(uri)
    if found is None or found[1] == ":memory:":
        return None
    file = Path(found[1])
    return file.parent.resolve() / file.name


def artifacts_of(file: Path) -> Path:
    """The folder of a SQLite store's artifacts."""
    return file.parent / ARTIFACTS


def follow(uri: str) -> None:
    """Rewrites the locations of a SQLite store that was moved, and says so in one line on stderr.

    Stores of other kinds, and artifacts that were put elsewhere by name, stay as they are.
    Raises sqlite3.Error: the file is no database, or another process holds it too long.
    """
    file = database(uri)
    if file is None or not file.exists():
        return
    place = f"{file.as_uri()}?mode=rw"
    with closing(sqlite3.connect(place, WAIT_SECONDS, isolation_level=None, uri=True)) as store:
        if not _moved(store, file):
            return
        store.execute("BEGIN IMMEDIATE")
        moved = _moved(store, file)  # another process may have been first
        for old, new in moved.items():
            for table, column in LOCATIONS:
                store.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                )
        store.execute("COMMIT")
    if moved:
        print(
            f"{file}: was moved; its artifacts are now looked for in {artifacts_of(file)}, "
            f"not in {next(iter(moved))}",
            file=sys.stderr,
        )


def _moved(store: sqlite3.Connection, file: Path) -> dict[str, str]:
    """New prefixes of locations by old ones; empty for a store that lies where it was made."""
    known = store.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone()
    if not known:
        return {}
    moved = {}
    for (location,) in store.execute("SELECT DISTINCT artifact_location FROM experiments"):
        old = _local(location)
        if old is None or old.name != ARTIFACTS or old == artifacts_of(file):
            continue
        moved[location] = artifacts_of(file).as_uri()
        before, after = old.parent / DEFAULT_ARTIFACTS, file.parent / DEFAULT_ARTIFACTS
        moved |= {before.as_uri(): after.as_uri(), str(before): str(after)}
    return moved


def _local(location: str | None) -> Path | None:
    """The folder that a location names on this machine."""
    if not location:
        return None
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path(location)
