"""uvicorn's HTTP protocol, with bounds on what a client may leave open.

What uvicorn leaves to its defaults is decided here: an offer to upgrade is passed over and the
request answered (RFC 9110, section 7.8); a head that does not end is cut off; a client that is
still sending when its answer is written can read it (RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_SECONDS = 20.0  # for the request line and the headers, from the first byte or the connection
HEAD_BYTES = 2**16
REST_SECONDS = 20.0  # for the rest of a body whose answer is written
REST_BYTES = 2**28
IDLE_SECONDS = 75  # between requests; longer than clients keep a connection, who would lose a race

_IDLE, _HEAD, _BODY = range(3)
_OFFERS = (b"upgrade", b"http2-settings")


class Protocol(HttpToolsProtocol):
    """One connection; `when_gone` says what is called when it is lost."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.gone: Callable[[], object] | None = None
        self._phase = _IDLE
        self._timer: asyncio.TimerHandle | None = None
        self._seen = 0
        self._discards = False
        self._start = b""

    def when_gone(self, call: Callable[[], object] | None) -> None:
        """Calls it when the connection is lost, while a request waits; None for no more.

        A connection is read from again: a long body stopped that, and its end would go unnoticed.
        """
        self.gone = call
        if call is not None:
            self.flow.resume_reading()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        gathering = Gathering(transport, self.loop, self._linger)
        super().connection_made(gathering)  # type: ignore[arg-type]
        self._arm(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        if self.gone is not None:
            self.gone()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._discards:
            self._count(len(data), REST_BYTES)
            return
        self._feed(data)
        if not self._discards and self._stalled():
            self._arm(HEAD_SECONDS if self._phase == _HEAD else REST_SECONDS)
            self._count(len(data), HEAD_BYTES if self._phase == _HEAD else REST_BYTES)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = _HEAD
        self.scope["repertoire.connection"] = self  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        self._disarm()
        if self.parser.should_upgrade():
            version = self.parser.get_http_version().encode()
            self._start = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)
            return
        self._phase = _BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._disarm()
            self._phase = _IDLE
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Overrides plain text: every error is the same JSON object."""
        self._refuse(400, "this is no request of HTTP/1.1; check the request line and the headers")

    def timeout_keep_alive_handler(self) -> None:
        self._end()

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if self._start.startswith(b"CONNECT "):
                    self._refuse(405, "CONNECT is for proxies; this server is none")
                    return
                # The parser takes what follows for another protocol: once more, without the offer.
                data = self._declined() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self.send_400_response("")
                return

    def _declined(self) -> bytes:
        """The head of the request that offers an upgrade, without the offer."""
        lines = [self._start]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.split(b",")]
                value = b", ".join(each for each in tokens if each.lower() not in _OFFERS)
            if name not in _OFFERS and (value or name != b"connection"):
                lines.append(b"%s: %s" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

    def _stalled(self) -> bool:
        """Whether nothing but the client's next bytes can end this state."""
        if self._phase == _HEAD:
            return True
        if self.cycle is None or self.cycle.response_complete:
            return self._phase == _BODY or self.timeout_keep_alive_task is None
        return False

    def _arm(self, seconds: float) -> None:
        if self._timer is None:
            self._timer, self._seen = self.loop.call_later(seconds, self._expire), 0

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _count(self, length: int, most: int) -> None:
        self._seen += length
        if self._seen <= most:
            return
        if self._phase == _HEAD and not self._discards:
            self._refuse(431, f"the headers are longer than {most} bytes; send fewer")
        else:
            self.transport.close()

    def _expire(self) -> None:
        self._timer = None
        if self._phase == _HEAD and not self._discards:
            self._refuse(
                408, f"the headers did not end within {HEAD_SECONDS:g} s; send them sooner"
            )
        else:
            self._end()

    def _end(self) -> None:
        """Closes the connection; at once where the client has not read all of its answer."""
        self._discards = True
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _refuse(self, status: int, line: str) -> None:
        """The last answer of a connection, or the end after the one that is under way."""
        cycle = self.cycle
        waiting = cycle is not None and not cycle.response_complete
        if waiting and self._phase != _BODY:  # a complete request, whose answer must not be lost
            cycle.keep_alive = False
            self._discards = True
            return
        if waiting:
            cycle.disconnected = True
            cycle.message_event.set()
        if not (waiting and cycle.response_started):
            self._write(status, line)
        self._phase = _BODY
        self.transport.close()

    def _write(self, status: int, line: str) -> None:
        content = orjson.dumps({"error": line})
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head % len(content) + content)

    def _linger(self, transport: asyncio.Transport) -> bool:
        """Whether the connection stays open for a while, so that a sender can read its answer.

        Closing it with bytes unread would reset it, and with it the answer on its way.
        """
        if self._discards or self._phase == _IDLE or transport.is_closing():
            return False
        self._discards = True
        self._disarm()
        self._arm(REST_SECONDS)
        if transport.can_write_eof():
            transport.write_eof()
        self.flow.resume_reading()
        return True


class Gathering:
    """A transport whose writes within one turn of the loop become one.

    uvicorn writes head and body apart, which costs the server a system call and the client a
    wake-up more. `linger` is asked before it closes, and may keep it open until the next `close`.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        linger: Callable[[asyncio.Transport], bool] = lambda _: False,
    ) -> None:
        self._transport, self._loop, self._linger = transport, loop, linger
        self._parts: list[bytes] = []
        self._lingers = False

    def write(self, part: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(part)

    def close(self) -> None:
        self._flush()
        self._lingers = not self._lingers and self._linger(self._transport)
        if not self._lingers:
            self._transport.close()

    def is_closing(self) -> bool:
        return self._lingers or self._transport.is_closing()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():  # else the client is gone
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
