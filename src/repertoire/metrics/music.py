"""How well frames of notes are foretold."""

from repertoire.contract import Array


def frame_accuracy_percent(guessed: Array, played: Array) -> float:
    """Hits a hit, miss and false alarm over all frames and notes (Bay et al. 2009, equation 5).

    Both are 0 or 1 of the same shape. Silence that is rightly foretold counts for nothing.
    """
    hits = int((guessed & played).sum())
    return 100 * hits / max(1, int((guessed | played).sum()))
