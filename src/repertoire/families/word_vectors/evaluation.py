"""Agreement with people, and the loss on unseen text; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.word_vectors.config import Config
from repertoire.kinds.word_vectors.facts import Facts
from repertoire.kinds.word_vectors.windows import FIRST, held_out_windows
from repertoire.metrics.word_vectors import (
    judged_measurements,
    judged_metrics,
    judged_sets,
    negative_sampling_measurement,
    unit_rows,
)
from repertoire.runtime.inference.rows import over_rows

DRAWS = 25  # noise words beside each held-out word
LETTERS, SKIPPED = 4, 100  # what counts as a content word; see ``frequent``


def all_vectors(run: Run, data: Data[Facts]) -> Array:
    """The vectors of the whole vocabulary: float32 (vocabulary, width)."""
    return run("embed", ids=np.arange(data.facts["vocabulary"], dtype=np.int64))["vectors"]


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Rank correlation with human means, analogies, and nats per pair of the split's text.

    Judged pairs and questions were drawn one by one, the text in passages.
    """
    arrays = data.arrays(split)
    counts = data.arrays("vocabulary")["counts"]
    found = held_out_nats(run, config, arrays["tokens"], counts)
    if not judged_sets(arrays):
        return (found,)
    return (*judged_measurements(all_vectors(run, data), arrays, FIRST), found)


def held_out_nats(run: Run, config: Config, tokens: Array, counts: Array) -> Measurement:
    """Mean loss of a pair of the text, thinned out and told from noise as in training."""
    words, around, noise = held_out_windows(tokens, counts, config.sampling, DRAWS)
    backwards = config.model == "cbow"
    given, told = (around, words[:, None]) if backwards else (words[:, None], around)
    candidates = np.concatenate((told, noise), axis=1)
    pairs = {"given": given, "candidates": candidates}
    logits = over_rows(run, "score", config.chunk, **pairs)["logits"]
    near, far = np.split(logits, [told.shape[1]], axis=1)
    name, negatives = f"{config.model}_nats", config.sampling.negatives
    return negative_sampling_measurement(name, near, told != 0, far, negatives)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The nearest word of each word in the table of neighbours."""
    ids = frequent(data, config.neighbours_of)
    return {"nearest": run("nearest", ids=ids)["top_ids"][:, 0]}


def frequent(data: Data[Facts], count: int) -> Array:
    """The most frequent words that are long enough to mean something: int64 (count,).

    Function words are short or among the SKIPPED most frequent; words of fewer than LETTERS
    letters, and those, are left out.
    """
    words = data.facts["words"]
    skipped, letters = min(SKIPPED, len(words) // 4), shortest(data)
    ids = [n for n in range(FIRST + skipped, len(words)) if len(words[n]) >= letters]
    return np.array(ids[:count], np.int64)


def shortest(data: Data[Facts]) -> int:
    """Letters of a content word: LETTERS, or fewer where half of the words are shorter."""
    lengths = [len(word) for word in data.facts["words"][FIRST:]]
    return min(LETTERS, max(1, int(np.median(lengths))))


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Neighbours, how the first changed, a map, distances, and agreement with people by set."""
    return (
        _neighbours(run, config, data),
        _while_training(config, data, snapshots),
        _map(run, config, data),
        _distances(run, config, data),
        *([_agreement(run, config, data)] if judged_sets(data.arrays("test")) else []),
    )


def _rule(data: Data[Facts]) -> str:
    skipped = min(SKIPPED, len(data.facts["words"]) // 4)
    return f"of {shortest(data)} letters or more, the {skipped} most frequent of all words left out"


def _neighbours(run: Run, config: Config, data: Data[Facts]) -> Figure:
    words, ids = data.facts["words"], frequent(data, config.neighbours_of)
    outputs = run("nearest", ids=ids)
    cells = []
    for word, top, cosines in zip(ids, outputs["top_ids"], outputs["cosines"], strict=True):
        listed = [f"{words[n]} {c:.2f}" for n, c in zip(top[:5], cosines[:5], strict=True)]
        cells.append((words[word], ", ".join(listed)))
    return Figure(
        "neighbours",
        Kind.TABLE,
        f"Nearest words by cosine of the {len(ids)} most frequent words {_rule(data)}.",
        columns=("word", "nearest, with cosine"),
        cells=cells,
    )


def _while_training(config: Config, data: Data[Facts], snapshots: Arrays) -> Figure:
    words, ids = data.facts["words"], frequent(data, config.neighbours_of)
    epochs = snapshots["nearest"]
    return Figure(
        "while-training",
        Kind.TABLE,
        "The nearest word of the same words after each epoch.",
        columns=("epoch", *(words[n] for n in ids)),
        cells=[(str(n), *(words[i] for i in row)) for n, row in enumerate(epochs, 1)],
    )


def _map(run: Run, config: Config, data: Data[Facts]) -> Figure:
    """The two directions in which the unit vectors of the words vary most."""
    ids = frequent(data, config.map_words)
    unit = unit_rows(run("embed", ids=ids)["vectors"].astype(np.float64))
    centred = unit - unit.mean(0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    # The sign of a direction is arbitrary: its largest part points up.
    signs = np.sign(directions[np.arange(2), np.abs(directions[:2]).argmax(1)])
    x, y = (centred @ directions[:2].T * signs).T.tolist()
    share = 100 * (spread[:2] ** 2).sum() / (spread**2).sum()
    named = [data.facts["words"][n] for n in ids]
    return Figure(
        "map",
        Kind.LINES,
        f"The {len(ids)} most frequent words {_rule(data)}, on the first two principal components "
        f"of their unit vectors, which hold {share:.0f} % of the variance.",
        columns=("first component", "second component"),
        lines=(Line("words", x, y, points=True, texts=named),),
    )


def _distances(run: Run, config: Config, data: Data[Facts]) -> Figure:
    """Why the map shows embeddings: one-hot vectors lie equally far apart; no map orders them."""
    ids = frequent(data, config.map_words)
    unit = unit_rows(run("embed", ids=ids)["vectors"].astype(np.float64))
    one, other = np.triu_indices(len(ids), 1)
    lines = []
    for label, vectors in (("one-hot", np.eye(len(ids))), ("embeddings, unit length", unit)):
        apart = np.sort(np.linalg.norm(vectors[one] - vectors[other], axis=1))
        shares = np.linspace(0, 1, 101)
        lines.append(Line(label, (100 * shares).tolist(), np.quantile(apart, shares).tolist()))
    return Figure(
        "distances",
        Kind.LINES,
        f"How far apart the words of the map are, over their {len(one):,} pairs from near to far. "
        "One-hot vectors are all √2 apart: they say that words differ, never how much, and any two "
        "of their dimensions hold two words alone.",
        columns=("pairs nearer than that, %", "distance"),
        lines=lines,
    )


def _agreement(run: Run, config: Config, data: Data[Facts]) -> Figure:
    arrays, vectors = data.arrays("test"), all_vectors(run, data)
    found = judged_metrics(vectors, arrays, FIRST)
    judged = data.facts["judged"]
    cells = []
    for name in judged_sets(arrays):
        count, total = len(arrays[f"{name}_pairs"]), judged[name]["all"]
        known = judged[name]["valid"] + judged[name]["test"]
        value = f"{found[f'{name}_spearman_percent']:.1f} %"
        # Rank correlations of unrelated rows scatter with 1 / (pairs - 1)^½.
        scatter = f"{100 / max(1, count - 1) ** 0.5:.1f}"
        cells.append((name, value, "undefined", f"{count}", scatter, f"{total - known} of {total}"))
    known, total = len(arrays["analogies"]), judged["analogies"]["all"]
    unknown = total - judged["analogies"]["valid"] - judged["analogies"]["test"]
    accuracy = f"{found['analogies_percent']:.1f} %"
    cells.append(("analogies", accuracy, "undefined", f"{known}", "–", f"{unknown} of {total}"))
    return Figure(
        "agreement",
        Kind.TABLE,
        "Spearman’s correlation with human means, and right answers to analogies, on the test "
        "half. One-hot vectors are all at right angles: every cosine is 0, so they have no ranks "
        "to correlate. Chance: how far the correlation of unrelated vectors scatters around 0.",
        columns=("set", "value", "one-hot", "test rows", "chance, ± %", "with an unknown word"),
        cells=cells,
    )
