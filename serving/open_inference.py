"""The endpoints of the Open Inference Protocol, version 2, with its model repository extension.

Each graph is a model of the protocol, named `<model>.<graph>`; `<model>` alone describes them all,
and stands for its graph where there is only one.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import Future

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from repertoire.runtime.errors import DeadlineExceeded, Malformed, ModelNotFound
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Arrays
from serving import protocol
from serving.service import Service, answer_error, read, reply, service_of

_HEADER = "Inference-Header-Content-Length"
_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")


class Inference:
    """Answers `infer` itself and hands all else on: routing would cost as much as the decoding."""

    def __init__(self, service: Service, others: ASGIApp) -> None:
        self.service, self.others = service, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != "POST":
            await self.others(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._in_time(request, *found.groups())
        except Exception as error:  # noqa: BLE001 - the client gets its line
            response = await answer_error(request, error)
        await response(scope, receive, send)

    async def _in_time(self, request: Request, name: str, version: str | None) -> Response:
        """One deadline for body and answer: a timer costs as much as reading the body."""
        seconds = self.service.seconds
        try:
            async with asyncio.timeout(seconds):
                return await infer(self.service, request, name, version)
        except TimeoutError as error:
            raise DeadlineExceeded(f"no answer within {seconds:g} s; try again later") from error


async def infer(service: Service, request: Request, name: str, version: str | None) -> Response:
    model, graph = _graph(service, name, version)
    asked = protocol.decode(await read(request, service.body), _header_length(request))
    future = service.plane.submit(
        model, graph.name, asked.arrays, tuple(asked.outputs), service.deadline()
    )
    arrays = await _completed(future)
    body, header = protocol.encode(asked, name, model.version, arrays)
    if header is None:
        return Response(body, media_type="application/json")
    return Response(body, media_type="application/octet-stream", headers={_HEADER: str(header)})


async def _completed(future: Future[Arrays]) -> Arrays:
    """The plane completes its futures on this loop, so that no thread has to wake it for each."""
    done = asyncio.Event()
    future.add_done_callback(lambda _: done.set())
    try:
        await done.wait()
    finally:
        future.cancel()  # nobody waits any more; without effect on one that is done
    return future.result()


def _header_length(request: Request) -> int | None:
    length = request.headers.get(_HEADER)
    if length is not None and not length.isdecimal():
        raise Malformed(f"{_HEADER} is {length!r}, not a number of bytes")
    return None if length is None else int(length)


def _model(service: Service, asked: str, version: str | None) -> tuple[Model, str]:
    """The model and the name of the graph, empty for the model as a whole."""
    name, _, graph = asked.partition(".")
    model = service.repository.model(name)
    if version not in (None, model.version):
        raise ModelNotFound(f"version {version!r} of {name} is not served; {model.version!r} is")
    return model, graph


def _named(request: Request) -> tuple[Model, str]:
    path = request.path_params
    return _model(service_of(request), path["name"], path.get("version"))


def _graph(service: Service, asked: str, version: str | None) -> tuple[Model, Graph]:
    model, name = _model(service, asked, version)
    graphs = model.manifest.graphs
    if not name and len(graphs) > 1:
        choices = ", ".join(f"{model.name}.{each}" for each in graphs)
        raise ModelNotFound(f"{model.name} has several graphs; ask for one of {choices}")
    return model, model.manifest.graph(name or next(iter(graphs)))


async def server(request: Request) -> Response:
    extensions = ["binary_tensor_data", "model_repository"]
    return reply({"name": "repertoire", "version": "1", "extensions": extensions})


async def live(request: Request) -> Response:
    return reply({"live": True})


async def ready(request: Request) -> Response:
    """Ready with one model or more, until the server drains.

    `problems` names the models that cannot be served as they are; `registry` says why the registry
    is not followed for the moment.
    """
    service = service_of(request)
    able = bool(service.repository.models) and not service.draining
    state: dict[str, object] = {"ready": able, "problems": service.repository.problems}
    if service.synchronise is not None and service.synchronise.problem is not None:
        state["registry"] = service.synchronise.problem
    return reply(state, 200 if able else 503)


async def models(request: Request) -> Response:
    found = service_of(request).repository.models.values()
    return reply({"models": [f"{m.name}.{g}" for m in found for g in m.manifest.graphs]})


async def metadata(request: Request) -> Response:
    model, name = _named(request)
    graphs = model.manifest.graphs
    described = {
        "name": request.path_params["name"],
        "versions": [model.version],
        "platform": "onnxruntime_onnx",
    }
    if not name and len(graphs) > 1:
        names = [f"{model.name}.{each}" for each in graphs]
        return reply({**described, "inputs": [], "outputs": [], "graphs": names})
    graph = model.manifest.graph(name or next(iter(graphs)))
    inputs, outputs = protocol.describe(graph.inputs), protocol.describe(graph.outputs)
    return reply({**described, "inputs": inputs, "outputs": outputs})


async def model_ready(request: Request) -> Response:
    model, name = _named(request)
    if name:
        model.manifest.graph(name)
    return reply({"name": request.path_params["name"], "ready": True})


async def index(request: Request) -> Response:
    repository = service_of(request).repository
    problems = repository.problems
    served = [
        {"name": m.name, "version": m.version, "state": "READY", "reason": problems.get(m.name, "")}
        for m in repository.models.values()
    ]
    failed = [
        {"name": name, "state": "UNAVAILABLE", "reason": reason}
        for name, reason in problems.items()
        if name not in repository.models
    ]
    return reply([*served, *failed])


async def load(request: Request) -> Response:
    """Takes in what is new; an error if the model asked for is not what its folder holds."""
    service, name = service_of(request), request.path_params["name"]
    await service.renew()
    model = await asyncio.to_thread(service.repository.load, name)
    return reply({"name": name, "version": model.version})


async def unload(request: Request) -> Response:
    """Takes a model out of service until it is loaded; requests that have begun are answered."""
    service, name = service_of(request), request.path_params["name"]
    await asyncio.to_thread(service.repository.unload, name)
    return reply({"name": name})


def routes() -> list[Route]:
    """All endpoints but `infer`."""
    both = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    return [
        *(Route(f"{path}/ready", model_ready) for path in both),
        *(Route(path, metadata) for path in both),
        Route("/v2", server),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        Route("/v2/models", models),
        Route("/v2/repository/index", index, methods=["POST"]),
        Route("/v2/repository/models/{name}/load", load, methods=["POST"]),
        Route("/v2/repository/models/{name}/unload", unload, methods=["POST"]),
    ]
