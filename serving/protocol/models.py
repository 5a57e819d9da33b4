"""The Open Inference Protocol, version 2, beside `infer`: health, metadata and the extensions
for configurations, statistics and the repository. What is not supported says so with 501."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from repertoire.runtime.errors import BadModel, Malformed
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model, read_model
from repertoire.runtime.shapes import spelled
from serving.openapi.described import READS, described
from serving.protocol import tensors, types
from serving.protocol.configuration import configuration
from serving.protocol.names import find_graph, find_model, names_of
from serving.repository import Repository
from serving.service import read_body, reply, service_of

EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "generate",
    "model_configuration",
    "model_repository",
    "statistics",
)
CHANGES = (*READS, 401, 403, 404, 503)
_UNSUPPORTED = {
    "systemsharedmemory": "shared memory is not supported; send tensors in the body",
    "cudasharedmemory": "CUDA shared memory is not supported; send tensors in the body",
    "trace": "settings of traces are not supported here",
    "logging": "settings of the log are not supported here; the server writes it as it was started",
}


def _named(request: Request) -> tuple[Model, str]:
    path = request.path_params
    return find_model(service_of(request).repository, path["name"], path.get("version"))


def _graphs(request: Request) -> tuple[Model, list[Graph]]:
    """The model of the address, with one of its graphs, or all where it names the model alone."""
    model, name = _named(request)
    graphs = model.manifest.graphs
    return model, [model.manifest.graph(name)] if name else list(graphs.values())


@described(types.Server)
async def server(request: Request) -> Response:
    """The name of the server, its version and the extensions of the protocol that it has."""
    return reply({"name": "repertoire", "version": version("repertoire"), "extensions": EXTENSIONS})


@described(types.Live)
async def live(request: Request) -> Response:
    """Whether the server answers."""
    return reply({"live": True})


@described(types.Ready, also={503: types.Ready})
async def ready(request: Request) -> Response:
    """Ready once every model that is to be served is; with `--ready any`, once one is.

    Not any more when the server drains. `problems` names models that cannot be served as they are;
    `registry` says why the registry is not followed for the moment.
    """
    service = service_of(request)
    repository = service.repository
    missing = repository.problems.keys() - repository.models.keys() - repository.unloaded
    served = bool(repository.models) and not (missing and service.ready == "all")
    able = served and not service.draining
    state: dict[str, object] = {"ready": able, "problems": repository.problems}
    if service.synchronise is not None and service.synchronise.problem is not None:
        state["registry"] = service.synchronise.problem
    return reply(state, 200 if able else 503)


@described(types.Listed, tag="models")
async def models(request: Request) -> Response:
    """The names of all graphs."""
    found = service_of(request).repository.models.values()
    return reply({"models": [name for model in found for name in names_of(model)]})


@described(types.Metadata, errors=(404,), tag="models")
async def metadata(request: Request) -> Response:
    """The ports of a graph; of a model of several graphs their names."""
    model, graphs = _graphs(request)
    described = {
        "name": request.path_params["name"],
        "versions": [model.version],
        "platform": "onnxruntime_onnx",
    }
    if len(graphs) > 1:
        return reply({**described, "inputs": [], "outputs": [], "graphs": names_of(model)})
    inputs, outputs = graphs[0].inputs, graphs[0].outputs
    described |= {"inputs": tensors.describe(inputs), "outputs": tensors.describe(outputs)}
    return reply(described)


@described(types.ModelReady, errors=(404,), tag="models")
async def model_ready(request: Request) -> Response:
    """Whether a model is served."""
    _graphs(request)
    return reply({"name": request.path_params["name"], "ready": True})


@described(types.Config, errors=(404,), tag="models")
async def config(request: Request) -> Response:
    """As the extension for configurations has it, of what is true here.

    `max_batch_size` is 0 where the sizes of the ports begin with another axis than the batch.
    """
    path, service = request.path_params, service_of(request)
    _, graph = find_graph(service.repository, path["name"], path.get("version"))
    found = configuration(path["name"], graph, service.plane.limits.batch)
    states = set(graph.feedback.values())
    for port in found["input"]:
        port["optional"] = port["name"] in states
    return reply(found | ({"dynamic_batching": {}} if graph.batchable else {}))


@described(types.Statistics, errors=(404,), tag="models")
async def statistics(request: Request) -> Response:
    """Counts since the start, of one graph, of those of a model, or of all."""
    service = service_of(request)
    if "name" in request.path_params:
        asked = [_graphs(request)]
    else:
        found = service.repository.models.values()
        asked = [(model, list(model.manifest.graphs.values())) for model in found]
    counts = service.plane.statistics
    return reply({"model_stats": [counts.of(m, graph) for m, graphs in asked for graph in graphs]})


@described(list[types.IndexEntry], body=types.INDEX, errors=READS, tag="repository")
async def index(request: Request) -> Response:
    """The names that `infer` takes, and those of models that are not served."""
    only_ready = (await _body(request)).get("ready", False)
    if not isinstance(only_ready, bool):
        raise Malformed("ready is true or false; without it all models are listed")
    repository = service_of(request).repository
    served = [
        _entry(each, m, repository) for m in repository.models.values() for each in names_of(m)
    ]
    if only_ready:
        return reply(served)
    problems = [item for item in repository.problems.items() if item[0] not in repository.models]
    names = await asyncio.to_thread(lambda: [_names(repository, name) for name, _ in problems])
    failed = [
        {"name": each, "state": "UNAVAILABLE", "reason": reason}
        for (_, reason), graphs in zip(problems, names, strict=True)
        for each in graphs
    ]
    return reply([*served, *failed])


def _names(repository: Repository, name: str) -> list[str]:
    """Of the graphs of a model that is not served, as far as its folder tells."""
    try:
        return [f"{name}.{each}" for each in read_model(repository.folder(name)).manifest.graphs]
    except BadModel:
        return [name]


def _entry(name: str, model: Model, repository: Repository) -> dict[str, str]:
    reason = repository.problems.get(model.name, "")
    return {"name": name, "version": model.version, "state": "READY", "reason": reason}


@described(types.Loaded, body=types.LOAD, errors=CHANGES, tag="repository")
async def load(request: Request) -> Response:
    """Takes in what is new; an error if the model asked for is not what its folder holds.

    The graphs of a model are loaded together, by whichever name.
    """
    await _check_parameters(request)
    service, name = service_of(request), _base(request)
    await service.renew()
    model = await asyncio.to_thread(service.repository.load, name)
    asked = request.path_params["name"]
    return reply({"name": asked, "version": model.version, "models": names_of(model)})


@described(types.Unloaded, body=types.LOAD, errors=CHANGES, tag="repository")
async def unload(request: Request) -> Response:
    """Takes a model with all its graphs out of service, by whichever name, until it is loaded."""
    await _check_parameters(request)
    service, name = service_of(request), _base(request)
    await asyncio.to_thread(service.repository.unload, name)
    names = await asyncio.to_thread(_names, service.repository, name)
    return reply({"name": request.path_params["name"], "models": names})


def _base(request: Request) -> str:
    """The model's name in `<model>` or `<model>.<graph>`."""
    name: str = request.path_params["name"]
    repository = service_of(request).repository
    known = {*repository.models, *repository.problems}
    model, _, graph = name.rpartition(".")
    if name in known or model not in known:
        return name
    if model in repository.models:
        repository.models[model].manifest.graph(graph)
    return model


async def _check_parameters(request: Request) -> None:
    """Raises Malformed for what would load something else than the folder holds."""
    given = (await _body(request)).get("parameters")
    if given is None:
        return
    if not isinstance(given, dict):
        raise Malformed("the parameters of the request are an object")
    dependents = given.pop("unload_dependents", None)
    if dependents is not None and not isinstance(dependents, bool):
        raise Malformed("parameter unload_dependents is true or false")  # a model here has none
    for name, value in given.items():
        if value is not None:
            raise Malformed(
                f"parameter {spelled(name)} is not supported; change the model's folder instead"
            )


async def _body(request: Request) -> dict[str, Any]:
    body = await read_body(service_of(request), request)
    return tensors.json_object(body) if body.strip() else {}


@described(errors=(501,))
async def unsupported(request: Request) -> Response:
    """What is not supported: shared memory, and settings of traces and of the log."""
    kind = next(part for part in request.url.path.split("/") if part in _UNSUPPORTED)
    raise HTTPException(501, _UNSUPPORTED[kind])


def routes() -> list[Route]:
    """All endpoints but `infer`."""
    both = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    repository, region = "/v2/repository", "region/{name}"
    shared = [f"/v2/{kind}sharedmemory" for kind in ("system", "cuda")]
    unsupported_paths = [
        *(f"{memory}/{rest}" for memory in shared for rest in ("status", "unregister")),
        *(
            f"{memory}/{region}/{verb}"
            for memory in shared
            for verb in ("status", "register", "unregister")
        ),
        "/v2/trace/setting",
        "/v2/models/{name}/trace/setting",
        "/v2/logging",
    ]
    return [
        Route("/v2/models/stats", statistics),  # before the model of any name
        *(Route(f"{path}/ready", model_ready) for path in both),
        *(Route(f"{path}/config", config) for path in both),
        *(Route(f"{path}/stats", statistics) for path in both),
        *(Route(path, metadata) for path in both),
        Route("/v2", server),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        Route("/v2/models", models),
        Route(f"{repository}/index", index, methods=["POST"]),
        Route(f"{repository}/models/{{name}}/load", load, methods=["POST"]),
        Route(f"{repository}/models/{{name}}/unload", unload, methods=["POST"]),
        *(Route(path, unsupported, methods=["GET", "POST"]) for path in unsupported_paths),
    ]
