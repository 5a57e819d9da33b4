"""A job in this process, by as many threads as it may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from serving.batch.answers import Answer, Item, attempt
from serving.batch.job import Chunk, Job

T = TypeVar("T")
Answered = tuple[Chunk, Sequence[Item]]


def run(job: Job, answer: Answer, request: int, threads: int) -> None:
    """Answers what is left, `request` rows at once a thread."""
    with executor(threads) as pool:
        for chunk, answers in answered(job.left(), answer, request, pool):
            job.keep(chunk, answers)


class Inline(Executor):
    """Does at once what it is given: a thread of its own would contend for the interpreter."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)
        return future


def executor(threads: int) -> Executor:
    """Threads for groups of rows; a single one is the caller's."""
    return ThreadPoolExecutor(threads) if threads > 1 else Inline()


def answered(
    chunks: Iterable[Chunk], answer: Answer, request: int, pool: Executor
) -> Iterator[Answered]:
    """Chunks with their answers in order; the next one is read while one is answered.

    What was read before an error is answered before it is raised.
    """
    waiting: tuple[Chunk, list[Future[list[Item]]]] | None = None
    try:
        for chunk in chunks:
            begun = _begun(chunk, answer, request, pool)
            if waiting is not None:
                yield _done(*waiting)
            waiting = begun
    except Exception:
        if waiting is not None:
            yield _done(*waiting)
        raise
    if waiting is not None:
        yield _done(*waiting)


def _begun(
    chunk: Chunk, answer: Answer, request: int, pool: Executor
) -> tuple[Chunk, list[Future[list[Item]]]]:
    starts = range(0, len(chunk.items), request)
    groups = [chunk.items[start : start + request] for start in starts]
    return chunk, [pool.submit(partial(attempt, answer), group) for group in groups]


def _done(chunk: Chunk, futures: Sequence[Future[list[Item]]]) -> Answered:
    return chunk, [item for future in futures for item in future.result()]
