"""Adaptive softmaxes against the full, fused one: tokens/s, and perplexity at equal time.

All train the net of `pipelines.speed.plain` on the same stream, for the same seconds of the
processor, so that other load on the machine favours none. The steps that these seconds pay for
are measured before, and the learning rate falls to zero over them.
"""

import itertools
import math
import time
from dataclasses import replace

from pipelines.speed.plain import CONFIG, VOCABULARY, Stream
from repertoire.contract import Plan, load_family
from repertoire.families.language_model.config import Config
from repertoire.families.language_model.evaluation import stream_log_probs
from repertoire.families.language_model.learner import LanguageModelLearner
from repertoire.training.process import settle
from repertoire.training.torch_run import TorchRun

SEED = 1
THREADS = 2
TOKENS = 700_000
HELD_OUT = 20_000
SECONDS = 15.0  # of the processor, for each way
MEASURED, FIRST = 12, 3  # steps that are timed, after the first ones
WAYS = {"full": (), "adaptive 2000": (2000,), "adaptive 600, 2500": (600, 2500)}


def learner(config: Config, data: Stream) -> LanguageModelLearner:
    """A new net and its learner, from the same seed each time."""
    settle(SEED, THREADS)
    family = load_family("language_model")
    found = family.learner(family.build(config, data.facts), config, data, Plan(SEED, 1))
    assert isinstance(found, LanguageModelLearner)
    return found


def seconds_a_step(config: Config, data: Stream) -> float:
    """Processor seconds, the mean of a few steps."""
    measured = learner(config, data)
    batches = list(itertools.islice(measured.batches(0), FIRST + MEASURED))
    for batch in batches[:FIRST]:
        measured.step(batch)
    start = time.process_time()
    for batch in batches[FIRST:]:
        measured.step(batch)
    return (time.process_time() - start) / MEASURED


def trained(config: Config, data: Stream, steps: int) -> LanguageModelLearner:
    """A net after so many steps, over as many passes as they take."""
    found = learner(config, data)
    found.optimisation = found.optimisation_over(steps)
    passes = (found.batches(epoch) for epoch in itertools.count())
    for batch in itertools.islice(itertools.chain.from_iterable(passes), steps):
        found.step(batch)
    return found


def main() -> None:
    """Print the speeds, their ratio to the full one, and what each has learned."""
    data = Stream(TOKENS)
    stream = "Shakespeare's words" if data.real else "synthetic tokens"
    print(f"vocabulary {VOCABULARY:,}, {stream}, {SECONDS:.0f} processor seconds each", flush=True)
    print(f"{'':24} {'tokens/s':>9} {'faster':>8} {'passes':>7} {'perplexity':>11}")
    tokens, valid = CONFIG.batch * CONFIG.time, data.arrays("valid")["tokens"][:HELD_OUT]
    slowest = 0.0
    for name, cutoffs in WAYS.items():
        config = replace(CONFIG, cutoffs=cutoffs)
        seconds = seconds_a_step(config, data)
        slowest = slowest or seconds
        steps = int(SECONDS / seconds)
        network = trained(config, data, steps).network
        run = TorchRun(load_family("language_model").graphs(network, data.facts))
        perplexity = math.exp(-stream_log_probs(run, config, valid).mean())
        passes = steps * tokens / TOKENS
        print(
            f"{name:24} {tokens / seconds:9,.0f} {slowest / seconds:7.2f}x {passes:7.2f} "
            f"{perplexity:11.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
