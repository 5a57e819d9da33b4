"""Answers as JSON can spell them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from repertoire.runtime import images

_SPELLED = frozenset((str, int, float, bool, type(None)))


def plain(value: Any) -> Any:
    """An answer as JSON can spell it: images become PNG files, and files base64."""
    if type(value) in _SPELLED:  # as most values are
        return value
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return wire(value) if isinstance(value, bytes | np.ndarray) else value


def wire(value: Any) -> str:
    """The base64 of a file, or of the PNG file of an image uint8[height, width] or […, 3].

    Raises TypeError for anything else.
    """
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        value = images.png(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is nothing that an answer may hold")
