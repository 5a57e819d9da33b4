"""Interactions: MovieLens' and RecBole's layouts, ratings and counts, dirty tables, a journey."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.doors import DROPPED, OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import common, validate, with_identity
from repertoire.kinds.interactions import baselines, metrics
from repertoire.readers import interaction_table
from tests.own.journey import add, repro, served

USERS, ITEMS = 71, 31


def interactions(users=USERS, items=ITEMS, seed=3):
    """user, item, rating, time: 4 or 5 for eight items of one's own third, less for others."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        own = np.arange(user % 3, items, 3)
        others = np.setdiff1d(np.arange(items), own)
        chosen = [*rng.permutation(own)[:8], *rng.permutation(others)[:11]]
        for place, item in enumerate(rng.permutation(chosen)):
            stars = int(rng.integers(4, 6) if item % 3 == user % 3 else rng.integers(1, 4))
            rows.append((f"u{user}", int(item) + 100, stars, 1_600_000_000 + 60 * place))
    return rows


def frame(rows=None, columns=("user_id", "item_id", "rating", "timestamp")):
    return pd.DataFrame(rows if rows is not None else interactions(), columns=list(columns))


def titles():
    return pd.DataFrame({"item_id": range(100, 100 + ITEMS), "title": map(film, range(ITEMS))})


def film(number):
    return "Twins" if number in (3, 5) else f"Film {number}"


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def proposed(raw, **options):
    return interaction_table.propose(raw, {k.replace("_", "-"): v for k, v in options.items()})


def tabulated(raw, proposal):
    config = parse(interaction_table.Config, proposal.config, "test")
    return config, interaction_table.tabulate(config, Files({"raw": raw}))


def said(proposal, of):
    return " ".join(fact.sentence for fact in proposal.facts if fact.of == of)


def liked_pairs(table):
    liked = table[table["liked"] == 1]
    return set(zip(liked["user"].astype(str), liked["item"].astype(str), strict=True))


def test_a_table_of_ratings_becomes_a_served_recommender_in_two_commands(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    frame().to_csv(folder / "ratings.csv", index=False)
    titles().to_csv(folder / "films.csv", index=False)
    told = add(tmp_path, "films", folder, "--family", "recommender", "--minutes", "0.05")
    assert told.returncode == 0, told.stderr
    assert "names of items from films.csv (item_id, title)" in " ".join(told.stdout.split())
    artifacts = repro(tmp_path, "films")
    with served(artifacts.parent) as client:
        path = "/v1/models/films/recommend"
        answers = [
            client.post(path, json={"history": history, "count": 3}).json()
            for history in ([100, "106"], ["Film 0", "film 6"])
        ]
        unknown = client.post(path, json={"history": [7]})
    assert answers[0] == answers[1] and answers[0]["history"] == ["Film 0", "Film 6"]
    for best in answers[0]["recommendations"]:
        assert best["id"] not in (100, 106) and best["title"].startswith(film(best["id"] - 100))
    assert unknown.status_code == 422 and "send ids such as 100, 101" in unknown.text
    cells = (artifacts / "evaluation/figures.json").read_text(encoding="utf-8")
    assert "Film 0" in cells


def test_the_liked_are_those_rated_four_or_more_and_each_pair_counts_once(raw):
    rows = [*interactions(), ("u1", 100, 5, 1_700_000_000), ("u1", 100, 1, 1_800_000_000)]
    frame(rows).to_csv(raw / "r.csv", index=False)
    proposal = proposed(raw)
    assert "ratings of 4 or more" in said(proposal, "likes")
    assert said(proposal, "duplicates").startswith(("1 rows", "2 rows"))
    _, table = tabulated(raw, proposal)
    wanted = {(u, str(i)) for u, i, stars, _ in interactions() if stars >= 4} - {("u1", "100")}
    assert liked_pairs(table) == wanted  # the last rating of u1 for 100 is a 1


def test_the_table_meets_its_expectations_and_the_last_likes_are_to_be_found(raw):
    frame().to_csv(raw / "r.csv", index=False)
    config, table = tabulated(raw, proposed(raw))
    table = with_identity(table)
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    validate("likes", table, [*common(columns), *interaction_table.expectations(config)])
    times = {(user, item): time for user, item, _, time in interactions()}
    stamps = [times[str(u), int(i)] for u, i in zip(table["user"], table["item"], strict=True)]
    held = table.assign(time=stamps)[(table["split"] != "train") & (table["liked"] == 1)]
    assert held["user"].nunique() == 28  # a fifth to validate, a fifth to test
    for _, own in held.groupby("user", observed=True):
        wanted = own["role"] == "target"
        assert wanted.sum() == max(1, round(0.2 * len(own)))
        assert own["time"][wanted].min() > own["time"][~wanted].max()


def test_a_file_without_header_asks_for_the_names_of_its_columns(raw):
    numbered = [(user[1:], *rest) for user, *rest in interactions()]
    frame(numbered).to_csv(raw / "u.data", sep="\t", header=False, index=False)
    with pytest.raises(OptionNeeded, match="--columns user,item,rating,timestamp"):
        proposed(raw)
    proposal = proposed(raw, columns="user,item,rating,timestamp")
    assert proposal.rows == len(interactions())
    _, table = tabulated(raw, proposal)
    assert len(table) == len(interactions())


def test_double_colons_separate_cells_and_films_of_movielens_have_titles(raw):
    lines = [f"{u[1:]}::{i}::{r}::{t}" for u, i, r, t in interactions()]
    (raw / "ratings.dat").write_text("\n".join(lines) + "\n", encoding="latin-1")
    films = [f"{100 + n}::Café {n} (1995)::Drama|War" for n in range(ITEMS)]
    (raw / "movies.dat").write_bytes("\r\n".join(films).encode("latin-1"))
    options = {"columns": "user,item,rating,time", "item_columns": "item,title,genres"}
    proposal = proposed(raw, **options, interactions="ratings.dat")
    config, table = tabulated(raw, proposal)
    assert set(table["title"]) <= {f"Café {n} (1995)" for n in range(ITEMS)}
    encoded = interaction_table.encode(config, table)
    catalogue = encoded.encodings["items"]
    assert catalogue["ids"] == sorted(catalogue["ids"])
    assert catalogue["titles"][0] == f"Café {catalogue['ids'][0] - 100} (1995)"


def test_atomic_files_of_recbole_are_known_by_their_typed_headers(raw):
    named = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
    frame(columns=named).to_csv(raw / "ml.inter", sep="\t", index=False)
    films = titles().set_axis(["item_id:token", "movie_title:token_seq"], axis=1)
    films.to_csv(raw / "ml.item", sep="\t", index=False)
    _, table = tabulated(raw, proposed(raw))
    assert "Film 1" in set(table["title"])
    assert {title for title in table["title"] if title.startswith("Twins")} == {
        "Twins [103]",
        "Twins [105]",
    }


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv.gz", "utf-16", "semicolons", "marked"])
def test_every_format_gives_the_same_likes(raw, form):
    table = frame()
    if form == "parquet":
        table.to_parquet(raw / "r.parquet")
    elif form == "jsonl":
        table.to_json(raw / "r.jsonl", orient="records", lines=True)
    elif form == "csv.gz":
        with gzip.open(raw / "r.csv.gz", "wt", encoding="utf-8") as file:
            table.to_csv(file, index=False)
    elif form == "semicolons":
        table.to_csv(raw / "r.csv", sep=";", index=False)
    else:
        encoding = "utf-16" if form == "utf-16" else "utf-8-sig"
        table.to_csv(raw / "r.csv", index=False, encoding=encoding, lineterminator="\r\n")
    _, found = tabulated(raw, proposed(raw))
    assert liked_pairs(found) == {(u, str(i)) for u, i, stars, _ in interactions() if stars >= 4}


def test_without_ratings_or_times_every_row_is_a_like(raw):
    frame().drop(columns=["rating", "timestamp"]).to_csv(raw / "r.csv", index=False)
    proposal = proposed(raw)
    assert "no ratings" in said(proposal, "likes") and "a random 20 %" in said(proposal, "split")
    _, table = tabulated(raw, proposal)
    assert table["liked"].all() and len(table) == len(interactions())


def test_counts_of_plays_are_likes_whatever_their_number(raw):
    rng = np.random.default_rng(0)
    rows = [(u, i, int(rng.integers(1, 5000)), t) for u, i, _, t in interactions()]
    frame(rows, ("user", "artist_id", "plays", "time")).to_csv(raw / "r.csv", index=False)
    proposal = proposed(raw)
    assert "a count" in said(proposal, "likes") and len(tabulated(raw, proposal)[1]) == len(rows)


def test_decimal_commas_and_half_stars_are_read(raw):
    rows = [(u, i, f"{r - 0.5:.1f}".replace(".", ","), t) for u, i, r, t in interactions()]
    frame(rows).to_csv(raw / "r.csv", index=False, sep=";")
    proposal = proposed(raw)
    assert "ratings of 3.5 or more" in said(proposal, "likes")


def test_a_row_without_an_item_is_refused_by_its_place_or_left_out(raw):
    rows = interactions()
    rows[4], rows[9] = ("u0", "", 5, 1), ("u0", 3, "five", 1)
    frame(rows).to_csv(raw / "r.csv", index=False)
    with pytest.raises(SourceError) as error:
        proposed(raw)
    assert "r.csv: row 6: no item" in str(error.value) and "1 more such row" in str(error.value)
    proposal = proposed(raw, on_bad_row="drop")
    assert "2 of" in said(proposal, "unusable")
    _, table = tabulated(raw, proposal)
    reasons = {row["reason"] for row in table.attrs[DROPPED]}
    assert reasons == {"no item", "rating is not a rating"}


def test_stated_splits_divide_the_likes_of_known_users(raw):
    table = frame()
    test = np.arange(len(table)) % 5 == 0
    table[~test].to_csv(raw / "train.csv", index=False)
    table[test].to_csv(raw / "test.csv", index=False)
    config, found = tabulated(raw, proposed(raw))
    assert config.own_splits
    stated = {
        (u, str(i)) for u, i in zip(table["user_id"][test], table["item_id"][test], strict=True)
    }
    assert liked_pairs(found[found["split"] == "test"]) <= stated
    assert (found["split"] == "valid").any()
    encoded = interaction_table.encode(config, found)
    assert encoded.facts["generalisation"] == "weak"
    assert encoded.arrays["test"]["targets"].any() and encoded.arrays["valid"]["targets"].any()


@pytest.mark.parametrize(
    ("options", "error", "line"),
    [
        ({"user": "nobody"}, ConfigError, "no such column; there are: user_id"),
        ({"like": "many"}, ConfigError, "--like many: give a number"),
        ({"like": "9"}, ConfigError, "the highest rating is 5"),
        ({"min_per_user": "0"}, ConfigError, "a whole number of at least 1"),
        ({"min_per_user": "50"}, SourceError, "a recommender needs 20 users and 10 items"),
        ({"interactions": "x.csv"}, OptionNeeded, "there are: r.csv"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(raw, options, error, line):
    frame().to_csv(raw / "r.csv", index=False)
    with pytest.raises(error, match=line.replace("(", "\\(")) as found:
        proposed(raw, **options)
    assert "\n" not in str(found.value)


def test_columns_that_are_called_like_neither_are_asked_for(raw):
    frame(columns=("who", "what", "rating", "timestamp")).to_csv(raw / "r.csv", index=False)
    with pytest.raises(OptionNeeded, match="--user NAME --item NAME"):
        proposed(raw)
    assert proposed(raw, user="who", item="what").rows == len(interactions())


def test_two_files_of_interactions_are_asked_for_and_others_are_not_read(raw):
    frame().to_csv(raw / "a.csv", index=False)
    frame().assign(more=1).to_csv(raw / "b.csv", index=False)
    (raw / "README.txt").write_text("These are ratings, by some people, of films.\n")
    with pytest.raises(OptionNeeded, match=r"--interactions a\.csv"):
        proposed(raw)
    assert said(proposed(raw, interactions="b.csv"), "ignored") == "README.txt: no table"


def test_a_long_history_keeps_its_last_likes(raw):
    frame().to_csv(raw / "r.csv", index=False)
    proposal = proposed(raw)
    config, table = tabulated(raw, proposal)
    short = parse(interaction_table.Config, {**proposal.config, "longest": 3}, "test")
    encoded = interaction_table.encode(short, table)
    whole = interaction_table.encode(config, table)
    assert encoded.arrays["train"]["history"].shape[1] == 3
    assert np.array_equal(encoded.arrays["test"]["targets"], whole.arrays["test"]["targets"])


def test_only_the_most_liked_items_stay_where_there_are_too_many(raw):
    frame().to_csv(raw / "r.csv", index=False)
    some = {"most_items": 11, "min_per_user": 1}
    config = parse(interaction_table.Config, {**proposed(raw).config, **some}, "test")
    table = interaction_table.tabulate(config, Files({"raw": raw}))
    liked = table[table["liked"] == 1]
    assert liked["item"].nunique() == 11


def test_metrics_of_lists_as_long_as_the_catalogue_are_left_out_and_facts_say_why(raw):
    frame().to_csv(raw / "r.csv", index=False)
    config, table = tabulated(raw, proposed(raw))
    facts = interaction_table.encode(config, table).facts
    assert facts["items"] == ITEMS and set(facts["left_out"]) == {"recall_50_percent"}
    top = np.array([[1, 2]])
    assert "recall_50_percent" not in metrics.ranking_metrics(top, top, ITEMS)


class Many:
    """Users of two tastes and a catalogue that is said to be too large for EASE."""

    def __init__(self):
        rng = np.random.default_rng(0)
        kinds = {}
        for split, users in (("train", 97), ("valid", 13), ("test", 17)):
            rows = np.sort(rng.permuted(np.tile(np.arange(1, 24), (users, 1)), axis=1)[:, :7])
            kinds[split] = {"history": rows, "targets": rows[:, :2] % 23 + 1}
        self.kinds = kinds
        self.facts = {"items": 23, "generalisation": "strong"}

    def arrays(self, split):
        return self.kinds[split]


def test_a_large_catalogue_has_no_ease_and_the_same_neighbours_by_blocks(monkeypatch):
    config = parse(baselines.Config, baselines.suited(23) | {"neighbours": [5]}, "test")
    whole = baselines.baselines(config, Many())
    monkeypatch.setattr(baselines, "MOST_PAIRED", 22)
    monkeypatch.setattr(baselines, "BLOCK", 5)
    monkeypatch.setattr(baselines, "CELLS", 41)
    blocks = baselines.baselines(config, Many())
    assert not any(key.startswith("ease") for key in blocks)
    assert blocks == pytest.approx({k: v for k, v in whole.items() if not k.startswith("ease")})


@pytest.mark.parametrize(("items", "users"), [(31, 40), (2_500, 900), (20_000, 90_000)])
def test_presets_are_complete_and_small_for_few_users(items, users):
    family = load_family("recommender")
    preset = family.preset({"items": items, "users": {"train": users}}, users)
    config = parse(family.Config, json.loads(json.dumps(preset.config)), "preset")
    assert config.linear == (items <= 3_000) and preset.metric == config.rivals.metric
