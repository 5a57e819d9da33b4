"""A stream as the units that standard errors need: neighbouring tokens depend on each other."""

import numpy as np

from repertoire.contract import Array, Measurement

BLOCK = 500  # tokens in a row


def in_blocks(values: Array, size: int = BLOCK) -> tuple[Array, Array]:
    """values (tokens,) -> their sums and their counts by blocks of ``size``, the last one shorter.

    A stream of fewer than two blocks is halved.
    """
    starts = np.arange(0, len(values), min(size, max(1, -(-len(values) // 2))))
    return np.add.reduceat(values, starts), np.diff(np.append(starts, len(values)))


def stream_measurement(log_probs: Array) -> Measurement:
    """Perplexity and nats per token of log-probabilities (tokens,) of a stream, by block."""
    nats, tokens = in_blocks(-log_probs)

    def measure(rows: Array) -> dict[str, float]:
        mean = float(nats[rows].sum() / tokens[rows].sum())
        return {"perplexity": float(np.exp(mean)), "nats_per_token": mean}

    return Measurement(len(nats), measure)
