"""Perplexity of a stream, and text from the model; numpy alone."""

import itertools
from functools import partial

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.language_model.config import Config, initial_states
from repertoire.kinds.running_text.blocks import stream_measurement
from repertoire.kinds.running_text.facts import Facts
from repertoire.kinds.running_text.rescoring import rescored_right, rescoring_measurement

WINDOW = 256  # tokens of context at most, where published figures by character allow no more
FREQUENCY_TOKENS = 20_000  # enough for a table; the whole split is scored once already
# The ways of choosing a token that the report compares.
CHOICES: dict[str, dict[str, float]] = {
    "greedy": {"temperature": 0.0, "top_k": 0, "top_p": 1.0},
    "temperature 1": {"temperature": 1.0, "top_k": 0, "top_p": 1.0},
    "temperature 0.7": {"temperature": 0.7, "top_k": 0, "top_p": 1.0},
    "top-k 40": {"temperature": 1.0, "top_k": 40, "top_p": 1.0},
    "nucleus 0.9": {"temperature": 1.0, "top_k": 0, "top_p": 0.9},
}


def stream_log_probs(run: Run, config: Config, tokens: Array) -> Array:
    """Natural log-probability of every token of a stream, each scored once: (tokens,).

    The state is carried across the whole stream; the first token follows an end token.
    """
    targets = tokens.astype(np.int64)
    inputs = np.concatenate(([0], targets[:-1]))
    states = initial_states(config, 1)
    scored = []
    for start in range(0, len(targets), config.chunk):
        part = slice(start, start + config.chunk)
        outputs = run("score", tokens=inputs[None, part], targets=targets[None, part], **states)
        scored.append(outputs["log_probs"][0])
        states = {name: outputs[f"next_{name}"] for name in states}
    return np.concatenate(scored).astype(np.float64)


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
    scored = []
    step = max(1, config.chunk // width)
    for start in range(0, count, step):
        rows = slice(start, start + step)
        states = initial_states(config, len(inputs[rows]))
        outputs = run("score", tokens=inputs[rows], targets=targets[rows], **states)
        scored.append(outputs["log_probs"])
    return np.concatenate(scored).astype(np.float64)


def line_log_probs(run: Run, config: Config, rows: Array) -> Array:
    """Natural log-probability of lines (rows, time), each from a fresh state and filled up with -1.

    What fills a row up comes after all that counts, and a language model does not look ahead.
    """
    totals = []
    step = max(1, config.chunk // rows.shape[1])
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        targets = np.maximum(part, 0)
        tokens = np.concatenate((np.zeros_like(targets[:, :1]), targets[:, :-1]), axis=1)
        states = initial_states(config, len(part))
        log_probs = run("score", tokens=tokens, targets=targets, **states)["log_probs"]
        totals.append((log_probs * (part >= 0)).sum(1, dtype=np.float64))
    return np.concatenate(totals)


def generate(
    run: Run, config: Config, prompt: list[int], length: int, choice: dict[str, float], seed: int
) -> list[int]:
    """``length`` token ids that follow a prompt of ids."""
    rng = np.random.default_rng(seed)
    states = initial_states(config, 1)
    fed, chosen = [0, *prompt], []
    for _ in range(length):
        outputs = run("next", tokens=np.array([fed], np.int64), **states)
        states = {name: outputs[f"next_{name}"] for name in states}
        drawn = run(
            "sample",
            log_probs=outputs["log_probs"],
            temperature=np.array([choice["temperature"]], np.float32),
            top_k=np.array([choice["top_k"]], np.int64),
            top_p=np.array([choice["top_p"]], np.float32),
            uniform=rng.random(1, np.float32),
        )
        fed = [int(drawn["token"][0])]
        chosen += fed
    return chosen


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
    prompt = data.encoding("text").ids(config.prompt)
    choice = CHOICES["temperature 0.7"]
    ids = generate(run, config, prompt, config.sample_tokens, choice, seed=1)
    return {"continuation": np.array(ids, np.int64)}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Generated texts, text after every epoch, and the loss by frequency of the token."""
    prompt = data.encoding("text").ids(config.prompt)
    texts = [
        config.prompt
        + " … "
        + _text(data, generate(run, config, prompt, config.sample_tokens, c, 1))
        for c in CHOICES.values()
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
