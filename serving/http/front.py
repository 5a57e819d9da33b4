"""What stands before the endpoints: access, other origins, keys; and the options for them."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from repertoire.runtime.errors import InvalidInput
from serving.http.access import Access, AccessLog
from serving.http.keys import Guard, Keys
from serving.http.metrics import Metrics
from serving.http.tracing import Tracer

_SENT = ("Authorization", "Content-Type", "Inference-Header-Content-Length", "X-Request-Id")
_READ = ("Inference-Header-Content-Length", "Retry-After", "X-Request-Id", "traceparent")


@dataclass(frozen=True)
class Front:
    """`local`: the server listens on loopback alone; `origins`: of pages that may ask."""

    keys: Keys | None = None
    private: bool = False
    local: bool = True
    origins: Sequence[str] = ()
    access_log: AccessLog | None = None
    tracer: Tracer | None = None

    def before(
        self, infer: Callable[[ASGIApp], ASGIApp], others: ASGIApp, metrics: Metrics
    ) -> ASGIApp:
        """The application of both with the layers that were asked for.

        `infer` answers requests for it and hands `others` all else; what only guards changes of
        the server costs it nothing.
        """
        guard = partial(Guard, keys=self.keys, private=self.private, local=self.local)
        app = guard(infer(others)) if self.private else infer(guard(others))
        if self.origins:
            from starlette.middleware.cors import CORSMiddleware

            app = CORSMiddleware(
                app,
                allow_origins=self.origins,
                allow_methods=("GET", "POST"),
                allow_headers=(*_SENT, "traceparent", "tracestate"),
                expose_headers=_READ,
            )
        return Access(app, metrics, self.access_log, self.tracer)


def add_options(add: Callable[..., object]) -> None:
    """`add` is the method of a parser."""
    keys = "one a line, admin:KEY or infer:KEY; load and unload need one"
    add("--keys", type=Path, metavar="FILE", help=keys)
    add("--private", action="store_true", help="all but /v2/health needs a key (of --keys)")
    cors = "pages of this origin may ask from a browser; may be repeated"
    add("--cors", type=_origin, action="append", default=[], metavar="ORIGIN", help=cors)
    add("--access-log", action="store_true", help="a line of JSON a request on standard output")


def front(options: argparse.Namespace, host: str, tracer: Tracer | None) -> Front:
    """`host` is the address that the server listens on. Raises InvalidInput."""
    if options.private and options.keys is None:
        raise InvalidInput("--private needs --keys FILE")
    return Front(
        keys=None if options.keys is None else Keys(options.keys),
        private=options.private,
        local=ipaddress.ip_address(host.partition("%")[0]).is_loopback,
        origins=options.cors,
        access_log=AccessLog() if options.access_log else None,
        tracer=tracer,
    )


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named or text != f"{parts.scheme}://{parts.netloc}" or "@" in text:
        example = "such as https://example.org:8443"
        raise argparse.ArgumentTypeError(f"{text!r} is no origin, {example}")
    return text
