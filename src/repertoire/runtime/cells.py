"""What a cell of somebody's table says: no value, or a number as people write it.

The same for the tables that models are trained on and for the rows that they are asked about.
"""

from __future__ import annotations

import re

MISSING = frozenset(  # lower case; what common programs write where a value is not known
    ("", "-", "--", "–", "—", ".", "?", "na", "n/a", "#n/a", "nan", "nil", "none", "null", "<na>")
)
_UNIT = r"[$€£¥%]"
AFFIXES = re.compile(rf"^{_UNIT}\s*|\s*{_UNIT}$")
MINUS = str.maketrans({"−": "-", "\u2011": "-", "’": "'"})
# Thousands are grouped by threes; a space of any width and an apostrophe group them as well.
GROUP = r"[\s']"
_EXPONENT = r"(?:[eE][+-]?\d+)?"


def _pattern(decimal: str, grouping: str) -> re.Pattern[str]:
    whole = rf"(?:\d+|[1-9]\d{{0,2}}(?:(?:{grouping}|{GROUP})\d{{3}})+)"
    fraction = rf"{re.escape(decimal)}\d*"
    return re.compile(rf"[+-]?(?:{whole}(?:{fraction})?|{re.escape(decimal)}\d+){_EXPONENT}")


PATTERNS = {".": _pattern(".", ","), ",": _pattern(",", r"\.")}
"""Decimal mark -> a bare number."""


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value, in any case."""
    return text.strip().lower() in MISSING


def bare(text: str) -> str:
    """Without spaces around, currency and per cent signs; the minus of printers as "-"."""
    return AFFIXES.sub("", text.strip().translate(MINUS))


def value(text: str, decimal: str) -> float:
    """Of a bare number that fits the pattern of its decimal mark."""
    grouping = "," if decimal == "." else "."
    return float(re.sub(GROUP, "", text).replace(grouping, "").replace(decimal, "."))


def number(text: str, decimal: str) -> float | None:
    """The number that a cell says, None where it says none."""
    found = bare(text)
    return value(found, decimal) if PATTERNS[decimal].fullmatch(found) else None
