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
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, one_member
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.interactions.encoding import (
    HISTORY,
    IGNORED,
    ROLES,
    TARGET,
    encode_likes,
)

KIND = "interactions"


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
        _, content = one_member(path, member)
    with expecting(path, f"a table{' in ' + member if member else ''}"):
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


def expectations(config: Config) -> list[Expectation]:
    """Titles, no rating twice; the common check of keys keeps users, or ratings, apart."""
    return [
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
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Likes by user, as ``kinds/interactions`` encodes them."""
    return encode_likes(table, config.target_share is not None, config.threshold)
