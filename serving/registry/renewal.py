"""When a running server takes in new models: on request, on SIGHUP and when it looks itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from repertoire.runtime.errors import BadModel

log = logging.getLogger("serving")


class Renewal:
    """Runs `renew` in a thread. However many ask at once, two runs are enough.

    Those who ask while it runs share the next run: each sees what was there when they asked, or
    later. They wait on the event loop, so that a registry that is silent takes no thread of others.
    """

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew = renew
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Raises what `renew` raises."""
        task = self._next  # it has not begun yet, even where the one before it is done
        if task is None and self._running is None:
            task = self._running = asyncio.create_task(self._run())
        elif task is None and self._running is not None:
            task = self._next = asyncio.create_task(self._run_after(self._running))
        assert task is not None
        await asyncio.shield(task)  # one that gives up must not end it for the others

    async def _run(self) -> None:
        try:
            await asyncio.to_thread(self._renew)
        finally:
            self._running = None

    async def _run_after(self, before: asyncio.Task[None]) -> None:
        await asyncio.wait([before])
        self._running, self._next = self._next, None
        await self._run()


async def quietly(renew: Callable[[], Awaitable[None]]) -> str:
    """Runs what nobody waits for: a failure leaves the models as they are. Returns its line."""
    try:
        await renew()
    except (BadModel, OSError) as error:
        return str(error)
    except Exception:  # the server goes on, and looks again
        log.exception("models not renewed")
    return ""


async def poll(refresh: Callable[[], None], seconds: float) -> None:
    """Calls `refresh` every `seconds`; a failure is logged when it is new."""
    told = ""
    while True:
        await asyncio.sleep(seconds)
        line = await quietly(partial(asyncio.to_thread, refresh))
        if line and line != told:
            log.error("models not renewed: %s", line)
        told = line


async def renew_now(renew: Callable[[], Awaitable[None]]) -> None:
    """What SIGHUP asks for; a failure is logged, for nobody waits."""
    if line := await quietly(renew):
        log.error("models not renewed: %s", line)
