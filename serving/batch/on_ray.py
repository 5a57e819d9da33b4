"""A job by Ray Data: chunks stream from readers to actors, each with the model in its process.

Ray distributes; what is answered is kept by the job as in one process: a part for each chunk, under
a name that the chunk alone decides. A node or an actor that is lost has its chunks answered again
elsewhere, and the row is there once. The folder of parts must be seen by all nodes.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from repertoire.runtime import load
from repertoire.runtime.errors import InferenceError, InvalidInput
from repertoire.runtime.model import Model
from serving.batch import local, places
from serving.batch.job import Job
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
        nodes = _answered(ray, job, plan, model, request, cluster)
    except Exception as error:  # noqa: BLE001 - Ray has kinds of its own around what a worker raised
        raise _cause(error) from None
    finally:
        ray.shutdown()
    return f"answered on {len(nodes)} {'node' if len(nodes) == 1 else 'nodes'}"


def _started(cluster: Cluster) -> Any:
    try:
        import ray
    except ImportError:
        raise InvalidInput("ray is not installed; pip install 'repertoire[ray]'") from None
    own = {} if cluster.address else {"include_dashboard": False}
    try:
        ray.init(cluster.address or "local", log_to_driver=False, logging_level="error", **own)
    except (ConnectionError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise InvalidInput(f"no Ray cluster at {cluster.address}: {why}") from error
    return ray


def _answered(
    ray: Any, job: Job, plan: Plan, model: Model, request: int, cluster: Cluster
) -> set[str]:
    """The nodes that answered."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1  # a block for each chunk, so that any actor may take it
    processors = int(ray.cluster_resources().get("CPU", 1))
    workers = cluster.workers or max(1, processors // cluster.threads)
    sources = [{"source": number} for number in range(len(job.sources))]
    packed = ray.put(_packed(model))
    # Readers wait for disks and take no processor: actors have them all.
    read = ray.data.from_items(sources, override_num_blocks=len(sources)).map_batches(
        partial(_chunks, job), batch_size=1, batch_format="pyarrow", num_cpus=0
    )
    done = read.map_batches(
        Worker,
        fn_constructor_args=(job, plan, model.name, packed, request, cluster.threads),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=cluster.threads,
        scheduling_strategy="SPREAD",
    )
    return {row["node"] for row in done.iter_rows()}


def _chunks(job: Job, batch: pa.Table) -> Iterator[pa.Table]:
    """The chunks of one source that are not answered yet."""
    there = places.names_in(job.folder)
    [source] = batch["source"].to_pylist()
    for chunk in job.left_of(source, there):
        yield pa.table({"chunk": pa.array([pickle.dumps(chunk)], pa.large_binary())})


class Worker:
    """An actor: answers chunks and keeps them."""

    def __init__(
        self, job: Job, plan: Plan, name: str, packed: Any, request: int, threads: int
    ) -> None:
        import ray

        node = ray.get_runtime_context().get_node_id()
        self._node, self._job, self._request = node, job, request
        _check_seen(job)
        self._folder = tempfile.TemporaryDirectory()
        files = ray.get(packed) if isinstance(packed, ray.ObjectRef) else packed
        loaded = load(_unpacked(files, Path(self._folder.name) / name), threads=1)
        self._answer = plan.answer(loaded.model, loaded.run)
        self._pool = ThreadPoolExecutor(threads)

    def __call__(self, batch: pa.Table) -> pa.Table:
        chunks = [pickle.loads(each) for each in batch["chunk"].to_pylist()]  # noqa: S301 - our own
        there = places.names_in(self._job.folder)
        left = [chunk for chunk in chunks if self._job.part(chunk.name).name not in there]
        for chunk, answers in local.answered(left, self._answer, self._request, self._pool):
            self._job.keep(chunk, answers)
        return pa.table({"node": [self._node] * len(chunks)})


def _packed(model: Model) -> dict[str, bytes]:
    """The files of a model: Ray takes them to the nodes, which need no shared folder for it."""
    names = {"manifest.json", *(graph.file for graph in model.manifest.graphs.values())}
    return {name: (model.folder / name).read_bytes() for name in sorted(names)}


def _unpacked(packed: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, content in packed.items():
        (folder / name).write_bytes(content)
    return folder


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
