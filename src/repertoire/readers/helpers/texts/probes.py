"""Questions beyond a test split: what was learned of a rule, and what of its examples alone."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np

from repertoire.contract import Array
from repertoire.readers.dates import FORMATS

Questions = list[tuple[str, str]]
ASKED = 1000
OTHER_FORMATS = ("27 September 1994", "Tue 27 Sep 1994", "09/27/1994")
FIRST, LAST = date(1970, 1, 1), date(2017, 7, 24)  # the days of the published file


def longer_terms(rng: np.random.Generator) -> Questions:
    """Sums of two numbers of four digits."""
    terms: Array = rng.integers(1000, 10000, (ASKED, 2))
    return [(f"{first}+{second}", str(first + second)) for first, second in terms]


def other_formats(rng: np.random.Generator) -> Questions:
    """Days and months in an order, and years in a length, in which no training date is written."""
    offsets = rng.integers(0, (LAST - FIRST).days + 1, ASKED)
    styles = rng.choice(OTHER_FORMATS, ASKED)
    days = [FIRST + timedelta(int(offset)) for offset in offsets]
    return [(FORMATS[s](d), d.isoformat()) for s, d in zip(styles, days, strict=True)]


PROBES: Mapping[str, Callable[[np.random.Generator], Questions]] = {
    "longer_terms": longer_terms,
    "other_formats": other_formats,
}
