"""How many pixels the images of one request may have together, before any is decoded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextvars import ContextVar

from repertoire.runtime.errors import TooLarge


class Budget:
    """`most` pixels for the images of one request."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def spend(self, pixels: int) -> None:
        """Raises TooLarge once there are more than the most."""
        self._left -= pixels
        if self._left < 0:
            remedy = "send fewer images, or smaller ones"
            raise TooLarge(f"the images have more than {self._most} pixels in all; {remedy}")


PIXELS: ContextVar[Budget | None] = ContextVar("pixels", default=None)
"""Of the request that is being answered; None outside of a server."""


def spend_pixels(size: Sequence[int]) -> None:
    """Of an image that is about to be decoded. Raises TooLarge."""
    budget = PIXELS.get()
    if budget is not None:
        budget.spend(math.prod(size))
