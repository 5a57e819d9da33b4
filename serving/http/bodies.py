"""Bodies of requests within bounds, and the codings (RFC 9110, section 8.4.1) in and out."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from repertoire.runtime.errors import Malformed, TooLarge
from repertoire.runtime.shapes import quoted

WORTHWHILE = 1024  # bytes of an answer from which on it is compressed
AT_ONCE = 2**16  # bytes that are packed or unpacked on the event loop
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # of zlib; 15 is its own format
_RAW = -15  # what some clients call deflate


async def read(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The body, unpacked. Raises TooLarge before more than the limit is held.

    Raises Malformed, ClientDisconnect, and HTTPException for a coding that is not known.
    """
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    chunks, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        length += len(chunk)
        if length > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    coding = headers.get(b"content-encoding")
    if coding is None or coding == b"identity":
        return body
    name = coding.decode("latin-1").strip().lower()
    if len(body) <= AT_ONCE:
        return unpacked(body, name, limit)
    return await asyncio.to_thread(unpacked, body, name, limit)


def unpacked(body: bytes, coding: str, limit: int) -> bytes:
    """The plain bytes; never more than the limit are made. Raises as `read` does."""
    window = _WINDOWS.get(coding)
    if window is None:
        unknown = f"Content-Encoding {quoted(coding)} is not known here"
        line = f"{unknown}; send gzip, deflate or leave it out"
        raise HTTPException(415, line, {"Accept-Encoding": "gzip, deflate"})
    if window > 0 and coding == "deflate" and not _is_zlib(body):
        window = _RAW
    unpacking = zlib.decompressobj(window)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise Malformed(f"the body is no {coding}, as its Content-Encoding says") from error
    if len(plain) > limit:
        raise _too_large(limit, "unpacked body")
    if not unpacking.eof:
        raise Malformed(f"the {coding} of the body is cut short; send all of it")
    if unpacking.unused_data:
        raise Malformed(f"{len(unpacking.unused_data)} bytes follow the {coding} of the body")
    return plain


async def packed(body: bytes, accepted: bytes) -> tuple[bytes, str | None]:
    """The body in the coding that a client prefers, and its name; as it is where that is less."""
    coding = preferred(accepted.decode("latin-1"))
    if coding is None or len(body) < WORTHWHILE:
        return body, None
    if len(body) <= AT_ONCE:
        smaller = _pack(body, coding)
    else:
        smaller = await asyncio.to_thread(_pack, body, coding)
    return (smaller, coding) if len(smaller) < len(body) else (body, None)


def preferred(accepted: str) -> str | None:
    """gzip, deflate or neither, by an Accept-Encoding header."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        try:
            weights[name.strip()] = (
                float(parameter.strip().removeprefix("q=")) if parameter else 1.0
            )
        except ValueError:
            continue
    others = weights.get("*", 0.0)
    best = max(("gzip", "deflate"), key=lambda name: weights.get(name, others))
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def _is_zlib(body: bytes) -> bool:
    """By the check of a zlib header (RFC 1950)."""
    return len(body) > 1 and body[0] & 15 == zlib.DEFLATED and (body[0] << 8 | body[1]) % 31 == 0


def _pack(body: bytes, coding: str) -> bytes:
    packing = zlib.compressobj(1, wbits=_WINDOWS[coding])
    return packing.compress(body) + packing.flush()


def _too_large(limit: int, what: str = "body") -> TooLarge:
    return TooLarge(f"the {what} is longer than {limit} bytes; send fewer rows at once")
