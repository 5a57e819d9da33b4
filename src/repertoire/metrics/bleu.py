"""BLEU of tokens (Papineni et al. 2002) and what captions are judged by."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array, Measurement

ORDERS = (1, 2, 3, 4)
Tokens = Sequence[str]


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


def caption_metrics(
    guesses: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Exact match with any of the references and BLEU-1 to BLEU-4 of words, in percent."""
    return caption_measurement(guesses, references).measure(np.arange(len(guesses)))


def caption_measurement(guesses: Sequence[str], references: Sequence[Sequence[str]]) -> Measurement:
    """The same, by image."""
    same = np.array([guess in wanted for guess, wanted in zip(guesses, references, strict=True)])
    words = [guess.split() for guess in guesses]
    counts = bleu_counts(words, [[text.split() for text in wanted] for wanted in references])

    def measure(rows: Array) -> dict[str, float]:
        return {
            "exact_match_percent": 100 * float(same[rows].mean()),
            **{f"bleu_{n}_percent": bleu_of_counts(counts[rows], n) for n in ORDERS},
        }

    return Measurement(len(guesses), measure)
