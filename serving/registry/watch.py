"""The process that follows a registry for a server: it looks, copies, and says what changed.

It says one JSON line on stdout each time something changed, and for each order. An order is a line
on stdin with its number, the first one begins the work, and the end of stdin is the end of the
server, in whatever way that ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repertoire.runtime.errors import InferenceError
from serving.registry.champions import Refusals, synchronise
from serving.registry.connection import library
from serving.registry.uris import masked

Say = Callable[[Mapping[str, Any]], None]


def watch(uri: str, into: Path, seconds: float) -> None:
    """Follows until stdin ends; `seconds` of 0 ends after the first look."""
    say = _private_stdout()
    orders: queue.Queue[int] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    follow(uri, into, seconds, orders, say)


def follow(uri: str, into: Path, seconds: float, orders: queue.Queue[int], say: Say) -> None:
    """Looks every `seconds`, and at once for an order."""
    refusals, told = Refusals(), None
    order = orders.get()
    answered = order - 1
    while True:
        order = _newest(orders, order)
        asked = order > answered
        found = _look(uri, into, refusals, thorough=asked)
        state = (found.get("error"), found.get("problems"))
        if asked or state != told or found.get("renewed") or found.get("removed"):
            say({**found, "order": order})
        answered, told = order, state
        if seconds == 0:
            return
        with contextlib.suppress(ModuleNotFoundError):  # the next look says so
            library()  # while the registry is away, so that it is followed at once when it is back
        try:
            order = max(order, orders.get(timeout=seconds))
        except queue.Empty:
            continue


def _look(uri: str, into: Path, refusals: Refusals, *, thorough: bool) -> Mapping[str, Any]:
    try:
        found = synchronise(uri, into, refusals, thorough=thorough)
    except InferenceError as error:
        return {"error": masked(str(error))}
    problems = {name: masked(line) for name, line in found["problems"].items()}
    return {**found, "problems": problems}


def _newest(orders: queue.Queue[int], order: int) -> int:
    while not orders.empty():
        order = max(order, orders.get())
    return order


def _private_stdout() -> Say:
    """What libraries print goes to stderr from now on, so that stdout holds whole lines of JSON."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(found: Mapping[str, Any]) -> None:
        try:
            print(json.dumps(found), file=out, flush=True)
        except BrokenPipeError:  # the server has ended
            os._exit(0)

    return say


def _listen(orders: queue.Queue[int]) -> None:
    for line in sys.stdin:
        orders.put(int(line))
    os._exit(0)  # also while a look waits for a silent registry; the folder is whole at any moment
