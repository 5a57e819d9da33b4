"""Who rated what, as in MovieLens (Harper and Konstan 2015), read as likes and nothing else.

Two protocols. *Strong generalisation* (Liang et al. 2018, section 4.1): users are held out; a net
is told most likes of a user it has never seen, and has to find the others. *Weak generalisation*:
the likes of each user are divided, so that all users are known from training.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from repertoire.config import Count, NonNegative, Seed, Share
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, SourceError, members
from repertoire.data.validation import Expectation, expect

KIND = "interactions"
HISTORY, TARGET, IGNORED = ROLES = ("history", "target", "ignored")


@dataclass(frozen=True)
class Config:
    """``ratings`` and ``items`` are members of the sources of these names; None: the file itself.

    A rating of ``threshold`` or more is a like; users with fewer likes than ``least`` are left out.
    ``target_share`` is the part of a held-out user's likes that is to be found, and the other
    shares are of users. None divides the likes of every user instead, and they are shares of these.
    """

    layout: Literal["movielens", "recbole"]
    ratings: str | None
    items: str | None
    threshold: NonNegative
    least: Count
    seed: Seed
    valid_share: Share
    test_share: Share
    target_share: Share | None


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a rating; ``role`` says whether it is told, to be found, or no like."""
    table = _ratings(config, files["ratings"])
    table = table.merge(_titles(config, files["items"]), on="item", how="left")
    liked = table["rating"] >= config.threshold
    liked &= liked.groupby(table["user"]).transform("sum") >= config.least
    table["liked"] = liked.astype(int)
    likes = liked.groupby(table["user"]).transform("sum")
    place = _places(table["user"][liked], config.seed).reindex(table.index)
    if config.target_share is None:
        tests, valids = (np.round(s * likes) for s in (config.test_share, config.valid_share))
        held = [place < tests, place < tests + valids]
        table["split"] = np.select(held, ["test", "valid"], "train")
        target = table["split"] != "train"
        table["key"] = table["user"].astype(str) + " " + table["item"].astype(str)
    else:
        table["split"] = _split_of_users(config, table["user"], liked)
        wanted = np.maximum(1, np.round(config.target_share * likes))
        target = (table["split"] != "train") & (place < wanted)
        table["key"] = table["user"].astype(str)
    table["role"] = np.select([~liked, target], [IGNORED, TARGET], HISTORY)
    return table


def _places(owners: "pd.Series[Any]", seed: int) -> "pd.Series[Any]":
    """The place of each like in a random order of its owner's.

    It is the order in which pandas samples the rows of a user, from its end: dividing ratings gives
    the parts of the stratified splitter of the library Recommenders for the same seed.
    """
    places = pd.Series(0, owners.index)
    for rows in owners.groupby(owners).groups.values():
        order = np.random.RandomState(seed).permutation(len(rows))
        places[rows] = np.argsort(order[::-1])
    return places


def _split_of_users(
    config: Config, users: "pd.Series[Any]", liked: "pd.Series[bool]"
) -> "pd.Series[Any]":
    """Splits by one random order of the users with likes; whoever has none trains nothing."""
    distinct = np.sort(users[liked].unique())
    order = np.random.default_rng((config.seed, 1)).permutation(len(distinct))
    tests, valids = (round(s * len(order)) for s in (config.test_share, config.valid_share))
    splits = np.select([order < tests, order < tests + valids], ["test", "valid"], "train")
    return users.map(dict(zip(distinct, splits, strict=True))).fillna("train")


def _ratings(config: Config, path: Path) -> pd.DataFrame:
    return _read(path, config.ratings, "\t", config.layout == "recbole", ["user", "item", "rating"])


def _titles(config: Config, path: Path) -> pd.DataFrame:
    """Item and title with its year; the second item of one title is told apart by its number."""
    if config.layout == "recbole":
        table = _read(path, config.items, "\t", True, ["item", "title", "year"])
        year = table["year"].astype("string").fillna("")
        table["title"] = table["title"].where(year == "", table["title"] + " (" + year + ")")
    else:
        table = _read(path, config.items, "|", False, ["item", "title"])
    twice = table["title"].str.lower().duplicated()
    table.loc[twice, "title"] += " [" + table["item"].astype(str) + "]"
    return table[["item", "title"]]


def _read(path: Path, member: str | None, mark: str, head: bool, names: list[str]) -> pd.DataFrame:
    """The first columns of a file with ``mark`` between them."""
    content = path.read_bytes()
    if member is not None:
        [(_, content)] = members(path, member)
    try:
        return pd.read_csv(
            io.BytesIO(content),
            sep=mark,
            header=0 if head else None,
            names=names,
            usecols=list(range(len(names))),
            dtype={"title": str, "year": str},
            encoding="utf-8" if head else "latin-1",
            quoting=csv.QUOTE_NONE,
        )
    except ValueError as error:
        raise SourceError(f"{path}: {member or 'it'} is no table ({error})") from error


def expectations(config: Config) -> list[Expectation]:
    """Stars, titles, no rating twice; the common check of keys keeps users, or ratings, apart."""
    return [
        expect(
            "a rating is half a star to five",
            "ExpectColumnValuesToBeBetween",
            column="rating",
            min_value=0.5,
            max_value=5,
        ),
        expect(
            "nobody rates an item twice",
            "ExpectCompoundColumnsToBeUnique",
            column_list=["user", "item"],
        ),
        expect(
            "a title is not blank", "ExpectColumnValuesToMatchRegex", column="title", regex=r"\S"
        ),
        expect(
            "a rating is told, to be found or ignored",
            "ExpectColumnValuesToBeInSet",
            column="role",
            value_set=list(ROLES),
        ),
        expect(
            "a tenth of the ratings or more are likes",
            "ExpectColumnMeanToBeBetween",
            column="liked",
            min_value=0.1,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """``history`` and ``targets`` int32 (users, most) of item numbers from 1, padded with 0.

    The catalogue holds what training users like. A held-out like of anything else cannot be told,
    and stays a target that nobody finds: its number is one above the catalogue.
    """
    told = {split: _parts(config, table, split) for split in SPLITS}
    seen = told["train"][0].drop_duplicates("item").sort_values("item")
    numbers = {item: n for n, item in enumerate(seen["item"], 1)}
    arrays = {split: _arrays(numbers, *parts) for split, parts in told.items()}
    targets = arrays["test"]["targets"]
    facts = {
        "items": len(numbers),
        "generalisation": "weak" if config.target_share is None else "strong",
        "threshold": config.threshold,
        "users": {split: len(arrays[split]["history"]) for split in SPLITS},
        "likes": {split: sum(map(len, parts)) for split, parts in told.items()},
        "unknown_share_test": round(float((targets > len(numbers)).sum() / (targets > 0).sum()), 5),
    }
    users = {split: {"user": [*map(str, _users(parts[0]))]} for split, parts in told.items()}
    catalogue = {"kind": "catalogue", "titles": seen["title"].to_list(), "pad": 0, "first": 1}
    return Encoded(arrays, facts, {"items": catalogue}, users)


def _parts(config: Config, table: pd.DataFrame, split: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The likes that are told of a split's users, and those that are to be found."""
    likes = table[table["role"] != IGNORED]
    own = likes[likes["split"] == split]
    if config.target_share is not None:
        return own[own["role"] == HISTORY], own[own["role"] == TARGET]
    if split == "train":
        return own, own[:0]
    # Whoever has nothing to be found is no user of the split.
    before = likes[likes["split"].isin(SPLITS[: SPLITS.index(split)])]
    return before[before["user"].isin(own["user"])], own


def _users(part: pd.DataFrame) -> Array:
    return np.sort(part["user"].unique())


def _arrays(numbers: dict[int, int], told: pd.DataFrame, wanted: pd.DataFrame) -> Arrays:
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
