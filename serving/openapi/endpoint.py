"""The endpoint `/openapi.json`: documents are written when they are first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib.metadata import version

import orjson
from starlette.requests import Request
from starlette.responses import Response

from repertoire.runtime.model import Model
from serving.openapi.described import JSON, Described, marked
from serving.openapi.document import document, document_of, guarded
from serving.service import Service, service_of

_QUERY = {
    "name": "model",
    "in": "query",
    "description": "the model whose own tasks and graphs are described",
    "schema": {"$ref": "#/components/schemas/Model"},
}


class Documents:
    """Those of the models of now, of all (under None) and of each by its name.

    `private`: all but the health of the server needs a key.
    """

    def __init__(self, private: bool = False) -> None:
        self._private = private
        self._models: Mapping[str, Model] = {}
        self._written: dict[str | None, bytes] = {}

    @marked(Described({200: {JSON: {"type": "object"}}}, errors=(404, 503), parameters=(_QUERY,)))
    async def page(self, request: Request) -> Response:
        """This document, in OpenAPI 3.1; with `model` that of one model alone."""
        service, name = service_of(request), request.query_params.get("model")
        models = service.repository.models
        if models is not self._models:
            self._models, self._written = models, {}
        written = self._written
        if name not in written:
            written[name] = await asyncio.to_thread(self._write, service, request, name)
        return Response(written[name], media_type=JSON)

    def _write(self, service: Service, request: Request, name: str | None) -> bytes:
        number = version("repertoire")
        if name is not None:
            model = service.repository.model(name)
            told = document_of(model, number, service.plane.limits)
        else:
            told = document(request.app.routes, service.repository.models.values(), number)
        return orjson.dumps(guarded(told) if self._private else told)
