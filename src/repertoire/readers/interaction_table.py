"""Who liked what, in anybody's tables: user and item, with or without ratings, times and titles.

CSV, TSV, JSON Lines and Parquet; MovieLens' files without header, separated by "::" or tabs; atomic
files of RecBole. Users are held out (Liang et al. 2018, section 4.1): a net is told the earlier
likes of a user whom it has never seen, and has to find the others. Where the files divide
interactions themselves (train, valid, test), their division holds, and all users are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Count, Seed, Share, parse
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import SAMPLE_BYTES, BadRowRule, BadRows, Fact, Proposal, bad_row_rule
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.interactions.baselines import suited
from repertoire.kinds.interactions.encoding import (
    HISTORY,
    IGNORED,
    ROLES,
    TARGET,
    Names,
    encode_likes,
)
from repertoire.readers.helpers.tables import columns as tables
from repertoire.readers.helpers.tables.columns import as_plain, whole_number
from repertoire.readers.helpers.tables.interaction_files import (
    Interactions,
    Layout,
    Titles,
    read_interactions,
    read_titles,
)
from repertoire.readers.helpers.tables.interaction_layout import found_layout
from repertoire.readers.helpers.tables.interaction_likes import (
    files_fact,
    least_like,
    liked_rows,
    places,
    unique_titles,
    well_known,
)

if TYPE_CHECKING:
    import pandas as pd

KIND = "interactions"
OPTIONS: Mapping[str, str] = {
    "user": "the column with the user",
    "item": "the column with the item",
    "rating": 'the column with the rating; "none" counts every row as a like',
    "time": "the column with the time, by which likes are ordered",
    "like": "the least rating that counts as liked",
    "item-title": "the column with the name of an item",
    "interactions": "the file with the interactions, where there are several",
    "items": "the file with the titles of items",
    "columns": "names of the columns, by commas, of interactions without a header",
    "item-columns": "the same of a file with titles",
    "min-per-user": "users with fewer likes are left out",
    "min-per-item": "items with fewer likes are left out",
    "encoding": "the encoding of the files, where it is not told rightly",
    "delimiter": "what stands between cells, where it is not told rightly",
    "on-bad-row": "fail (default) or drop: what happens to a row that cannot be used",
}
LEAST_USERS, LEAST_ITEMS = 20, 10
MOST_ITEMS = 20_000  # of a catalogue: a net has two maps of as many rows
MOST_HELD = 5_000  # users of a held-out split
CELLS = 2**25  # of the padded histories of all users
LEASTS = ((5, 5), (5, 3), (3, 3), (3, 2), (2, 1))  # likes of a user and of an item, tried in order
KEPT = 0.6  # share of the likes that the first of these should keep


@dataclass(frozen=True)
class Config:
    """What is read and which rows are likes.

    ``like`` is the least rating that is a like, None where every row is one. Users and items with
    fewer likes than the two least numbers are left out, over and over until none is; of the items
    the ``most_items`` with the most likes are kept. A history has the ``longest`` last likes.
    Shares are of users, ``target_share`` is that of a held-out user's likes that are to be found:
    the last ones where there are times. ``own_splits``: the files divide interactions.
    """

    layout: Layout
    titles: Titles | None
    like: float | None
    min_per_user: Count
    min_per_item: Count
    most_items: Count
    longest: Count
    own_splits: bool
    seed: Seed
    valid_share: Share
    test_share: Share
    target_share: Share
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> "pd.DataFrame":
    """One row an interaction; ``role`` says whether it is told, to be found, or no like."""
    bad = BadRows(config.bad_rows)
    found = read_interactions(config.layout, files["raw"], bad)
    table = _table(config, found, files["raw"])
    return bad.checked(table)


def _table(config: Config, found: Interactions, raw: Path) -> "pd.DataFrame":
    table = found.frame
    kept = well_known(table, liked_rows(table, config.like), config)
    table = table.assign(liked=kept.astype(int))
    if config.own_splits:
        split, target = _own_splits(config, table)
    else:
        split, target = _held_out(config, table)
    table["split"] = split
    table["role"] = np.select([~kept, target], [IGNORED, TARGET], HISTORY)
    names = np.asarray(table["user"].cat.categories, object)[table["user"].cat.codes]
    items = np.asarray(table["item"].cat.categories, object)[table["item"].cat.codes]
    pairs = names + " " + items.astype(str) if config.own_splits else names
    titles = read_titles(config.titles, raw) if config.titles else found.titles
    table["title"] = unique_titles(items, titles)
    table["key"] = pairs
    return table.drop(columns=["rating", "time", "own"])


def _held_out(config: Config, table: "pd.DataFrame") -> tuple[Array, Array]:
    """Splits by one random order of the users with likes, and the likes that are to be found."""
    liked, users = table["liked"].to_numpy() == 1, table["user"].cat.codes.to_numpy()
    distinct = np.unique(users[liked])
    order = np.random.default_rng((config.seed, 1)).permutation(len(distinct))
    tests, valids = (round(s * len(order)) for s in (config.test_share, config.valid_share))
    numbers = np.full(len(table["user"].cat.categories), 2)
    numbers[distinct] = np.select([order < tests, order < tests + valids], [0, 1], 2)
    split = np.array(["test", "valid", "train"], object)[numbers[users]]
    back, likes = places(table, bool(config.layout.time), config.seed)
    target = (split != "train") & (back < np.maximum(1, np.round(config.target_share * likes)))
    return split, target


def _own_splits(config: Config, table: "pd.DataFrame") -> tuple[Array, Array]:
    """The split that files state; without a valid one, likes of training are held out for it."""
    split = table["own"].to_numpy(object).copy()
    if not (split == "valid").any():
        train = split == "train"
        back, likes = places(
            table.assign(liked=table["liked"] * train), bool(config.layout.time), config.seed
        )
        split[train & (back < np.round(config.valid_share * likes))] = "valid"
    return split, split != "train"


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Which columns are what, from which rating on a row is a like, and who is held out."""
    layout, titles, facts = found_layout(raw, options)
    bad = tables.collected()
    found = read_interactions(layout, raw, bad, SAMPLE_BYTES)
    looked_at = len(found.frame) + found.repeated + len(bad.rows)
    rule, unusable = bad_row_rule(bad, looked_at, options)
    if not len(found.frame):
        raise SourceError(f"{layout.files[0]}: no rows; it needs users and what they liked")
    like, why = least_like(found.frame["rating"], layout, options)
    whole = max(1.0, found.rows / looked_at)
    users = round(whole * found.frame["user"].nunique())
    held = round(min(0.2 if users < 1000 else 0.1, MOST_HELD / users), 4)
    config = {
        "layout": as_plain(layout),
        "titles": as_plain(titles) if titles else None,
        "like": like,
        "min_per_user": whole_number(options, "min-per-user", 1),
        "min_per_item": whole_number(options, "min-per-item", 1),
        "most_items": MOST_ITEMS,
        "longest": max(100, CELLS // users),
        "own_splits": layout.split is not None,
        "seed": 17,
        "valid_share": held,
        "test_share": held,
        "target_share": 0.2,
        "bad_rows": as_plain(rule),
    }
    config |= _leasts(found, config, options)
    parsed = parse(Config, config, "config")
    table = _table(parsed, found, raw)
    encoded = _checked(table, parsed)
    facts = [files_fact(layout, titles, found), *facts, Fact("likes", why), unusable]
    facts += _table_facts(table, found, parsed)
    return Proposal(
        "interaction_table", config, suited(encoded.facts["items"]), facts, table, found.rows
    )


def _leasts(
    found: Interactions, config: Mapping[str, Any], options: Mapping[str, str]
) -> dict[str, int]:
    """How many likes a user and an item need: the first pair that keeps most of the likes."""
    names = ("min-per-user", "min-per-item")
    for pair in LEASTS:
        least = {
            name.replace("-", "_"): whole_number(options, name, value)
            for name, value in zip(names, pair, strict=True)
        }
        tried = parse(Config, {**config, **least}, "config")
        liked = liked_rows(found.frame, tried.like)
        if well_known(found.frame, liked, tried).sum() >= KEPT * liked.sum():
            break
    return least


def _checked(table: "pd.DataFrame", config: Config) -> Encoded:
    """The table encoded. Raises SourceError where there is too little to learn or test."""
    likes = table[table["liked"] == 1]
    users, items = (likes[name].nunique() for name in ("user", "item"))
    if users < LEAST_USERS or items < LEAST_ITEMS:
        raise SourceError(
            f"{users} users and {items} items are left with {config.min_per_user} and "
            f"{config.min_per_item} likes or more; a recommender needs {LEAST_USERS} users and "
            f"{LEAST_ITEMS} items: give more rows, or count more as liked (--like NUMBER)"
        )
    for split in SPLITS:
        roles = set(likes["role"][likes["split"] == split])
        if not roles or (split != "train" and TARGET not in roles):
            raise SourceError(f"the split {split!r} has no likes; give it some")
    return encode(config, table)


def _table_facts(table: "pd.DataFrame", found: Interactions, config: Config) -> list[Fact]:
    likes = table[table["liked"] == 1]
    users, items = (likes[name].nunique() for name in ("user", "item"))
    facts = [
        Fact(
            "kept",
            f"{len(likes):,} likes by {users:,} users of {items:,} items: those with "
            f"{config.min_per_user} likes a user and {config.min_per_item} an item or more "
            f"(of {table['user'].nunique():,} users and {table['item'].nunique():,} items)",
        )
    ]
    if found.repeated:
        facts.append(
            Fact(
                "duplicates", f"{found.repeated:,} rows repeat a user and an item: the last counts"
            )
        )
    if likes.groupby("user", observed=True).size().max() > config.longest:
        facts.append(Fact("histories", f"the last {config.longest:,} likes of a user are kept"))
    counts = likes.groupby("split")["user"].nunique()
    sizes = ", ".join(f"{split} {counts[split]:,}" for split in SPLITS)
    which = "the last" if config.layout.time else "a random"
    if config.own_splits:
        sentence = f"as the files divide the likes; users: {sizes}"
    else:
        sentence = (
            f"by users ({sizes}): of those held out {which} {100 * config.target_share:g} % of "
            "their likes are to be found, the others are told"
        )
    return [*facts, Fact("split", sentence)]


def expectations(config: Config) -> list[Expectation]:
    """Roles, titles, and likes enough; the common check of keys keeps users apart."""
    return [
        expect(
            "an interaction is told, to be found or ignored",
            "ExpectColumnValuesToBeInSet",
            column="role",
            value_set=list(ROLES),
        ),
        expect(
            "there is something to be found",
            "ExpectColumnDistinctValuesToContainSet",
            column="role",
            value_set=[HISTORY, TARGET],
        ),
        expect(
            "an item has a name",
            "ExpectColumnValueLengthsToBeBetween",
            column="title",
            min_value=1,
        ),
        expect(
            "no user has an item twice",
            "ExpectCompoundColumnsToBeUnique",
            column_list=["user", "item"],
        ),
    ]


def encode(config: Config, table: "pd.DataFrame") -> Encoded:
    """Likes by user, as ``kinds/interactions`` encodes them; users and items keep their names."""
    users, items = (table[name].cat for name in ("user", "item"))
    names = Names(
        np.asarray(users.categories, object), np.asarray(items.categories, object), config.longest
    )
    numbered = table.assign(user=users.codes.astype(np.int64), item=items.codes.astype(np.int64))
    return encode_likes(numbered, not config.own_splits, config.like, names)
