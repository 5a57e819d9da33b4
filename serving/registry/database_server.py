"""A database server behind a registry: one attempt to reach it, for MLflow makes ten."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

CONNECT_SECONDS = 15


def engine_of(uri: str) -> Engine | None:
    """Connects within ``CONNECT_SECONDS`` or raises; None for a registry of another kind."""
    if not uri.startswith(("postgresql", "mysql")):
        return None
    from sqlalchemy import create_engine

    return create_engine(uri, connect_args={"connect_timeout": CONNECT_SECONDS})


def reach(uri: str) -> None:
    """Raises what the driver raises where nobody answers."""
    engine = engine_of(uri)
    if engine is not None:
        try:
            engine.connect().close()
        finally:
            engine.dispose()
