"""BLEU of tokens (Papineni et al. 2002), one reference a guess, and what captions are judged by."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

ORDERS = (1, 2, 3, 4)
Tokens = Sequence[str]


def corpus_bleu(guesses: Sequence[Tokens], references: Sequence[Tokens], order: int) -> float:
    """BLEU-n in percent: clipped n-gram precisions up to ``order``, evenly weighted, not smoothed.

    Sections 2.1 and 2.2 of the paper: counts are summed over the corpus, and a corpus of guesses
    that is shorter than its references is made to pay for it. Zero if any order has no match.
    """
    matches, totals = np.zeros(order), np.zeros(order)
    for guess, reference in zip(guesses, references, strict=True):
        for n in range(1, order + 1):
            given, wanted = _grams(guess, n), _grams(reference, n)
            matches[n - 1] += (given & wanted).total()
            totals[n - 1] += given.total()
    if not matches.all():
        return 0.0
    guessed, wished = sum(map(len, guesses)), sum(map(len, references))
    brevity = min(0.0, 1 - wished / guessed)
    return 100 * float(np.exp(brevity + np.log(matches / totals).mean()))


def _grams(tokens: Tokens, n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def caption_metrics(guesses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Exact match of strings and BLEU-1 to BLEU-4 of their words, in percent."""
    same = [g == r for g, r in zip(guesses, references, strict=True)]
    words, wanted = [g.split() for g in guesses], [r.split() for r in references]
    return {
        "exact_match_percent": 100 * float(np.mean(same)),
        **{f"bleu_{n}_percent": corpus_bleu(words, wanted, n) for n in ORDERS},
    }
