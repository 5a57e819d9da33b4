"""How well vectors of words agree with people and with grammar; pure functions of arrays."""

import numpy as np

from repertoire.contract import Array, Arrays, Measurement
from repertoire.measured import Metric
from repertoire.metrics.uncertainty import values

JUDGED_METRICS = (
    Metric("wordsim353_spearman_percent", "Rank correlation, WordSim-353", "%", "higher"),
    Metric("simlex999_spearman_percent", "Rank correlation, SimLex-999", "%", "higher"),
    Metric("analogies_percent", "Analogies answered", "%", "higher"),
)

BLOCK = 256  # questions whose cosines with the whole vocabulary are held at once
BLOCK_WORDS = 500  # neighbouring words of a text that count as one draw


def average_ranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def spearman(first: Array, second: Array) -> float:
    """Rank correlation (Spearman 1904) in -1 to 1; nan where either is constant: undefined."""
    one, two = (r - r.mean() for r in map(average_ranks, (first, second)))
    scale = np.sqrt((one @ one) * (two @ two))
    return float(one @ two / scale) if scale > 0 else float("nan")


def unit_rows(vectors: Array) -> Array:
    """Rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)


def analogies_right(vectors: Array, questions: Array, first: int) -> Array:
    """Of each question a : b = c : d whether d is nearest to b - a + c among unit vectors.

    3CosAdd (Mikolov et al. 2013a, section 4.1): a, b, c and ids below ``first`` are no answers.
    """
    unit = unit_rows(vectors)
    right = np.zeros(len(questions), bool)
    for start in range(0, len(questions), BLOCK):
        part = questions[start : start + BLOCK]
        a, b, c, d = part.T
        cosines = (unit[b] - unit[a] + unit[c]) @ unit.T
        cosines[:, :first] = -np.inf
        np.put_along_axis(cosines, part[:, :3], -np.inf, axis=1)
        right[start : start + BLOCK] = cosines.argmax(1) == d
    return right


def judged_sets(arrays: Arrays) -> list[str]:
    """Names of the sets of judged pairs among the arrays of a split."""
    return sorted(key.removesuffix("_pairs") for key in arrays if key.endswith("_pairs"))


def judged_metrics(vectors: Array, arrays: Arrays, first: int) -> dict[str, float]:
    """Spearman's correlation of cosines with human means a set, and analogies, in percent."""
    return values(judged_measurements(vectors, arrays, first))


def judged_measurements(vectors: Array, arrays: Arrays, first: int) -> tuple[Measurement, ...]:
    """The metrics of ``judged_metrics`` by judged pair of each set, and by question."""
    unit = unit_rows(vectors.astype(np.float64))
    found = [_agreement(unit, arrays, name) for name in judged_sets(arrays)]
    right = analogies_right(vectors, arrays["analogies"], first)

    def answered(rows: Array) -> dict[str, float]:
        return {"analogies_percent": 100 * float(right[rows].sum()) / max(1, len(rows))}

    return (*found, Measurement(len(right), answered))


def _agreement(unit: Array, arrays: Arrays, name: str) -> Measurement:
    pairs, scores = arrays[f"{name}_pairs"], arrays[f"{name}_scores"]
    cosines = (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1)

    def measure(rows: Array) -> dict[str, float]:
        return {f"{name}_spearman_percent": 100 * spearman(cosines[rows], scores[rows])}

    return Measurement(len(pairs), measure)


def negative_sampling_nats(positive: Array, mask: Array, negative: Array, negatives: int) -> float:
    """Mean loss of a pair in nats: -log s(positive) - negatives * E[log s(-noise)].

    positive and mask (words, pairs) hold the logits of neighbours and which of them are real,
    negative (words, draws) those of noise words; s is the logistic function.
    """
    losses, pairs = _losses(positive, mask, negative, negatives)
    return float(losses.sum() / pairs.sum())


def negative_sampling_measurement(
    name: str, positive: Array, mask: Array, negative: Array, negatives: int
) -> Measurement:
    """That loss as ``name``, by blocks of neighbouring words, at least two of about BLOCK_WORDS."""
    parts = _losses(positive, mask, negative, negatives)
    blocks = max(2, round(len(positive) / BLOCK_WORDS))
    losses, pairs = (
        np.array([block.sum() for block in np.array_split(part, blocks)]) for part in parts
    )

    def measure(rows: Array) -> dict[str, float]:
        return {name: float(losses[rows].sum() / pairs[rows].sum())}

    return Measurement(blocks, measure)


def _losses(positive: Array, mask: Array, negative: Array, negatives: int) -> tuple[Array, Array]:
    """Of each word the loss of all its pairs, and how many they are."""
    pairs = mask.sum(1)
    near = (np.logaddexp(0, -positive.astype(np.float64)) * mask).sum(1)
    far = np.logaddexp(0, negative.astype(np.float64)).mean(1) * pairs
    return near + negatives * far, pairs
