"""Likes of a table: from which rating on, in which order, and names of items that are unique."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from repertoire.config import ConfigError
from repertoire.contract import Array
from repertoire.data.doors import Fact
from repertoire.readers.helpers.tables.interaction_files import Interactions, Layout, Titles

if TYPE_CHECKING:
    import pandas as pd

SCALE = 21  # distinct ratings; what has more is a count


def least_like(
    ratings: "pd.Series[float]", layout: Layout, options: Mapping[str, str]
) -> tuple[float | None, str]:
    """The least rating that is a like, and why."""
    if "like" in options:
        try:
            given = float(options["like"])
        except ValueError:
            raise ConfigError(f"--like {options['like']}: give a number") from None
        if not (ratings >= given).any():
            most = f"the highest rating is {ratings.max():g}"
            raise ConfigError(f"--like {options['like']}: no row is a like; {most}")
        share = 100 * (ratings >= given).mean()
        return given, f"ratings of {given:g} or more, as --like says ({share:.0f} % of the rows)"
    if layout.rating is None:
        return None, "every row is a like, for there are no ratings"
    low, high, distinct = ratings.min(), ratings.max(), ratings.nunique()
    if distinct == 1:
        return None, f"every row is a like, for all ratings are {low:g}"
    spread = f"{layout.rating} goes from {low:g} to {high:g}"
    if low in (0, -1) and distinct <= 3 and high == 1:
        return 1.0, f"ratings of 1, for {spread}; otherwise: --like NUMBER"
    if low >= 0 and (distinct > SCALE or high > 100):
        least = float(ratings[ratings > 0].min())
        return (
            least,
            f"every row with {layout.rating} above 0, a count ({spread}); otherwise: --like NUMBER",
        )
    wanted = low + 0.7 * (high - low) if low < 0 else 0.7 * high
    least = float(ratings[ratings >= wanted].min())
    share = 100 * (ratings >= least).mean()
    return least, (
        f"ratings of {least:g} or more ({share:.0f} % of the rows), for {spread}; otherwise: "
        "--like NUMBER"
    )


def files_fact(layout: Layout, titles: Titles | None, found: Interactions) -> Fact:
    about = f"; a sample of {len(found.frame):,} was looked at" if found.sampled else ""
    rows = f"{'about ' if found.sampled else ''}{found.rows:,} rows"
    what = f"{', '.join(layout.files)}: {', '.join(found.formats)}, {rows}{about}"
    more = f"; names of items from {titles.file} ({titles.item}, {titles.title})" if titles else ""
    return Fact("files", what + more)


def unique_titles(items: Array, titles: Mapping[str, str]) -> list[str]:
    """Names of items; one that another has as well is told apart by the item."""
    import pandas as pd

    ids = pd.unique(pd.Series(items, dtype=object))
    known = {item: titles.get(str(item)) or str(item) for item in ids}
    counts = pd.Series(list(known.values()), dtype=object).str.casefold().value_counts()
    once = {i: t if counts[t.casefold()] == 1 else f"{t} [{i}]" for i, t in known.items()}
    return [once[item] for item in items]


def places(table: "pd.DataFrame", by_time: bool, seed: int) -> tuple[Array, Array]:
    """Of each like its place from the last of its user (0), and how many the user has.

    The order is that of time; without times a random one.
    """
    liked = np.flatnonzero(table["liked"].to_numpy() == 1)
    users = table["user"].cat.codes.to_numpy()
    drawn = np.random.default_rng((seed, 2)).random(len(table))
    time = table["time"].to_numpy() if by_time else drawn
    rows = liked[np.lexsort((drawn[liked], time[liked], users[liked]))]
    counts = np.bincount(users[rows], minlength=len(table["user"].cat.categories))
    ends = np.cumsum(counts)
    back = np.full(len(table), len(table))
    back[rows] = ends[users[rows]] - 1 - np.arange(len(rows))
    return back, counts[users]


class Leasts(Protocol):
    """How many likes a user and an item need, and how many items there may be."""

    @property
    def min_per_user(self) -> int: ...
    @property
    def min_per_item(self) -> int: ...
    @property
    def most_items(self) -> int: ...


def well_known(table: "pd.DataFrame", liked: Array, config: Leasts) -> Array:
    """Which likes are of users and items with enough of them."""
    users, items = (table[name].cat.codes.to_numpy() for name in ("user", "item"))
    kept = liked.copy()
    counts = np.bincount(items[kept], minlength=len(table["item"].cat.categories))
    if (counts > 0).sum() > config.most_items:
        most = np.argsort(-counts, kind="stable")[: config.most_items]
        kept &= np.isin(items, most)
    while True:
        before = int(kept.sum())
        kept &= np.bincount(items[kept], minlength=items.max() + 1)[items] >= config.min_per_item
        kept &= np.bincount(users[kept], minlength=users.max() + 1)[users] >= config.min_per_user
        if before in (int(kept.sum()), 0):
            return kept


def liked_rows(frame: "pd.DataFrame", like: float | None) -> Array:
    """Which rows are likes: bool (rows,)."""
    rating = frame["rating"]
    liked = rating >= like if like is not None else rating.notna()
    return np.asarray(liked)
