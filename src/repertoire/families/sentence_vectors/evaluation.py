"""What the vector keeps of a sentence, and which sentences lie near; numpy alone."""

from functools import partial

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.sentence_vectors.config import Config
from repertoire.kinds.sentences.baselines import question_id
from repertoire.kinds.sentences.facts import Facts
from repertoire.kinds.sentences.metrics import (
    kept_measurement,
    lengths,
    nats_measurement,
    written_measurement,
)
from repertoire.metrics.word_vectors import unit_rows
from repertoire.runtime.inference.rows import over_rows


def embed(run: Run, config: Config, tokens: Array) -> Array:
    """tokens (rows, time) -> vectors float32 (rows, width)."""
    return over_rows(run, "embed", config.chunk, tokens=tokens)["vectors"]


def decode(run: Run, config: Config, vectors: Array, longest: int) -> Array:
    """vectors (rows, width) -> tokens (rows, longest), padded with 0."""
    limit = np.array(longest, np.int64)
    found = over_rows(run, "decode", config.chunk, vectors=vectors, max_length=limit)["tokens"]
    return np.pad(found, ((0, 0), (0, longest - found.shape[1])))


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Words written again in their places, nats per token, and what the vectors are good for."""
    tokens = data.arrays(split)["tokens"]
    written = decode(run, config, embed(run, config, tokens), tokens.shape[1])
    train = data.arrays("train")["tokens"]
    return (
        written_measurement(written, tokens, data.facts["unknown"]),
        _nats(run, config, tokens),
        kept_measurement(partial(embed, run, config), train, tokens, question_id(data)),
    )


def _nats(run: Run, config: Config, tokens: Array) -> Measurement:
    log_probs = over_rows(run, "score", config.chunk, tokens=tokens)["log_probs"]
    nats = -np.where(tokens != 0, log_probs.astype(np.float64), 0.0).sum(1)
    return nats_measurement(nats, lengths(tokens))


def spaced(rows: int, count: int) -> Array:
    """At most ``count`` row numbers, evenly spaced: nobody's choice."""
    return np.unique(np.linspace(0, rows - 1, min(count, rows)).astype(int))


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """How some validation sentences are written again."""
    tokens = data.arrays("valid")["tokens"]
    tokens = tokens[spaced(len(tokens), 4)]
    return {"written": decode(run, config, embed(run, config, tokens), data_time(data))}


def data_time(data: Data[Facts]) -> int:
    """Tokens of the longest training sentence, its end among them."""
    return int(data.arrays("train")["tokens"].shape[1])


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Nearest sentences, sentences written again, the way there, a map, and steps between two."""
    return (
        _nearest(run, config, data),
        _written(run, config, data),
        _while_training(data, snapshots),
        _map(run, config, data),
        _between(run, config, data),
    )


def _test(data: Data[Facts], count: int) -> tuple[Array, list[str]]:
    tokens, texts = data.arrays("test")["tokens"], data.texts("test")["text"]
    rows = spaced(len(tokens), count)
    return tokens[rows], [texts[n] for n in rows]


def _nearest(run: Run, config: Config, data: Data[Facts]) -> Figure:
    tokens, texts = _test(data, config.queries)
    found = run("nearest", tokens=tokens.astype(np.int64))
    known = data.facts["known"]
    cells = [
        (text, *(f"{known[n]} {c:.2f}" for n, c in zip(ids[:3], cosines[:3], strict=True)))
        for text, ids, cosines in zip(texts, found["top_ids"], found["cosines"], strict=True)
    ]
    columns = ("text", *("nearest", "second", "third")[: len(cells[0]) - 1])
    caption = (
        f"The nearest of {len(known):,} known sentences, with the cosine, of {len(texts)} test "
        "sentences evenly spaced."
    )
    return Figure("nearest", Kind.TABLE, caption, columns=columns, cells=cells)


def _written(run: Run, config: Config, data: Data[Facts]) -> Figure:
    tokens, texts = _test(data, config.examples)
    written = decode(run, config, embed(run, config, tokens), tokens.shape[1])
    right = (written == tokens).all(1)
    guesses = [data.encoding("text").decode(row) for row in written]
    return Figure(
        "written",
        Kind.TABLE,
        f"{len(texts)} test sentences, evenly spaced, as they are written again from their vector.",
        columns=("sentence", "written from its vector", ""),
        cells=[(t, g, "✓" if r else "✗") for t, g, r in zip(texts, guesses, right, strict=True)],
    )


def _while_training(data: Data[Facts], snapshots: Arrays) -> Figure:
    encoding, texts = data.encoding("text"), data.texts("valid")["text"]
    epochs = snapshots["written"]
    named = [texts[n] for n in spaced(len(texts), epochs.shape[1])]
    cells = [(str(n), *map(encoding.decode, rows)) for n, rows in enumerate(epochs, 1)]
    caption = "Validation sentences (head) as they are written from their vector after each epoch."
    return Figure("while-training", Kind.TABLE, caption, columns=("epoch", *named), cells=cells)


def _map(run: Run, config: Config, data: Data[Facts]) -> Figure:
    """The two directions in which the unit vectors of the sentences vary most."""
    tokens, texts = _test(data, config.map_sentences)
    unit = unit_rows(embed(run, config, tokens).astype(np.float64))
    centred = unit - unit.mean(0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    # The sign of a direction is arbitrary: its largest part points up.
    signs = np.sign(directions[np.arange(2), np.abs(directions[:2]).argmax(1)])
    x, y = (centred @ directions[:2].T * signs).T.tolist()
    share = 100 * (spread[:2] ** 2).sum() / (spread**2).sum()
    return Figure(
        "map",
        Kind.LINES,
        f"{len(texts)} test sentences, evenly spaced, on the first two principal components of "
        f"their unit vectors, which hold {share:.0f} % of the variance.",
        columns=("first component", "second component"),
        lines=(Line("sentences", x, y, points=True, texts=texts),),
    )


def _between(run: Run, config: Config, data: Data[Facts]) -> Figure:
    tokens, texts = _test(data, 4)
    cells, vectors = [], embed(run, config, tokens)
    shares = np.linspace(0, 1, config.between, dtype=np.float32)[:, None]
    for one in range(0, len(texts) - 1, 2):
        steps = (1 - shares) * vectors[one] + shares * vectors[one + 1]
        written = decode(run, config, steps, tokens.shape[1])
        lines = [data.encoding("text").decode(row) for row in written]
        ends = f"{texts[one]} → {texts[one + 1]}"
        cells += [(ends, f"{s[0]:.2f}", line) for s, line in zip(shares, lines, strict=True)]
    return Figure(
        "between",
        Kind.TABLE,
        "What is written from vectors on the straight line between those of two test sentences.",
        columns=("from and to", "share of the second", "written"),
        cells=cells,
    )
