"""What stands around a run: loading a model, a call of it, and a server's start and memory.

Each number is printed beside its limit; nothing is judged. Calls of ours and of the bare session
alternate in short blocks, so that both see the same load of the machine, and the smallest medians
of a block are compared.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.speed.serving import free_port, resident_mb, running
from repertoire.runtime import load
from repertoire.runtime.session import open_graph
from repertoire.runtime.texts import ROWS as RUN

TEXT = "the film was better than I thought it would be"
ROWS = (1, 64)
ROUNDS, BLOCK = 15, 40  # blocks, and calls of one
LOAD_SECONDS, ONE_ROW_US, MANY_ROWS_PERCENT = 0.3, 100, 10
ONE_MODEL_MB, ALL_MODELS_MB = 120, 350


def quickest(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Microseconds of each call: of its blocks, taken in turn, the least median."""
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for place, call in enumerate(calls):
            times = []
            for _ in range(BLOCK):
                start = time.perf_counter()
                call()
                times.append(time.perf_counter() - start)
            best[place] = min(best[place], statistics.median(times) * 1e6)
    return best


def classifier(folders: Sequence[Path]) -> Path | None:
    """The model with the task `classify` over texts whose graph is the largest."""
    sizes = {}
    for folder in folders:
        document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if "classify" in document["tasks"] and "text" in document["encodings"]:
            [size] = [each["bytes"] for each in document["graphs"] if each["name"] == "classify"]
            sizes[folder] = size
    return max(sizes, key=lambda folder: sizes[folder], default=None)


def calls(folder: Path) -> None:
    """A call by graph and one by task, beside `session.run` on the same tokens.

    The tokenizer is the model's own work: it runs in the bare call of the task too.
    """
    start = time.perf_counter()
    model = load(folder, 1)
    print(f"load: {time.perf_counter() - start:.3f} s (limit {LOAD_SECONDS:g}), {folder.name}")
    graph, encoding = model.model.manifest.graph("classify"), model.model.encoding("text")
    session = open_graph(model.model, graph, 1)

    def tokens(rows: int) -> Any:
        return np.array([encoding.ids(TEXT) + encoding.closing for _ in range(rows)])

    def bare_task(rows: int) -> None:
        ids = tokens(rows)
        for first in range(0, rows, RUN):
            session.run(["log_probs"], {"tokens": ids[first : first + RUN]})

    for rows in ROWS:
        ready, texts = tokens(rows), TEXT if rows == 1 else [TEXT] * rows
        bare, by_graph, bare_text, by_task = quickest(
            [
                partial(session.run, ["log_probs"], {"tokens": ready}),
                partial(model.run, "classify", "log_probs", tokens=ready),
                partial(bare_task, rows),
                partial(model.classify, texts),
            ]
        )
        for kind, ours, theirs in (("run", by_graph, bare), ("classify", by_task, bare_text)):
            limit = f"{ONE_ROW_US} us" if rows == 1 else f"{MANY_ROWS_PERCENT} %"
            over = f"{ours - theirs:.0f} us, {(ours / theirs - 1) * 100:.0f} %"
            print(f"{kind}, {rows} rows: {theirs:.0f} us bare, {over} over it (limit {limit})")


def server(folders: Sequence[Path], kind: str, limit: int) -> None:
    """From the start of a server to its first answer, and its memory after a task of each model."""
    port = free_port()
    command = [sys.executable, "-m", "serving.app", "--port", str(port), "--models"]
    with tempfile.TemporaryDirectory() as temporary:
        models = Path(temporary) / "models"
        models.mkdir()
        for folder in folders:
            (models / folder.name).symlink_to(folder.resolve())
        start = time.perf_counter()
        log = Path(temporary) / "log"
        with running([*command, str(models)], port, "/v2/health/live", log) as pid:
            first = None
            for path, request in _examples(port, folders):
                _ask(port, path, request)
                first = first or time.perf_counter() - start
            memory = resident_mb(pid)
    print(f"{kind}: first answer after {first:.2f} s, {memory:.0f} MB (limit {limit})", flush=True)


def _examples(port: int, folders: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The example of each model's first task; none for one that takes a file."""
    for folder in folders:
        document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        path = f"/v1/models/{folder.name}/{document['tasks'][0]}"
        about = _ask(port, path)
        if not about["files"]:
            yield path, about["example"]


def _ask(port: int, path: str, request: dict[str, Any] | None = None) -> Any:
    data = None if request is None else json.dumps(request).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data)
    asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:  # its graph may be open all the same
        print(f"{path}: {error.read().decode()}")


def main(artifacts: Path = Path("artifacts")) -> None:
    folders = sorted(path.parent for path in artifacts.glob("*/manifest.json"))
    folder = classifier(folders)
    if folder is None:
        print(f"{artifacts}: holds no model that classifies texts; run: make repro")
        return
    calls(folder)
    server([folder], "a server of one model", ONE_MODEL_MB)
    server(folders, f"a server of {len(folders)}, all in use", ALL_MODELS_MB)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
