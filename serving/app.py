"""`python -m serving.app --models artifacts`: the server. HTTP only; see plane.py for the rest."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from repertoire.runtime.errors import BadModel, InferenceError
from repertoire.runtime.ports import Limits
from repertoire.runtime.session import share_memory
from serving import pages, task_endpoints
from serving.http import tracing
from serving.http.admission import Admission
from serving.http.draining import end_while_loading, server
from serving.http.front import Front
from serving.http.front import add_options as add_front_options
from serving.http.front import front as make_front
from serving.http.listening import bind, listen
from serving.http.metrics import Metrics
from serving.openapi.endpoint import Documents
from serving.options import Parser, filled, name_of_model, number, whole
from serving.protocol import generate, infer, models
from serving.queue.plane import Plane
from serving.registry.renewal import poll, renew_now
from serving.registry.synchroniser import Synchroniser, filled_first, taken
from serving.repository import Repository
from serving.service import Service, error_handlers

log = logging.getLogger("serving")


def create_app(
    service: Service, *, poll_seconds: float = 1.0, front: Front | None = None
) -> ASGIApp:
    """The application; while it runs it looks for changed models every `poll_seconds`."""
    guard = front or Front()
    metrics = Metrics(service.repository, service.plane, service.admission)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        polling = asyncio.create_task(poll(service.repository.refresh, poll_seconds))
        service.plane.deliver = loop.call_soon_threadsafe
        if threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(
                signal.SIGHUP, lambda: loop.create_task(renew_now(service.renew))
            )
        yield
        polling.cancel()
        await asyncio.to_thread(service.plane.close)

    app = Starlette(
        routes=[
            *models.routes(),
            *infer.routes(),
            *generate.routes(),
            *task_endpoints.routes(),
            Route("/metrics", metrics.page),
            Route("/openapi.json", Documents(guard.private).page),
            *pages.routes(),
        ],
        exception_handlers=error_handlers(),
        lifespan=lifespan,
    )
    app.state.service = service
    inference = partial(infer.Inference, service)
    return guard.before(inference, app, metrics)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    description = "Serves a folder of models, or the champions of a registry, over HTTP."
    parser = Parser("serving.app", description)
    add = partial(parser.add_argument, help="(default: %(default)s)")
    add("--models", type=Path, default=Path("artifacts"), metavar="FOLDER")
    called = "what the model is called if FOLDER is one model (default: as its manifest says)"
    add("--name", type=name_of_model, metavar="NAME", help=called)
    add("--host", default="127.0.0.1")
    any_port = "0 is any that is free (default: 8000)"
    add("--port", type=whole(0, 65535), default=8000, metavar="N", help=any_port)
    champions_of = "serve the champions of this MLflow registry instead"
    add("--registry", type=filled, metavar="URI", help=champions_of)
    champions = Path(".champions")
    add("--into", type=Path, default=champions, metavar="FOLDER", help="where champions are kept")
    looks = "between two looks at the registry; 0 waits for SIGHUP and load (default: 2)"
    add("--follow", type=number(0, 86400), default=2.0, metavar="SECONDS", help=looks)
    cores = os.cpu_count() or 1
    of_a_run = "of one run; graphs run beside each other (default: one a core)"
    add("--threads", type=whole(1, 1024), default=cores, metavar="N", help=of_a_run)
    kept_open = "graphs kept open (default: 32)"
    add("--sessions", type=whole(1, 2**20), default=32, metavar="N", help=kept_open)
    add("--deadline", type=number(0.001, 86400), default=30.0, metavar="SECONDS")
    add("--body", type=whole(1, 2**40), default=16 * 2**20, metavar="BYTES")
    _add_limits(add)
    add_front_options(parser.add_argument)
    when = "every model is ready, or one is (default: all)"
    add("--ready", choices=("all", "any"), default="all", help=f"the server is ready once {when}")
    return parser.parse_args(argv)


def _add_limits(add: Callable[..., object]) -> None:
    limits = Limits()
    rows = "of one input (default: %(default)s)"
    add("--rows", type=whole(1, 2**20), default=limits.batch, metavar="N", help=rows)
    pixels = "of all images in one request (default: %(default)s)"
    add("--pixels", type=whole(1, 2**40), default=limits.pixels, metavar="N", help=pixels)
    memory = "memory that runs take, all together (default: %(default)s)"
    run_bytes = whole(2**26, 2**50)
    add("--run-bytes", type=run_bytes, default=limits.run_bytes, metavar="BYTES", help=memory)
    at_once = "tasks of one model that are answered at once (default: %(default)s)"
    add("--in-flight", type=whole(1, 1024), default=16, metavar="N", help=at_once)


def _service(options: argparse.Namespace) -> Service:
    """Raises BadModel if there is nothing to serve."""
    folder = options.into if options.registry else options.models
    repository = Repository(
        folder, sessions=options.sessions, threads=options.threads, name=options.name
    )
    limits = Limits(batch=options.rows, pixels=options.pixels, run_bytes=options.run_bytes)
    share_memory(options.run_bytes)
    plane = Plane(repository, limits=limits)
    service = Service(repository, plane, body=options.body, seconds=options.deadline)
    service.admission = Admission(max(64, options.in_flight), options.in_flight)
    service.ready = options.ready
    if options.registry:
        told = partial(taken, repository)
        service.synchronise = Synchroniser(options.registry, folder, options.follow, told)
        filled_first(service.synchronise, folder)
    repository.refresh()
    _check_served(repository, options.name)
    return service


def _check_served(repository: Repository, name: str | None) -> None:
    """Raises BadModel if there is nothing to serve, or no single model to give the name to."""
    folder = repository.root
    if not repository.models:
        named = [f"{name}: {line}" for name, line in repository.problems.items()]
        why = named[0] if named else "export models or name another folder"
        others = f" (and {len(named) - 1} others)" if len(named) > 1 else ""
        raise BadModel(f"no model in {folder} can be served; {why}{others}")
    if name and repository.alone is None:
        raise BadModel(
            f"--name is for a folder that is one model; {folder} holds folders of models, "
            "which give them their names"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until interrupted. Returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    options = _arguments(argv)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to renew
    end_while_loading()
    gc.freeze()  # what is loaded by now stays; looking through it for garbage would cost requests
    # A worker that comes back from onnxruntime waits that long for the interpreter's lock.
    sys.setswitchinterval(0.001)
    try:
        listener = bind(options.host, options.port)
        tracer = tracing.configured()
        guarded = make_front(options, listener.getsockname()[0], tracer)
        service = _service(options)
        url = listen(listener)
    except (InferenceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    log.info("%d models on %s (Ctrl+C ends)", len(service.repository.models), url)
    running = server(create_app(service, front=guarded), service)
    running.run(sockets=[listener])
    if tracer is not None:
        tracer.close()
    return 0 if running.started else 1


if __name__ == "__main__":
    sys.exit(main())
