"""Models with codes: drawing them, decoding them, and arithmetic of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from repertoire.runtime.inference.rows import over_rows
from repertoire.runtime.signature import Array, Arrays, Run


def drawn(run: Run, count: int, seed: int) -> Array:
    """float32 (count, width): standard normal codes of the width that `decode` takes."""
    width = run.graph("decode").inputs[0].shape[1]
    assert isinstance(width, int)
    return np.random.default_rng(seed).standard_normal((count, width), np.float32)


def decoded(run: Run, codes: Array, labels: Arrays, rows: int) -> Array:
    """uint8 (codes, height, width) or (…, 3), at most `rows` in one run."""
    return over_rows(run, "decode", rows, "images", latents=codes, **labels)["images"]


def decoded_in_parts(run: Run, codes: Array, labels: Arrays, rows: int) -> Iterator[Array]:
    """The same, run by run."""
    for start in range(0, len(codes), rows):
        part = slice(start, start + rows)
        yield decoded(run, codes[part], {name: each[part] for name, each in labels.items()}, rows)


def encoded(run: Run, images: Array, labels: Arrays, rows: int) -> Array:
    """float32 (images, width): the first output of `encode`, which of a posterior is its mean."""
    first = run.graph("encode").outputs[0].name
    return over_rows(run, "encode", rows, first, images=images, **labels)[first]


def line(start: Array, end: Array, steps: int) -> tuple[Array, Array]:
    """Codes (steps, width) on a straight line with both ends, and which end, 0 or 1, is nearer.

    Half way it is the second.
    """
    share = np.linspace(0, 1, steps, dtype=np.float32)
    return (1 - share[:, None]) * start + share[:, None] * end, (share >= 0.5).astype(np.int64)
