"""How well frames of notes are foretold."""

from repertoire.contract import Array


def frame_accuracy_percent(guessed: Array, played: Array) -> float:
    """Hits a hit, miss and false alarm over all frames and notes (Bay et al. 2009, equation 5).

    Both are 0 or 1 of the same shape. Silence that is rightly foretold counts for nothing.
    """
    return accuracy_percent((guessed & played).sum(), (guessed | played).sum())


def accuracy_percent(hits: int, either: int) -> float:
    """The same of counts: of notes both foretold and played, and of notes that are either."""
    return 100 * float(hits) / max(1.0, float(either))
