"""A job by Ray Data: chunks stream from readers to actors, each with the model in its process.

Ray distributes; what is answered is kept by the job as in one process: a part for each chunk, under
a name that the chunk alone decides. A node or an actor that is lost has its chunks answered again
elsewhere, and the row is there once. The folder of parts must be seen by all nodes.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from repertoire.runtime import load
from repertoire.runtime.errors import InferenceError, InvalidInput
from repertoire.runtime.model import Model
from serving.batch import local, places
from serving.batch.job import Chunk, Job
from serving.batch.plan import Plan

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


@dataclass(frozen=True)
class Cluster:
    """`address` of one that runs, or else one is started here; `workers` actors, or as many as it
    has processors, of `threads` each."""

    address: str | None = None
    workers: int | None = None
    threads: int = 1


def run(job: Job, plan: Plan, model: Model, request: int, cluster: Cluster) -> str:
    """Answers what is left; a line that says on how many nodes.

    Raises InvalidInput where there is no Ray or no cluster, or where a node cannot see the parts.
    """
    ray = _started(cluster)
    try:
        _share(job, model)
        nodes = _answered(
            ray, job, Worker(job, plan, model.name, request, cluster.threads), cluster
        )
    except Exception as error:  # noqa: BLE001 - Ray has kinds of its own around what a worker raised
        raise _cause(error) from None
    finally:
        ray.shutdown()
    return f"answered on {len(nodes)} {'node' if len(nodes) == 1 else 'nodes'}"


def _started(cluster: Cluster) -> Any:
    try:
        import ray
        import ray.data
    except ImportError:
        raise InvalidInput("ray is not installed; pip install 'repertoire[ray]'") from None
    warnings.filterwarnings("ignore", module="ray")
    for name in ("ray", "ray.data"):  # what they would tell is raised, too
        logging.getLogger(name).setLevel(logging.CRITICAL)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        if cluster.address is None:
            ray.init("local", include_dashboard=False, **quiet)
        else:
            _check_answers(cluster.address)
            ray.init(cluster.address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        where = cluster.address or "this machine"
        raise InvalidInput(f"no Ray cluster at {where}: {why}") from error
    return ray


def _check_answers(address: str) -> None:
    """Raises OSError where nothing listens; Ray would end the process."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and "://" not in address:
        socket.create_connection((host, int(port)), 10).close()


def _answered(ray: Any, job: Job, worker: Worker, cluster: Cluster) -> set[str]:
    """The nodes that answered."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.target_max_block_size = 1  # a block for each chunk, so that any actor may take it
    context.raise_original_map_exception = True
    processors = int(ray.cluster_resources().get("CPU", 1))
    workers = cluster.workers or max(1, processors // cluster.threads)
    sources = [{"source": number} for number in range(len(job.sources))]
    # Ray reads a source again when a node is lost, and counts on the same blocks in the same order.
    there = frozenset(places.names_in(job.folder))
    # Readers wait for disks and take no processor: actors have them all.
    read = ray.data.from_items(sources, override_num_blocks=len(sources)).map_batches(
        partial(_chunks, job, there), batch_size=1, batch_format="pyarrow", num_cpus=0
    )
    done = read.map_batches(
        Actor,
        fn_constructor_args=(worker,),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=cluster.threads,
    )
    return {row["node"] for row in done.iter_rows()}


def _chunks(job: Job, there: frozenset[str], batch: pa.Table) -> Iterator[pa.Table]:
    """The chunks of one source whose parts are not `there`."""
    [source] = batch["source"].to_pylist()
    for chunk in job.left_of(source, there):
        yield pa.table({"chunk": pa.array([pickle.dumps(chunk)], pa.large_binary())})


@dataclass(frozen=True)
class Worker:
    """What an actor needs to answer chunks and to keep them."""

    job: Job
    plan: Plan
    model: str
    request: int
    threads: int

    def opened(self, into: Path) -> Callable[[Chunk], None]:
        """The model opened in this process. Raises InvalidInput where the parts are not seen."""
        _check_seen(self.job)
        loaded = load(_fetched(self.job, into / self.model), threads=1)
        answer = self.plan.answer(loaded.model, loaded.run)
        pool = local.executor(self.threads)

        def keep(chunk: Chunk) -> None:
            for each, answers in local.answered([chunk], answer, self.request, pool):
                self.job.keep(each, answers)

        return keep


class Actor:
    """A process of Ray. It opens the model at the first chunk: an actor that fails at its birth
    says why to nobody."""

    def __init__(self, worker: Worker) -> None:
        import ray

        self._worker, self._node = worker, ray.get_runtime_context().get_node_id()
        self._folder = tempfile.TemporaryDirectory()

    @cached_property
    def _keep(self) -> Callable[[Chunk], None]:
        return self._worker.opened(Path(self._folder.name))

    def __call__(self, batch: pa.Table) -> pa.Table:
        job = self._worker.job
        for content in batch["chunk"].to_pylist():
            chunk = pickle.loads(content)  # noqa: S301 - of our own reader
            if not job.part(chunk.name).exists():  # as after a node was lost
                self._keep(chunk)
        return pa.table({"node": [self._node] * len(batch)})


def _share(job: Job, model: Model) -> None:
    """The files of the model in one, beside the parts: all nodes see it there."""
    names = {"manifest.json", *(graph.file for graph in model.manifest.graphs.values())}
    with places.writing(_packed(job)) as file, zipfile.ZipFile(file, "w") as packed:
        for name in sorted(names):
            packed.write(model.folder / name, name)


def _fetched(job: Job, into: Path) -> Path:
    with _packed(job).open("rb") as file, zipfile.ZipFile(file) as packed:
        packed.extractall(into)
    return into


def _packed(job: Job) -> Path:
    return job.folder / "model.zip"


def _check_seen(job: Job) -> None:
    """Raises InvalidInput on a node that sees another folder of parts than the job began."""
    try:
        seen = orjson.loads(job.journal.read_bytes())
    except (OSError, ValueError):
        seen = {}
    if seen != dict(job.identity):
        raise InvalidInput(
            f"not every node sees {job.folder}; write to a shared folder, or to a store: s3://…"
        )


def _cause(error: BaseException) -> BaseException:
    """What went wrong in a worker, as it would have been raised here."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, InferenceError | OSError):
            return type(inner)(*inner.args) if type(inner).__module__.startswith("rep") else inner
        inner = getattr(inner, "cause", None) or inner.__cause__
    return error
