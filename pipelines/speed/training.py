"""Tokens/s of our language-model learner against plain PyTorch, in one process.

Every way trains its own copy of the same network on the same batches. They take turns, a few steps
each, so all of them see the same load of the machine; what is printed is the median over rounds of
the ratios within a round. Afterwards all have taken the same number of steps: their losses compare.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from pipelines.speed.plain import (
    ADDED,
    CONFIG,
    PLAIN,
    VOCABULARY,
    Batch,
    Parts,
    PlainLoop,
    Stream,
    held_out_nats,
    process_settings,
)
from repertoire.contract import Plan, load_family
from repertoire.families.language_model.network import LanguageModel, Recurrent
from repertoire.nn.softmax import fastest_precision
from repertoire.training.process import settle

SEED = 1
THREADS = 2
ROUNDS = 12
STEPS = 10  # of one turn
OURS, SAME, FULL = "ours", "plain, same precision", "plain, float32"
SIDE = 2048  # of the matrices that measure the machine
SMALL_SIDE = 512  # of those of a precision that it may only imitate
HELD_OUT = 40_000  # tokens


@dataclass
class Way:
    """One way to train, and the seconds a step of each of its turns."""

    step: Callable[[Batch], object]
    settings: tuple[bool, bool]  # deterministic, freed memory kept
    modules: tuple[nn.Module, nn.Module, nn.Module]
    seconds: list[float] = field(default_factory=list)


def ways(data: Stream, steps: int) -> tuple[dict[str, Way], list[Batch]]:
    """Ours and the plain ones by name, and the batches that all of them take."""
    family = load_family("language_model")
    settle(SEED, THREADS)
    network = family.build(CONFIG, data.facts)
    assert isinstance(network, LanguageModel) and isinstance(network.core, Recurrent)
    learner = family.learner(network, CONFIG, data, Plan(SEED, 1))
    plain = {SAME: PLAIN, FULL: Parts("float32"), **ADDED}
    loops = {name: PlainLoop(network, parts, steps) for name, parts in plain.items()}
    chain = (network.embedding, network.core.net, network.output)
    found = {OURS: Way(learner.step, (True, True), chain)}
    for name, loop in loops.items():
        settings = (False, loop.parts.kept_memory)
        found[name] = Way(loop.step, settings, (loop.embedding, loop.lstm, loop.output))
    return found, list(learner.batches(0))


def turn(way: Way, batches: list[Batch]) -> None:
    process_settings(*way.settings)
    start = time.perf_counter()
    for batch in batches:
        way.step(batch)
    way.seconds.append((time.perf_counter() - start) / len(batches))


def product_rate(precision: torch.dtype, side: int = SIDE) -> float:
    """Floating-point operations a second of one large matrix product."""
    left, right = (torch.randn(side, side).to(precision) for _ in range(2))
    result = torch.empty(side, side, dtype=precision)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        torch.mm(left, right, out=result)
        times.append(time.perf_counter() - start)
    return 2 * side**3 / min(times)


def run(found: dict[str, Way], batches: list[Batch]) -> list[tuple[float, float]]:
    """All turns, each round from another way on; returns the product rates of every round."""
    names, rates = list(found), []
    for number in range(ROUNDS):
        part = batches[number * STEPS : (number + 1) * STEPS]
        first = number % len(names)
        for name in names[first:] + names[:first]:
            turn(found[name], part)
        rates.append((product_rate(torch.float32), product_rate(fastest_precision())))
    return rates


def _compared() -> str:
    """The rates on which the choice of `fastest_precision` rests."""
    rates = {p: product_rate(p, SMALL_SIDE) / 1e9 for p in (torch.float32, torch.bfloat16)}
    return ", ".join(f"{str(p).removeprefix('torch.')} {rate:.0f}" for p, rate in rates.items())


def ratio(slow: Way, fast: Way) -> float:
    """Median over rounds, without the first, which warms up."""
    rounds = zip(slow.seconds[1:], fast.seconds[1:], strict=True)
    return statistics.median(a / b for a, b in rounds)


def share(way: Way, rates: list[tuple[float, float]]) -> float:
    """Time that the products of a step would take at the machine's rates, over the step's own.

    Forward 2, backward 4 operations a weight and token; embedding rows are looked up, not
    multiplied. The LSTM runs in float32, the output layer in the precision that is faster.
    """
    tokens = CONFIG.batch * CONFIG.time
    lstm = CONFIG.layers * 4 * CONFIG.units * (CONFIG.embedding + CONFIG.units)
    head = CONFIG.units * VOCABULARY
    shares = [
        6 * tokens * (lstm / full + head / low) / seconds
        for seconds, (full, low) in zip(way.seconds[1:], rates[1:], strict=True)
    ]
    return statistics.median(shares)


def report(found: dict[str, Way], valid: torch.Tensor) -> None:
    ours = found[OURS]
    print(f"{'':24} {'tokens/s':>9} {'ours is':>8} {'held-out nats':>14}")
    for name in (OURS, SAME, FULL):
        way = found[name]
        speed = CONFIG.batch * CONFIG.time / statistics.median(way.seconds[1:])
        nats = held_out_nats(iter(way.modules), valid)
        print(f"{name:24} {speed:9,.0f} {ratio(way, ours):7.2f}x {nats:14.3f}")
    print(f"added alone to {SAME!r}:")
    for name in ADDED:
        print(f"  {name:22} {ratio(found[SAME], found[name]):.2f}x")


def main() -> None:
    """Print speeds, losses after the same steps, what bought the difference, and its limit."""
    steps = ROUNDS * STEPS
    data = Stream(CONFIG.batch * CONFIG.time * (steps + 1) + 1)
    stream = "Shakespeare's words" if data.real else "synthetic tokens"
    low = str(fastest_precision()).removeprefix("torch.")
    print(
        f"LSTM 2x200, vocabulary {VOCABULARY:,}, batch {CONFIG.batch}, time {CONFIG.time}, "
        f"{THREADS} threads, {steps} steps, {stream}; output layer in {low}",
        flush=True,
    )
    found, batches = ways(data, steps)
    rates = run(found, batches)
    report(found, torch.from_numpy(data.arrays("valid")["tokens"][:HELD_OUT]).long())
    full, low_rate = (statistics.median(column) / 1e9 for column in zip(*rates, strict=True))
    print(f"matrix product {SIDE}: float32 {full:.0f}, {low} {low_rate:.0f} GFLOP/s")
    print(f"matrix product {SMALL_SIDE}: {_compared()} GFLOP/s")
    print(f"ours reaches {100 * share(found[OURS], rates):.0f} % of these rates")
