"""URIs of registries in messages: without what is secret in them."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(?<=://)[^/\s]\S*@")
_SECRET = re.compile(r"((?:password|passwd|pwd|token|secret|key)\w*=)[^&;\s]+", re.IGNORECASE)


def masked(text: str) -> str:
    """The text with user names, passwords and tokens of all its URIs replaced by `***`."""
    return _SECRET.sub(r"\1***", _LOGIN.sub("***@", text))
