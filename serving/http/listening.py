"""The socket that a server listens on, claimed before the models are loaded."""

from __future__ import annotations

import socket

from repertoire.runtime.errors import InvalidInput


def bind(host: str, port: int) -> socket.socket:
    """Claims the address; port 0 is any that is free. Nobody can connect before `listen`.

    Raises InvalidInput. A name of several addresses stands for one of them, IPv4 first.
    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        bound = socket.socket(family, kind, protocol)
        # Connections of a server that ended a moment ago must not keep the next one away.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise _refused(f"{host}:{port}", error) from error
    return bound


def listen(bound: socket.socket) -> str:
    """Lets clients connect. Returns the URL. Raises InvalidInput if another server was faster."""
    host, port, *_ = bound.getsockname()
    try:
        bound.listen(2048)
    except OSError as error:
        raise _refused(f"{host}:{port}", error) from error
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _refused(address: str, error: OSError) -> InvalidInput:
    remedy = "choose another --port or --host"
    return InvalidInput(f"cannot listen on {address} ({error.strerror or error}); {remedy}")
