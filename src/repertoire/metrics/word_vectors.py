"""How well vectors of words agree with people and with grammar; pure functions of arrays."""

import numpy as np

from repertoire.contract import Array, Arrays

BLOCK = 256  # questions whose cosines with the whole vocabulary are held at once


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


def analogy_accuracy(vectors: Array, questions: Array, first: int) -> float:
    """Share of questions a : b = c : d whose d is nearest to b - a + c among unit vectors.

    3CosAdd (Mikolov et al. 2013a, section 4.1): a, b, c and ids below ``first`` are no answers.
    """
    unit = unit_rows(vectors)
    right = 0
    for start in range(0, len(questions), BLOCK):
        part = questions[start : start + BLOCK]
        a, b, c, d = part.T
        cosines = (unit[b] - unit[a] + unit[c]) @ unit.T
        cosines[:, :first] = -np.inf
        np.put_along_axis(cosines, part[:, :3], -np.inf, axis=1)
        right += int(np.sum(cosines.argmax(1) == d))
    return right / max(1, len(questions))


def judged_sets(arrays: Arrays) -> list[str]:
    """Names of the sets of judged pairs among the arrays of a split."""
    return sorted(key.removesuffix("_pairs") for key in arrays if key.endswith("_pairs"))


def judged_metrics(vectors: Array, arrays: Arrays, first: int) -> dict[str, float]:
    """Spearman's correlation of cosines with human means a set, and analogies, in percent."""
    unit = unit_rows(vectors.astype(np.float64))
    metrics = {}
    for name in judged_sets(arrays):
        pairs = arrays[f"{name}_pairs"]
        cosines = (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1)
        value = spearman(cosines, arrays[f"{name}_scores"])
        metrics[f"{name}_spearman_percent"] = 100 * value
    accuracy = analogy_accuracy(vectors, arrays["analogies"], first)
    return {**metrics, "analogies_percent": 100 * accuracy}


def negative_sampling_nats(positive: Array, mask: Array, negative: Array, negatives: int) -> float:
    """Mean loss of a pair in nats: -log s(positive) - negatives * E[log s(-noise)].

    positive and mask (words, pairs) hold the logits of neighbours and which of them are real,
    negative (words, draws) those of noise words; s is the logistic function.
    """
    pairs = mask.sum(1)
    near = np.logaddexp(0, -positive.astype(np.float64)) * mask
    far = np.logaddexp(0, negative.astype(np.float64)).mean(1) * pairs
    return float((near.sum() + negatives * far.sum()) / pairs.sum())
