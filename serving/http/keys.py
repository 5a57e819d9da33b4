"""Who may ask: keys in a file, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from pathlib import Path

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.session import stamp

log = logging.getLogger("serving")
ADMIN, INFER = "admin", "infer"
SHORTEST = 16  # characters of a key
_LINE = re.compile(rf"(?:({ADMIN}|{INFER}):)?([!-~]+)")
_LOOK_SECONDS = 1.0  # between two looks at the file
_CHANGES = re.compile(r"/v2/repository/models/.*/(?:un)?load", re.DOTALL)
_HEALTH = ("/v2/health/live", "/v2/health/ready")


class Keys:
    """The keys of a file, one a line: `admin:KEY`, `infer:KEY`, or a KEY alone, which may do all.

    The file is read again when it changes; one that cannot be read leaves the keys as they are.
    """

    def __init__(self, file: Path) -> None:
        """Raises InvalidInput for a file without keys, or with one that is easily guessed."""
        self._file = file
        self._stamp = stamp(file)
        self._known = _read(file)
        self._looked = time.monotonic()

    def kind(self, key: bytes) -> str | None:
        """`admin`, `infer`, or None for a key that is not known; takes as long for each."""
        self._look()
        digest, found = hashlib.sha256(key).digest(), None
        for known, kind in self._known:
            if hmac.compare_digest(known, digest):
                found = kind
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        seen = stamp(self._file)
        if seen == self._stamp:
            return
        self._stamp = seen
        try:
            self._known = _read(self._file)
        except InvalidInput as error:
            log.error("%s; the keys stay as they were", error)


def _read(file: Path) -> list[tuple[bytes, str]]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
        others = file.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidInput(f"--keys {file} cannot be read ({reason})") from error
    if others:
        log.warning("%s may be read or written by others; chmod 600 %s", file, file)
    known = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None or len(found[2]) < SHORTEST:
            rule = f"a key is {SHORTEST} or more visible ASCII characters"
            raise InvalidInput(f"--keys {file}: line {number}: {rule}; try openssl rand -hex 16")
        known.append((hashlib.sha256(found[2].encode()).digest(), found[1] or ADMIN))
    if not known:
        raise InvalidInput(f"--keys {file} holds no key; write one a line (openssl rand -hex 16)")
    return known


class Guard:
    """Lets `load` and `unload` through with an admin's key, and with `private` all else with any.

    Without keys a server on loopback (`local`) may be changed by whoever reaches it, but for pages
    of other sites in a browser; any other server may not be changed.
    """

    def __init__(self, app: ASGIApp, *, keys: Keys | None, private: bool, local: bool) -> None:
        self._app, self._keys = app, keys
        self._private, self._local = private, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            changes = path.startswith("/v2/repository/") and _CHANGES.fullmatch(path) is not None
            if changes or (self._private and path not in _HEALTH):
                refusal = self._refusal(dict(scope["headers"]), changes)
                if refusal is not None:
                    await _refuse(send, *refusal)
                    return
        await self._app(scope, receive, send)

    def _refusal(self, headers: dict[bytes, bytes], changes: bool) -> tuple[int, str] | None:
        if self._keys is None:
            return self._refusal_without_keys(headers)
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return 401, "a key is missing; send the header Authorization: Bearer KEY"
        kind = self._keys.kind(key.strip())
        if kind is None:
            return 401, "the key is not known"
        if changes and kind != ADMIN:
            return 403, "load and unload need an admin's key"
        return None

    def _refusal_without_keys(self, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if not self._local:
            return 403, "load and unload need a key; start the server with --keys FILE"
        origin, host = headers.get(b"origin"), headers.get(b"host", b"")
        if origin is not None and origin.partition(b"://")[2] != host:
            return 403, "load and unload are not for pages of other sites; use --keys FILE"
        return None


async def _refuse(send: Send, status: int, line: str) -> None:
    body = orjson.dumps({"error": line})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers.append((b"connection", b"close"))  # its body is never read
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
