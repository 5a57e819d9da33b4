"""Exact match, chrF and BLEU of greedy translations; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Run
from repertoire.families.seq2seq.config import Config
from repertoire.metrics.text import text_metrics


def translate(run: Run, config: Config, source: Array) -> Array:
    """source ids (rows, time) -> greedy target ids (rows, longest), padded with 0."""
    longest = np.array(config.longest, np.int64)
    result = np.zeros((len(source), config.longest), np.int64)
    # Sorted by length, so that a batch holds little padding.
    order = np.argsort((source != 0).sum(1), kind="stable")
    for start in range(0, len(order), config.chunk):
        rows = order[start : start + config.chunk]
        width = int((source[rows] != 0).sum(1).max())
        ids = source[rows, :width].astype(np.int64)
        tokens = run("translate", source=ids, max_length=longest)["tokens"]
        result[rows, : tokens.shape[1]] = tokens
    return result


def _texts(data: Data, name: str, rows: Array) -> list[str]:
    encoding = data.encoding(name)
    return [encoding.decode(row) for row in rows]


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """Corpus metrics of the whole split against the raw strings, in percent.

    An unknown token never counts as a match: references are not decoded from ids.
    """
    arrays = data.arrays(split)
    guesses = _texts(data, "target", translate(run, config, arrays["source"]))
    return text_metrics(guesses, data.texts(split)["target"])


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """Attention over the first validation pair, padded to the longest source and target."""
    arrays = data.arrays("valid")
    source, target = arrays["source"][:1], arrays["target"][:1]
    attention = run("score", source=source.astype(np.int64), target=target.astype(np.int64))
    return {"attention": attention["attention"][0]}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Attention maps, attention over training, and translations next to references."""
    arrays = data.arrays("test")
    rows = np.arange(min(config.examples, len(arrays["source"])))
    source = arrays["source"][rows]
    guesses = translate(run, config, source)
    maps = [
        _attention(run, data, source[i : i + 1], guesses[i : i + 1], f"attention-{i + 1}")
        for i in rows[:4]
    ]
    raw = data.texts("test")
    written = _texts(data, "target", guesses)
    table = Figure(
        "translations",
        Kind.TABLE,
        f"The first {len(rows)} test pairs, in the order of the data.",
        columns=("source", "greedy", "reference", ""),
        cells=[
            (s, g, r, "✓" if g == r else "✗")
            for s, g, r in zip(raw["source"], written, raw["target"], strict=False)
        ],
    )
    return (*maps, table)


def _attention(run: Run, data: Data, source: Array, guess: Array, name: str) -> Figure:
    source = source[:, source[0] != 0].astype(np.int64)
    guess = guess[:, guess[0] != 0]
    weights = run("score", source=source, target=guess)["attention"][0]
    return Figure(
        name,
        Kind.HEATMAP,
        "Where the decoder looks (columns: source) for each token it writes (rows).",
        values=weights,
        rows=[data.encoding("target").token(i) for i in guess[0]],
        columns=[data.encoding("source").token(i) for i in source[0]],
    )
