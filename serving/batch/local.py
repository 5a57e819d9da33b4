"""A job in this process, by as many threads as it may use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from serving.batch.answers import Answer, Item, attempt
from serving.batch.job import Chunk, Job

Answered = tuple[Chunk, Sequence[Item]]


def run(job: Job, answer: Answer, request: int, threads: int) -> None:
    """Answers what is left, `request` rows at once a thread."""
    with ThreadPoolExecutor(threads) as pool:
        for chunk, answers in answered(job.left(), answer, request, pool):
            job.keep(chunk, answers)


def answered(
    chunks: Iterable[Chunk], answer: Answer, request: int, pool: ThreadPoolExecutor
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
    chunk: Chunk, answer: Answer, request: int, pool: ThreadPoolExecutor
) -> tuple[Chunk, list[Future[list[Item]]]]:
    starts = range(0, len(chunk.items), request)
    groups = [chunk.items[start : start + request] for start in starts]
    return chunk, [pool.submit(partial(attempt, answer), group) for group in groups]


def _done(chunk: Chunk, futures: Sequence[Future[list[Item]]]) -> Answered:
    return chunk, [item for future in futures for item in future.result()]
