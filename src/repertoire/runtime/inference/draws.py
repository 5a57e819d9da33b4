"""Tokens of many rows drawn as the graph `sample` draws them, most of them without it.

The graph sorts a whole vocabulary with the tokens beside the numbers, which takes it half a
millisecond a row of 10,000 words and more, whatever the number of rows. Here the numbers are sorted
alone, in a twentieth of the time, and one token is looked up. Sums of float32 decide where one
token ends and the next begins, and those here differ from the graph's in their last bits: a row
whose random number is near such a place is drawn by the graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from repertoire.runtime.signature import Array, Arrays, Run

LEAST = 512  # tokens from which on it pays not to ask the graph
CELLS = 2**16  # rows x tokens at once, so that they stay in the processor's cache
DOUBT = 2.0**-20  # of probability; measured, sums of 10,000 words differ by a quarter at most


def without(log_probs: Array, token: int, rows: Sequence[int] | slice = slice(None)) -> Array:
    """A copy in which a token cannot be drawn in some rows."""
    masked = log_probs.copy()
    masked[rows, token] = np.finfo(masked.dtype).min  # finite, as everything that goes into a graph
    return masked


class Draws:
    """Draws a token of each row: that which the graph `sample` draws."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._alike = True  # as far as it is known, the graph draws by the rules of ``estimated``

    def __call__(self, log_probs: Array, uniform: Array, choice: Arrays, first: Array) -> Array:
        """int64 (rows,), given `log_probs` (rows, vocabulary) and the other inputs of the graph.

        The graph draws the rows that are their text's `first`, and those in doubt. It refuses what
        its ports do not take, and tells whether it draws as expected: if not, it draws them all.
        """
        tokens = self._estimated(log_probs, uniform, choice)
        rest = first | (tokens < 0)
        if not rest.any():
            return tokens
        drawn = tokens.copy()
        own = {name: each[rest] for name, each in choice.items()}
        inputs = {"log_probs": log_probs[rest], "uniform": uniform[rest], **own}
        drawn[rest] = self._run("sample", "token", **inputs)["token"]
        if ((tokens != drawn) & (tokens >= 0)).any():
            self._alike = False
            return self(log_probs, uniform, choice, first)
        return drawn

    def _estimated(self, log_probs: Array, uniform: Array, choice: Arrays) -> Array:
        tokens, vocabulary = np.full(len(log_probs), -1), log_probs.shape[1]
        if vocabulary < LEAST or not self._alike:
            return tokens
        size = max(1, CELLS // vocabulary)
        for start in range(0, len(tokens), size):
            rows = slice(start, start + size)
            own = {name: each[rows] for name, each in choice.items()}
            tokens[rows] = estimated(log_probs[rows], uniform[rows], **own)
        return tokens


def estimated(
    log_probs: Array, uniform: Array, temperature: Array, top_k: Array, top_p: Array
) -> Array:
    """The token of each row, or -1 where the graph may draw another one."""
    with np.errstate(over="ignore"):  # of what cannot be drawn
        scaled = log_probs / np.maximum(temperature, np.float32(1e-4))[:, None]
    greedy = temperature == 0
    if greedy.all():
        return scaled.argmax(1)
    ordered = np.sort(scaled, axis=1)[:, ::-1]
    probs = np.exp(ordered - ordered[:, :1])
    probs /= probs.sum(1, keepdims=True)
    summed = probs.cumsum(1)
    count, sure = _kept(summed - probs, top_k, top_p)
    rows = np.arange(len(count))
    threshold = uniform * summed[rows, count - 1]
    place = np.minimum((summed <= threshold[:, None]).sum(1), count - 1)
    sure &= summed[rows, place] - threshold > DOUBT
    sure &= (place == 0) | (threshold - summed[rows, place - 1] > DOUBT)
    place[greedy] = 0
    return np.where(sure | greedy, _columns(scaled, ordered, place), -1)


def _kept(before: Array, top_k: Array, top_p: Array) -> tuple[Array, Array]:
    """How many of the likeliest tokens may be drawn, and whether it is surely the same number.

    As in the graph, what comes after a sum of 1 by its rounding cannot be drawn.
    """
    share = top_p[:, None]
    count, sure = np.maximum((before < share).sum(1), 1), top_p >= 1
    if not sure.all():
        sure = sure | ~(np.abs(before[:, 1:] - share) < DOUBT).any(1)
    return np.where(top_k > 0, np.minimum(count, top_k), count), sure


def _columns(values: Array, ordered: Array, place: Array) -> Array:
    """Where in each row of `values` the one stands that comes at `place` in order."""
    rows = np.arange(len(values))
    wanted = ordered[rows, place]
    found = values == wanted[:, None]
    columns = found.argmax(1)
    for row in np.flatnonzero((place > 0) & (ordered[rows, place - 1] == wanted)):  # of equal ones
        columns[row] = np.flatnonzero(found[row])[place[row] - (values[row] > wanted[row]).sum()]
    return columns
