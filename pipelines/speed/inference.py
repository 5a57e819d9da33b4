"""onnxruntime against PyTorch eager on the same language model, the same inputs, in one process.

Short blocks of calls alternate between the two, so both see the same load of the machine; the ratio
is the median over rounds, and that of the best blocks stands beside it. The weights are random:
speed does not depend on them.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from pipelines.speed.plain import CONFIG, VOCABULARY
from repertoire.contract import Arrays, Graph, load_family
from repertoire.export.example import example
from repertoire.export.onnx_file import export_graph
from repertoire.runtime.onnx_run import run_session
from repertoire.runtime.session import open_session

SECONDS = 6.0  # of one comparison
BLOCK = 0.02  # seconds of calls before the other's turn
FEWEST = 5  # rounds
TIMES = {"score": 35, "next": 1}
TARGETS = {"score": 2.0, "next": 8.0}
Call = Callable[[], object]


@dataclass(frozen=True)
class Pair:
    """Median milliseconds of a call, the median ratio of the rounds, and the best blocks' ratio."""

    eager_ms: float
    onnx_ms: float
    ratio: float
    best: float


def eager(graph: Graph, inputs: Arrays) -> Call:
    """The module on tensors that are ready, with nothing of ours around it."""
    tensors = [torch.from_numpy(inputs[port.name]) for port in graph.inputs]
    module = graph.module.eval()

    def call() -> object:
        with torch.inference_mode():
            return module(*tensors)

    return call


def exported(content: bytes, inputs: Arrays, threads: int) -> Call:
    """The session as the server and the evaluation open it."""
    opened = open_session(content, threads)
    return lambda: run_session(opened, inputs)


def block(call: Call) -> float:
    """Milliseconds a call, over about ``BLOCK`` seconds."""
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < BLOCK:
        call()
        calls += 1
    return (time.perf_counter() - start) / calls * 1000


def compare(first: Call, second: Call) -> Pair:
    """Alternate, the first round for warming up."""
    rounds: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(rounds) <= FEWEST or time.perf_counter() - start < SECONDS:
        rounds.append((block(first), block(second)))
    slow, fast = zip(*rounds[1:], strict=True)
    middle = statistics.median(a / b for a, b in rounds[1:])
    best = min(slow) / min(fast)
    return Pair(statistics.median(slow), statistics.median(fast), middle, best)


def main() -> None:
    """Print a line a graph and number of threads."""
    family = load_family("language_model")
    torch.manual_seed(0)
    facts = {"vocabulary": VOCABULARY}
    network = family.build(replace(CONFIG, softmax="float32"), facts)
    before = torch.get_num_threads()
    print(f"language model 2x200, vocabulary {VOCABULARY:,}, batch 1: median ms a call")
    for graph in family.graphs(network, facts):
        if graph.name not in TIMES:
            continue
        content = export_graph(graph)
        sizes = {"batch": 1, "time": TIMES[graph.name]}
        inputs = example(graph.inputs, sizes, np.random.default_rng(0))
        for threads in (1, 2):
            torch.set_num_threads(threads)
            pair = compare(eager(graph, inputs), exported(content, inputs, threads))
            print(
                f"{graph.name:5} T={sizes['time']:<2} {threads} thread{'s' * (threads > 1):1} "
                f"eager {pair.eager_ms:6.2f}  onnxruntime {pair.onnx_ms:6.2f}  "
                f"{pair.ratio:5.1f}x, best blocks {pair.best:.1f}x "
                f"(target {TARGETS[graph.name]:g}x)",
                flush=True,
            )
    torch.set_num_threads(before)
