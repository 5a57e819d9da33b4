"""Likes of users as arrays: what a net is told of each, and what it has to find.

A table has ``user``, ``item`` and ``title``, ``split`` and ``role``: told, to be found, or no like.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.kinds.interactions.baselines import left_out as models_left_out
from repertoire.kinds.interactions.metrics import left_out as metrics_left_out

if TYPE_CHECKING:
    import pandas as pd

HISTORY, TARGET, IGNORED = ROLES = ("history", "target", "ignored")


class Names(NamedTuple):
    """Names of users and items whose columns hold their places in these; ``longest`` history."""

    users: Array
    items: Array
    longest: int


def encode_likes(
    table: "pd.DataFrame", strong: bool, threshold: float | None, names: Names | None = None
) -> Encoded:
    """``history`` and ``targets`` int32 (users, most) of item numbers from 1, padded with 0.

    ``strong``: the users of a split are its own; else each has likes in all splits. The catalogue
    holds what training users like. A held-out like of anything else cannot be told, and stays a
    target that nobody finds: its number is one above the catalogue. ``threshold`` is the least
    rating that is a like, None where there are no ratings.
    """
    told = {split: _parts(table, split, strong) for split in SPLITS}
    seen = told["train"][0].drop_duplicates("item").sort_values("item")
    numbers = {item: n for n, item in enumerate(seen["item"], 1)}
    if names:
        told = {split: (_shortened(own, names), wanted) for split, (own, wanted) in told.items()}
    arrays = {split: _arrays(numbers, *parts) for split, parts in told.items()}
    targets = arrays["test"]["targets"]
    facts: dict[str, Any] = {
        "items": len(numbers),
        "generalisation": "strong" if strong else "weak",
        "threshold": threshold,
        "users": {split: len(arrays[split]["history"]) for split in SPLITS},
        "likes": {split: sum(map(len, parts)) for split, parts in told.items()},
        "unknown_share_test": round(float((targets > len(numbers)).sum() / (targets > 0).sum()), 5),
    }
    users = {split: {"user": _user_names(parts[0], names)} for split, parts in told.items()}
    catalogue = {"kind": "catalogue", "titles": seen["title"].to_list(), "pad": 0, "first": 1}
    if names:
        facts["left_out"] = {**models_left_out(len(numbers)), **metrics_left_out(len(numbers))}
        catalogue["ids"] = names.items[seen["item"].to_numpy()].tolist()
    return Encoded(arrays, facts, {"items": catalogue}, users)


def _parts(table: "pd.DataFrame", split: str, strong: bool) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """The likes that are told of a split's users, and those that are to be found."""
    likes = table[table["role"] != IGNORED]
    own = likes[likes["split"] == split]
    if strong:
        return own[own["role"] == HISTORY], own[own["role"] == TARGET]
    if split == "train":
        return own, own[:0]
    # Whoever has nothing to be found is no user of the split.
    before = likes[likes["split"].isin(SPLITS[: SPLITS.index(split)])]
    return before[before["user"].isin(own["user"])], own


def _shortened(told: "pd.DataFrame", names: Names) -> "pd.DataFrame":
    """The last likes of each user, ``longest`` at most: one long history would widen all rows."""
    return told[told.groupby("user").cumcount(ascending=False) < names.longest]


def _users(part: "pd.DataFrame") -> Array:
    return np.sort(part["user"].unique())


def _user_names(part: "pd.DataFrame", names: Names | None) -> list[str]:
    users = _users(part)
    return [*map(str, names.users[users] if names else users)]


def _arrays(numbers: dict[int, int], told: "pd.DataFrame", wanted: "pd.DataFrame") -> Arrays:
    users = _users(told)
    known = told[told["item"].isin(numbers)]
    arrays = {"history": _padded(users, known["user"], known["item"].map(numbers))}
    if len(wanted):
        unknown = len(numbers) + 1
        ids = wanted["item"].map(lambda item: numbers.get(item, unknown))
        arrays["targets"] = _padded(users, wanted["user"], ids)
    return arrays


def _padded(users: Array, owners: "pd.Series[Any]", ids: "pd.Series[Any]") -> Array:
    """int32 (users, most): the ids of each user in rising order, then zeros."""
    rows = np.searchsorted(users, owners.to_numpy())
    order = np.lexsort((ids.to_numpy(), rows))
    counts = np.bincount(rows, minlength=len(users))
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = np.zeros((len(users), counts.max()), np.int32)
    padded[rows[order], places] = ids.to_numpy()[order]
    return padded
