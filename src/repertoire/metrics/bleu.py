"""BLEU of tokens (Papineni et al. 2002) and what captions are judged by."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

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
    matches, totals = np.zeros(order), np.zeros(order)
    wished = 0
    for guess, wanted in zip(guesses, references, strict=True):
        wished += min((abs(len(w) - len(guess)), len(w)) for w in wanted)[1]
        for n in range(1, order + 1):
            given, most = _grams(guess, n), Counter[tuple[str, ...]]()
            for reference in wanted:
                most |= _grams(reference, n)
            matches[n - 1] += (given & most).total()
            totals[n - 1] += given.total()
    if not matches.all():
        return 0.0
    brevity = min(0.0, 1 - wished / sum(map(len, guesses)))
    return 100 * float(np.exp(brevity + np.log(matches / totals).mean()))


def _grams(tokens: Tokens, n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def caption_metrics(
    guesses: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Exact match with any of the references and BLEU-1 to BLEU-4 of words, in percent."""
    same = [guess in wanted for guess, wanted in zip(guesses, references, strict=True)]
    words = [guess.split() for guess in guesses]
    wished = [[text.split() for text in wanted] for wanted in references]
    return {
        "exact_match_percent": 100 * float(np.mean(same)),
        **{f"bleu_{n}_percent": corpus_bleu(words, wished, n) for n in ORDERS},
    }
