"""Names that people write, found whatever the form, the case and the spaces of their letters."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property

_SELECTORS = dict.fromkeys(range(0xFE00, 0xFE10))  # of how a sign is drawn


def folded(text: str) -> str:
    """Text as it is compared: without case, compatibility and invisible signs, single spaces.

    Compatibility caseless matching (Unicode Standard, 3.13, D146): letters in one code or two,
    full and half widths, ligatures and no-break spaces are the same.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
        text = unicodedata.normalize("NFKC", text.casefold()).translate(_SELECTORS)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(text.casefold().split())


class Names:
    """Numbers by name: spelled so, else the only one that is alike when both are folded."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Numbered from 0."""
        return cls({name: number for number, name in enumerate(names)})

    def find(self, given: str) -> int | None:
        """None where there is none, or where several are alike and none is spelled so."""
        exact = self._numbers.get(given)
        if exact is not None:
            return exact
        [number, *others] = self._alike.get(folded(given), {None})
        return None if others else number

    def near(self, given: str, most: int, cutoff: float = 0.6) -> list[int]:
        """Those of the names that look most like it, the best first, each once."""
        found = difflib.get_close_matches(folded(given), self._alike, most, cutoff)
        return list(dict.fromkeys(number for key in found for number in self._alike[key]))[:most]

    @cached_property
    def _alike(self) -> dict[str, set[int]]:
        alike: dict[str, set[int]] = {}
        for name, number in self._numbers.items():
            alike.setdefault(folded(name), set()).add(number)
        return alike
