"""BLEU of tokens (Papineni et al. 2002) and what captions are judged by."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric

EXACT_MATCH = Metric("exact_match_percent", "Exact match", "%", "higher")
CAPTION_METRICS = (EXACT_MATCH, Metric("bleu_{n:d}_percent", "BLEU-{n}", "%", "higher"))

ORDERS = (1, 2, 3, 4)
Tokens = Sequence[str]
# What an n-gram consists of; captions in scripts without spaces are compared by character.
Unit = Literal["word", "character"]


def corpus_bleu(
    guesses: Sequence[Tokens], references: Sequence[Sequence[Tokens]], order: int
) -> float:
    """BLEU-n in percent: clipped n-gram precisions up to ``order``, evenly weighted, not smoothed.

    Each guess has one or more references. Sections 2.1 and 2.2 of the paper: counts are summed over
    the corpus, an n-gram counts as often as the reference with most of it has it, and a corpus of
    guesses that is shorter than its references is made to pay for it; of several, the length of the
    nearest counts, the shorter of two as near. Zero if any order has no match.
    """
    return bleu_of_counts(bleu_counts(guesses, references), order)


def bleu_counts(guesses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> Array:
    """What BLEU sums over guesses: (guesses, 2 + 2 * orders).

    Lengths of the guess and of the nearest reference, then matches and n-grams of every order.
    """
    rows = []
    for guess, wanted in zip(guesses, references, strict=True):
        row = [len(guess), min((abs(len(w) - len(guess)), len(w)) for w in wanted)[1]]
        for n in ORDERS:
            given, most = _grams(guess, n), Counter[tuple[str, ...]]()
            for reference in wanted:
                most |= _grams(reference, n)
            row += [(given & most).total(), given.total()]
        rows.append(row)
    return np.array(rows)


def bleu_of_counts(counts: Array, order: int) -> float:
    """BLEU-n in percent of ``bleu_counts``."""
    sums = counts.sum(0).astype(float)
    matches, totals = sums[2 : 2 + 2 * order : 2], sums[3 : 3 + 2 * order : 2]
    if not matches.all():
        return 0.0
    brevity = min(0.0, 1 - sums[1] / sums[0])
    return 100 * float(np.exp(brevity + np.log(matches / totals).mean()))


def _grams(tokens: Tokens, n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def split_into(unit: Unit, text: str) -> Tokens:
    """The words of a text, or its characters but for spaces."""
    words = text.split()
    return words if unit == "word" else list("".join(words))


def caption_metrics(
    guesses: Sequence[str],
    references: Sequence[Sequence[str]],
    unit: Unit = "word",
    left_out: Collection[str] = (),
) -> dict[str, float]:
    """Exact match with any of the references and BLEU-1 to BLEU-4, in percent.

    ``left_out`` names metrics that mean nothing for these references.
    """
    measurement = caption_measurement(guesses, references, unit, left_out)
    return measurement.measure(np.arange(len(guesses)))


def caption_measurement(
    guesses: Sequence[str],
    references: Sequence[Sequence[str]],
    unit: Unit = "word",
    left_out: Collection[str] = (),
) -> Measurement:
    """The same, by image."""
    same = np.array([guess in wanted for guess, wanted in zip(guesses, references, strict=True)])
    tokens = [split_into(unit, guess) for guess in guesses]
    wanted = [[split_into(unit, text) for text in row] for row in references]
    counts = bleu_counts(tokens, wanted)
    orders = [n for n in ORDERS if f"bleu_{n}_percent" not in left_out]

    def measure(rows: Array) -> dict[str, float]:
        return {
            "exact_match_percent": 100 * float(same[rows].mean()),
            **{f"bleu_{n}_percent": bleu_of_counts(counts[rows], n) for n in orders},
        }

    return Measurement(len(guesses), measure)
