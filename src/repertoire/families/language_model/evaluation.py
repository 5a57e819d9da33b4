"""Perplexity of a stream, and text from the model; numpy alone."""

import itertools
from functools import partial

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.language_model.config import Config
from repertoire.kinds.running_text.blocks import stream_measurement
from repertoire.kinds.running_text.facts import Facts
from repertoire.kinds.running_text.rescoring import rescored_right, rescoring_measurement
from repertoire.runtime.inference.language import (
    Choice,
    log_probs,
    log_probs_of_rows,
    sampled,
    shifted,
)

WINDOW = 256  # tokens of context at most, where published figures by character allow no more
FREQUENCY_TOKENS = 20_000  # enough for a table; the whole split is scored once already
# The ways of choosing a token that the report compares.
CHOICES = {
    "greedy": Choice(temperature=0.0),
    "temperature 1": Choice(),
    "temperature 0.7": Choice(temperature=0.7),
    "top-k 40": Choice(top_k=40),
    "nucleus 0.9": Choice(top_p=0.9),
}


def stream_log_probs(run: Run, config: Config, tokens: Array) -> Array:
    """Natural log-probability of every token of a stream, each scored once: (tokens,).

    The state is carried across the whole stream; the first token follows an end token.
    """
    targets = tokens[None].astype(np.int64)
    return log_probs(run, shifted(targets, 0), targets, config.chunk)[0].astype(np.float64)


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Perplexity, nats per token of the whole split by blocks of tokens; rescoring by list."""
    characters = data.facts["level"] == "character"
    scored = stream_log_probs(run, config, data.arrays(split)["tokens"])
    stream = stream_measurement(scored)

    def by_block(rows: Array) -> dict[str, float]:
        found = stream.measure(rows)
        bits = found["nats_per_token"] / float(np.log(2))
        return found | ({"bits_per_character": bits} if characters else {})

    found = [Measurement(stream.units, by_block)]
    if characters and split == "test":
        fresh = -window_log_probs(run, config, data.arrays(split)["tokens"]).mean(1)
        found.append(
            Measurement(
                len(fresh), lambda rows: {"fresh_window_nats_per_token": float(fresh[rows].mean())}
            )
        )
    lists = data.arrays(f"nbest_{split}")
    if len(lists["truth"]):
        right = rescored_right(lists, partial(line_log_probs, run, config))
        found.append(rescoring_measurement(right))
    return tuple(found)


def window_log_probs(run: Run, config: Config, tokens: Array) -> Array:
    """Natural log-probabilities by windows of a stream: (windows, WINDOW), fewer at its end.

    Each window starts from a fresh state, as models without one are scored (nanoGPT), though here
    every window once and not a random sample of them.
    """
    ids = tokens.astype(np.int64)
    width = min(WINDOW, len(ids) - 1)
    count = (len(ids) - 1) // width
    inputs, targets = (part[: count * width].reshape(count, width) for part in (ids[:-1], ids[1:]))
    return log_probs_of_rows(run, inputs, targets, config.chunk).astype(np.float64)


def line_log_probs(run: Run, config: Config, rows: Array) -> Array:
    """Natural log-probability of lines (rows, time), each from a fresh state and filled up with -1.

    What fills a row up comes after all that counts, and a language model does not look ahead.
    """
    targets = np.maximum(rows, 0)
    scored = log_probs_of_rows(run, shifted(targets, 0), targets, config.chunk)
    return (scored * (rows >= 0)).sum(1, dtype=np.float64)


def generate(
    run: Run, config: Config, data: Data[Facts], choice: Choice, seed: int = 1
) -> list[int]:
    """The ids of a sample that follows the prompt."""
    prompt = data.encoding("text").ids(config.prompt)
    drawn = sampled(run, [0, *prompt], choice, seed)
    return [token for token, _ in itertools.islice(drawn, config.sample_tokens)]


def _text(data: Data[Facts], ids: list[int]) -> str:
    encoding = data.encoding("text")
    lines: list[list[int]] = [[]]
    for index in ids:
        if index == encoding.end:
            lines.append([])
        else:
            lines[-1].append(index)
    return "\n".join(encoding.decode(line) for line in lines)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """Token ids of one continuation of the prompt at temperature 0.7, the same draw every epoch."""
    ids = generate(run, config, data, CHOICES["temperature 0.7"])
    return {"continuation": np.array(ids, np.int64)}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Generated texts, text after every epoch, and the loss by frequency of the token."""
    texts = [
        f"{config.prompt} … {_text(data, generate(run, config, data, choice))}"
        for choice in CHOICES.values()
    ]
    epochs = snapshots["continuation"]
    return (
        Figure(
            "generated",
            Kind.TEXTS,
            f"Continuations of “{config.prompt}”: the first draw of seed 1, by way of choosing.",
            rows=tuple(CHOICES),
            cells=texts,
        ),
        Figure(
            "while-training",
            Kind.TEXTS,
            "The same prompt after each epoch, temperature 0.7, seed 1.",
            rows=tuple(f"epoch {n}" for n in range(1, len(epochs) + 1)),
            cells=[_text(data, ids.tolist()) for ids in epochs],
        ),
        _by_frequency(run, config, data),
    )


def _by_frequency(run: Run, config: Config, data: Data[Facts]) -> Figure:
    counts = np.bincount(data.arrays("train")["tokens"], minlength=data.facts["vocabulary"])
    test = data.arrays("test")["tokens"][:FREQUENCY_TOKENS]
    nats = -stream_log_probs(run, config, test)
    seen = counts[test]
    edges = [0, 10, 100, 1000, 10_000, int(seen.max()) + 1]
    cells = []
    for low, high in itertools.pairwise(edges):
        here = (seen >= low) & (seen < high)
        if here.any():
            share, loss = 100 * here.mean(), float(nats[here].mean())
            cells.append((f"{low:,} to {high - 1:,}", f"{share:.1f} %", f"{loss:.2f}"))
    return Figure(
        "by-frequency",
        Kind.TABLE,
        f"Loss by how often the token occurs in training; the first {len(test):,} test tokens.",
        columns=("times in training", "share of test tokens", "nats per token"),
        cells=cells,
    )
