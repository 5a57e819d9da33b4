"""Accuracy and calibration of the classes given to texts; numpy alone."""

import re

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.data.text import WORDS
from repertoire.families.classifier.config import Config
from repertoire.kinds.labelled_texts.facts import Facts
from repertoire.metrics.classification import calibration, confusion, label_metrics
from repertoire.runtime.inference.rows import over_texts

DECILES = np.array([0.1, 0.5, 0.9])
SENTIMENTS = {"negative", "positive"}
TWINS = ("The food was good, not bad at all.", "The food was bad, not good at all.")


def predict(run: Run, config: Config, tokens: Array) -> Array:
    """tokens (rows, time) -> log-probabilities float64 (rows, classes), in nats."""
    texts = [row[row != 0] for row in tokens]
    return over_texts(run, "classify", texts, config.chunk)["log_probs"].astype(np.float64)


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Accuracy, area under the ROC curve, F1, calibration error and nats over texts drawn."""
    arrays, classes = data.arrays(split), data.facts["classes"]
    log_probs, labels = predict(run, config, arrays["tokens"]), arrays["labels"]

    def measure(rows: Array) -> dict[str, float]:
        return label_metrics(log_probs[rows], labels[rows], classes)

    return (Measurement(len(labels), measure),)


def _right(log_probs: Array, labels: Array) -> Array:
    """Probability that each text's own label got."""
    return np.exp(log_probs[np.arange(len(labels)), labels])


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """Deciles 1, 5 and 9 of the probability that validation texts' own labels got."""
    arrays = data.arrays("valid")
    right = _right(predict(run, config, arrays["tokens"]), arrays["labels"])
    return {"deciles": np.quantile(right, DECILES)}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Confusion, calibration, the way there, words, their order, first and hardest texts.

    Of sentiments also two sentences that differ in the order of their words alone.
    """
    arrays, texts = data.arrays("test"), data.texts("test")["text"]
    log_probs = predict(run, config, arrays["tokens"])
    classes, labels = data.facts["classes"], arrays["labels"]
    shown = np.arange(min(config.examples, len(labels)))
    hardest = np.argsort(_right(log_probs, labels), kind="stable")[: config.examples]
    return (
        _confusion(classes, log_probs, labels),
        _calibration(log_probs, labels),
        _course(snapshots["deciles"]),
        _words(run, config, data),
        _order(run, config, arrays, log_probs, data.facts["end"]),
        *([_probe(run, data)] if set(classes) == SENTIMENTS else []),
        _table(
            "first",
            f"The first {len(shown)} test texts, in the order of the data.",
            [(texts[i], classes[labels[i]], log_probs[i]) for i in shown],
            classes,
        ),
        _table(
            "hardest",
            f"The {len(hardest)} test texts whose own label got the least probability.",
            [(texts[i], classes[labels[i]], log_probs[i]) for i in hardest],
            classes,
        ),
    )


def _confusion(classes: list[str], log_probs: Array, labels: Array) -> Figure:
    counts = confusion(log_probs.argmax(1), labels, len(classes))
    totals = counts.sum(1)
    return Figure(
        "confusion",
        Kind.HEATMAP,
        "Share of the test texts of each label (rows) that were taken for each class (columns).",
        values=counts / np.maximum(totals, 1)[:, None],
        rows=[f"{name} ({total:,})" for name, total in zip(classes, totals, strict=True)],
        columns=list(classes),
    )


def _calibration(log_probs: Array, labels: Array) -> Figure:
    found = calibration(log_probs, labels)
    low = 1 / log_probs.shape[1]
    return Figure(
        "calibration",
        Kind.LINES,
        "How often a guess is right (test split), by how sure the net is of it; only bins that "
        f"hold texts, {', '.join(f'{count:,}' for count in found.counts)} of them.",
        columns=("mean probability of the guess", "share that is right"),
        lines=[
            Line("perfect calibration", [low, 1.0], [low, 1.0]),
            Line("net", found.confidence.tolist(), found.accuracy.tolist()),
        ],
    )


def _course(deciles: Array) -> Figure:
    epochs = [float(epoch) for epoch in range(1, len(deciles) + 1)]
    low, middle, high = deciles.T.tolist()
    return Figure(
        "while-training",
        Kind.LINES,
        "Probability of a validation text's own label after each epoch: the median, and a band "
        "that leaves out the lowest and the highest tenth.",
        columns=("epoch", "probability of the label"),
        lines=[Line("median", epochs, middle, low, high)],
    )


def shuffled(tokens: Array, end: int) -> Array:
    """tokens (rows, time) with what stands before each row's end in a random order."""
    draws = np.random.default_rng(0).random(tokens.shape)
    # What stays has larger keys, and a stable sort keeps it where it is.
    keys = np.where((tokens == end) | (tokens == 0), 1.0, draws)
    return np.take_along_axis(tokens, np.argsort(keys, axis=1, kind="stable"), axis=1)


def _order(run: Run, config: Config, arrays: Arrays, log_probs: Array, end: int) -> Figure:
    """What the order of tokens tells: a bag of single tokens cannot answer otherwise."""
    others = predict(run, config, shuffled(arrays["tokens"], end))
    rows = []
    for name, found in (("as written", log_probs), ("at random", others)):
        right = 100 * np.mean(found.argmax(1) == arrays["labels"])
        same = 100 * np.mean(found.argmax(1) == log_probs.argmax(1))
        rows.append((name, f"{right:.2f}", f"{same:.2f}"))
    return Figure(
        "order",
        Kind.TABLE,
        "The test texts as they are, and with the tokens of each in a random order.",
        columns=("tokens", "accuracy, %", "answered as before, %"),
        cells=rows,
    )


def twin_tokens(data: Data[Facts]) -> Array:
    """TWINS as the data set's texts are encoded: int64 (2, time)."""
    encoding = data.encoding("text")
    spaced = data.facts["level"] == "spaced"
    texts = [" ".join(re.findall(WORDS, text)) if spaced else text for text in TWINS]
    rows = [[*encoding.tokenizer.encode(text).ids, encoding.end] for text in texts]
    return np.array(rows, np.int64)


def _probe(run: Run, data: Data[Facts]) -> Figure:
    """What the net makes of two sentences that no bag of words can tell apart."""
    classes, tokens = data.facts["classes"], twin_tokens(data)
    log_probs = run("classify", tokens=tokens)["log_probs"]
    unknown = (tokens == data.facts["unknown"]).sum(1)
    cells = [
        (text, classes[int(row.argmax())], f"{np.exp(row.max()):.3f}", str(count))
        for text, row, count in zip(TWINS, log_probs, unknown, strict=True)
    ]
    kind = "characters" if data.facts["level"] == "character" else "words"
    return Figure(
        "probe",
        Kind.TABLE,
        "Two sentences that say the opposite. A bag of words cannot tell them apart, for both hold "
        "the same words: only what sees their order can answer each by itself.",
        columns=("text", "net", "probability", f"unknown {kind}"),
        cells=cells,
    )


def _words(run: Run, config: Config, data: Data[Facts]) -> Figure:
    """The words that, each as a text of its own, speak most for each class."""
    end, vocabulary = data.facts["end"], data.facts["vocabulary"]
    counts = np.bincount(data.arrays("train")["tokens"].ravel(), minlength=vocabulary)
    counts[: data.facts["unknown"] + 1] = 0  # signs that are no words
    known = np.flatnonzero(counts >= min(config.seen, counts.max()))
    alone = np.column_stack((known, np.full_like(known, end)))
    log_probs = predict(run, config, alone)
    encoding, columns = data.encoding("text"), []
    kind = "Characters" if data.facts["level"] == "character" else "Words"
    for number in range(log_probs.shape[1]):
        best = np.argsort(-log_probs[:, number], kind="stable")[: config.examples]
        shares = np.exp(log_probs[best, number])
        columns.append(
            [f"{encoding.token(known[i])} {p:.3f}" for i, p in zip(best, shares, strict=True)]
        )
    return Figure(
        "words",
        Kind.TABLE,
        f"{kind} that as a text of their own are most surely of a class, with its probability; "
        f"of the {len(known):,} that occur at least {config.seen} times in training.",
        columns=tuple(data.facts["classes"]),
        cells=list(zip(*columns, strict=True)),
    )


def _table(
    name: str, caption: str, rows: list[tuple[str, str, Array]], classes: list[str]
) -> Figure:
    cells = []
    for text, label, log_probs in rows:
        guess = classes[int(log_probs.argmax())]
        sure = f"{guess} {np.exp(log_probs.max()):.3f}"
        cells.append((text, label, sure, "✓" if guess == label else "✗"))
    return Figure(name, Kind.TABLE, caption, columns=("text", "label", "net", ""), cells=cells)
