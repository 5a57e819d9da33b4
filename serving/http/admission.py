"""How many tasks are answered at once, in all and of one model."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from repertoire.runtime.errors import Overloaded


class Admission:
    """`total` tasks at once, `of_model` of one model, so that slow ones leave room for others.

    For one event loop.
    """

    def __init__(self, total: int = 64, of_model: int = 16) -> None:
        self._total, self._most = total, of_model
        self._running: Counter[str] = Counter()

    def running(self) -> int:
        return self._running.total()

    @contextlib.contextmanager
    def admit(self, model: str) -> Iterator[None]:
        """While a task of the model runs. Raises Overloaded."""
        if self._running[model] >= self._most:
            running = f"{self._running[model]} tasks of {model} are running already"
            raise Overloaded(f"{running}; try again later")
        if self.running() >= self._total:
            raise Overloaded(f"{self.running()} tasks are running already; try again later")
        self._running[model] += 1
        try:
            yield
        finally:
            self._running[model] -= 1
            if not self._running[model]:
                del self._running[model]
