"""W3C trace context: continued from request to answer; spans where OpenTelemetry is configured."""

from __future__ import annotations

import logging
import os
import re
import secrets
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("serving")
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# Of version 00; later ones may add fields behind it.
_PARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class Span:
    """One request within a trace. `parent` is what the next service is told."""

    __slots__ = ("flags", "span", "trace")

    def __init__(self, trace: str, span: str, flags: str) -> None:
        self.trace, self.span, self.flags = trace, span, flags

    @property
    def parent(self) -> bytes:
        return f"00-{self.trace}-{self.span}-{self.flags}".encode()

    def end(self, attributes: Mapping[str, str | int]) -> None:
        """Of a trace that is only passed on nothing is kept."""


def continued(parent: bytes | None) -> Span | None:
    """A span of the trace that a request names; None where it names none that is valid."""
    found = None if parent is None else _PARENT.fullmatch(parent)
    if found is None or (found[1] == b"00" and found[5]):
        return None
    trace, span, flags = (found[n].decode() for n in (2, 3, 4))
    if not int(trace, 16) or not int(span, 16):
        return None
    return Span(trace, secrets.token_hex(8), flags)


class Recorded(Span):
    """A span that OpenTelemetry sends on."""

    __slots__ = ("_recorded",)

    def __init__(self, recorded: Any) -> None:
        context = recorded.get_span_context()
        flags = f"{int(context.trace_flags):02x}"
        super().__init__(f"{context.trace_id:032x}", f"{context.span_id:016x}", flags)
        self._recorded = recorded

    def end(self, attributes: Mapping[str, str | int]) -> None:
        self._recorded.set_attributes(attributes)
        if int(attributes["http.response.status_code"]) >= 500:
            from opentelemetry.trace import StatusCode

            self._recorded.set_status(StatusCode.ERROR)
        self._recorded.end()


class Tracer:
    """Makes spans with the SDK of OpenTelemetry."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("repertoire")

    def start(self, method: str, parent: bytes | None) -> Span:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {} if continued(parent) is None else {"traceparent": (parent or b"").decode()}
        context = TraceContextTextMapPropagator().extract(carrier)
        return Recorded(self._tracer.start_span(method, context, kind=SpanKind.SERVER))

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


def configured() -> Tracer | None:
    """None unless the environment names where spans go and the packages are installed."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        remedy = "pip install 'repertoire[trace]', or unset it"
        log.warning("no spans: %s is set, but %s is missing; %s", ENDPOINTS[1], error.name, remedy)
        return None
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before this name.
    named = Resource({"service.name": "repertoire"}).merge(Resource.create())
    if not os.environ.get("OTEL_SERVICE_NAME"):
        named = Resource.create({"service.name": "repertoire"})
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracer(provider)
