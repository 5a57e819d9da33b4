"""What is particular to recommenders: ranking by hand, closed forms, protocols, a cold start."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.metrics import ndcg_score
from sklearn.metrics.pairwise import cosine_similarity

from repertoire.config import parse
from repertoire.contract import Plan
from repertoire.families.recommender.evaluation import popular
from repertoire.kinds.interactions.baselines import (
    _judged,
    ease,
    item_knn,
    likes,
    popularity,
    ranked,
)
from repertoire.kinds.interactions.metrics import (
    coverage,
    found_share,
    hits,
    ndcg,
    ranking_metrics,
    recall,
)
from repertoire.metrics.word_vectors import spearman
from repertoire.readers import ratings
from repertoire.training.torch_run import TorchRun
from tests.families import small

# Two lists of three places; the second is empty from its second place on. The third has no target.
TOP = np.array([[4, 7, 2], [5, 0, 0], [1, 2, 3]])
TARGETS = np.array([[2, 4, 9, 8], [5, 0, 0, 0], [0, 0, 0, 0]])
RELEVANT = np.array([4, 1, 0])


def test_an_empty_place_never_hits_the_padding_of_the_targets():
    assert hits(TOP, TARGETS).astype(int).tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_recall_asks_for_no_more_than_the_places_can_hold():
    found = hits(TOP, TARGETS)
    assert recall(found, RELEVANT, 3) == pytest.approx((2 / 3 + 1) / 2)
    assert recall(found, RELEVANT, 2) == pytest.approx((1 / 2 + 1) / 2)
    assert found_share(found, RELEVANT, 3) == pytest.approx((2 / 4 + 1) / 2)


def test_the_gain_of_a_place_falls_with_the_logarithm():
    found = hits(TOP, TARGETS)
    perfect = 1 + 1 / np.log2(3) + 1 / 2
    assert ndcg(found, RELEVANT, 3) == pytest.approx(((1 + 1 / 2) / perfect + 1) / 2)
    # Asked for more places than there are: the perfect list has all four targets.
    perfect += 1 / np.log2(5)
    assert ndcg(found, RELEVANT, 5) == pytest.approx(((1 + 1 / 2) / perfect + 1) / 2)


def test_the_gain_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, liked = rng.random((13, 29)), rng.random((13, 29)) < 0.3
    top = np.argsort(-scores, axis=1) + 1
    targets = np.where(liked, np.arange(1, 30), 0)
    expected = ndcg_score(liked.astype(float), scores, k=7)
    assert ndcg(hits(top, targets), liked.sum(1), 7) == pytest.approx(expected)


def test_a_catalogue_is_covered_by_what_anyone_is_shown():
    assert coverage(TOP, 11, 1) == pytest.approx(3 / 11)
    assert coverage(TOP, 11, 3) == pytest.approx(6 / 11)


def test_a_perfect_list_scores_a_hundred_percent():
    targets = np.array([[3, 1, 0], [2, 0, 0]])
    found = ranking_metrics(targets, targets, 3)
    assert {k: v for k, v in found.items() if v != pytest.approx(100)} == {}


def test_each_metric_counts_the_places_that_its_name_says():
    top, targets = np.arange(1, 24)[None], np.array([[3, 17, 21, 40]])
    gains = 1 / np.log2(np.array([3, 17, 21]) + 1)
    perfect = (1 / np.log2(np.arange(2, 6))).sum()
    assert ranking_metrics(top, targets, 61) == pytest.approx(
        {
            "ndcg_10_percent": 100 * gains[0] / perfect,
            "ndcg_100_percent": 100 * gains.sum() / perfect,
            "recall_20_percent": 50,
            "recall_50_percent": 75,
            "found_10_percent": 25,
            "catalogue_20_percent": 100 * 20 / 61,
        }
    )


def some_likes(users=101, items=17, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.random((users, items)) < rng.random(items)).astype(float)


def test_ease_is_ridge_regression_of_each_item_on_all_others():
    told, ridge = some_likes(), 3.0
    scores = ease(told.T @ told, ridge)(told)
    for item in (0, 7, 16):
        others = np.delete(told, item, axis=1)
        weights = np.linalg.solve(others.T @ others + ridge * np.eye(16), others.T @ told[:, item])
        np.testing.assert_allclose(scores[:, item], others @ weights, atol=1e-9)


def test_cosines_of_items_are_those_of_scikit_learn_and_shrink():
    told = some_likes()
    known = sparse.csr_array(told)
    cosines = cosine_similarity(told.T) - np.eye(17)
    one = np.eye(17)[[5]]
    np.testing.assert_allclose(item_knn(known, 17, 0.0)(one)[0], cosines[5], atol=1e-9)
    norms = np.sqrt(told.sum(0))
    shrunken = cosines[5] * norms * norms[5] / (norms * norms[5] + 19)
    np.testing.assert_allclose(item_knn(known, 17, 19.0)(one)[0], shrunken, atol=1e-9)
    kept = item_knn(known, 3, 0.0)(np.eye(17))
    assert ((kept > 0).sum(0) == 3).all()


def test_a_ranking_holds_what_is_left_and_equals_rank_by_number():
    told = np.array([[0.0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]])
    model = popularity(sparse.csr_array(told))
    assert ranked(model, np.array([[3, 0], [1, 2], [0, 0]]), 4).tolist() == [
        [1, 2, 4, 0],
        [3, 4, 0, 0],
        [3, 1, 2, 4],
    ]


@pytest.fixture(scope="module")
def table(project):
    block = project.full_datasets["movielens"]["config"]
    config = parse(ratings.Config, block, "movielens")
    return config, ratings.tabulate(config, project.files("movielens"))


class Weak:
    """Weak generalisation: users in two parts of the catalogue, the last like of each held out."""

    def __init__(self, held):
        self.facts = {"items": 31, "generalisation": "weak"}
        rng = np.random.default_rng(3)
        rows = [np.sort(rng.choice(15, 7, replace=False)) + 1 + 15 * (n % 2) for n in range(211)]
        self.held, self.rows = held, np.array(rows)

    def arrays(self, name):
        assert name == "test"
        return {"history": self.rows[:, : -self.held], "targets": self.rows[:, -self.held :]}


@pytest.mark.parametrize("held", [1, 3])
def test_settings_of_weak_generalisation_are_judged_by_as_large_a_share_as_the_test_hides(held):
    data = Weak(held)
    known, history, targets = _judged(data)
    told = likes(data.arrays("test")["history"], 31)
    assert np.array_equal(known.toarray(), likes(history, 31))
    assert np.array_equal(known.toarray() + likes(targets, 31), told)
    assert (targets > 0).sum() / told.sum() == pytest.approx(held / 7, abs=0.03)


def test_held_out_users_are_told_four_fifths_of_their_likes(table):
    config, found = table
    assert found.groupby("user")["split"].nunique().max() == 1
    assert (found["role"] == "ignored").equals(found["rating"] < 4)
    held = found[(found["split"] != "train") & (found["role"] != "ignored")]
    for _, own in held.groupby("user"):
        assert (own["role"] == "target").sum() == round(0.2 * len(own))
    assert (found.loc[found["split"] == "train", "role"] != "target").all()
    encoded = ratings.encode(config, found)
    for split in ("valid", "test"):
        told, wanted = (encoded.arrays[split][key] for key in ("history", "targets"))
        assert all(not set(t[t > 0]) & set(w) for t, w in zip(told, wanted, strict=True))


def test_divided_ratings_leave_every_user_in_every_split(project, table):
    config = replace(table[0], target_share=None, threshold=0.5, valid_share=0.1, test_share=0.25)
    found = ratings.tabulate(config, project.files("movielens"))
    assert found.groupby("user")["split"].nunique().min() == 3
    for _, own in found.groupby("user"):
        assert (own["split"] == "test").sum() == round(0.25 * len(own))
        assert (own["split"] == "valid").sum() == round(0.1 * len(own))
    arrays = ratings.encode(config, found).arrays
    train, valid, test = (arrays[split]["history"] for split in ("train", "valid", "test"))
    assert (train == valid[:, : train.shape[1]]).all()
    one, more = set(train[7]) | set(arrays["valid"]["targets"][7]), set(test[7])
    assert one | {0} == more | {0} and more.isdisjoint(set(arrays["test"]["targets"][7]) - {0})


def test_a_like_that_training_lacks_stays_a_target_nobody_finds(project, table):
    config, found = table
    hidden = found.copy()
    owner = hidden[(hidden["split"] == "test") & (hidden["role"] == "target")].iloc[0]
    hidden = hidden[(hidden["item"] != owner["item"]) | (hidden.index == owner.name)]
    encoded, before = ratings.encode(config, hidden), ratings.encode(config, found)
    items = encoded.facts["items"]
    assert items == before.facts["items"] - 1
    assert (encoded.arrays["test"]["targets"] == items + 1).sum() == 1
    assert encoded.facts["unknown_share_test"] > 0
    assert max(encoded.arrays[split]["history"].max() for split in encoded.arrays) <= items


def test_titles_carry_their_year_and_are_told_apart(table):
    titles = table[1].groupby("item")["title"].first()
    assert (titles[3], titles[5], titles[7]) == (
        "Film 3 (1995)",
        "Film 5 (1995)",
        "Film 5 (1995) [7]",
    )
    assert titles[11] == "Film 11" and titles.is_unique


def test_both_layouts_give_the_same_table(project, table, tmp_path):
    config, found = table
    lines = zip(found["user"], found["item"], found["rating"], strict=True)
    (tmp_path / "u.data").write_text("".join(f"{u}\t{i}\t{r}\t0\n" for u, i, r in lines))
    first = found.drop_duplicates("item").sort_values("item")
    names = first["title"].str.replace(" [7]", "", regex=False)
    content = "".join(f"{i}|{t}|x||1\n" for i, t in zip(first["item"], names, strict=True))
    (tmp_path / "u.item").write_bytes(content.encode("latin-1"))
    plain = replace(config, layout="movielens", ratings=None, items=None)
    files = {"ratings": tmp_path / "u.data", "items": tmp_path / "u.item"}
    assert ratings.tabulate(plain, files).equals(found)


@pytest.fixture(scope="module")
def trained(project):
    family, config, data, _ = small("recommender_vae", project.folder)
    torch.manual_seed(0)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(0, 11))
    weights = [learner.weight()]
    for epoch in range(11):
        for batch in learner.batches(epoch):
            learner.step(batch)
            weights.append(learner.weight())
    run = TorchRun(family.graphs(network.eval(), data.facts))
    return config, data, run, weights


def test_the_weight_of_the_divergence_grows_straight_to_its_cap(trained):
    config, _, _, weights = trained
    grown = int(config.anneal * (len(weights) - 1))
    np.testing.assert_allclose(weights[: grown + 1], np.linspace(0, config.beta, grown + 1))
    assert set(weights[grown:]) == {config.beta}


def test_order_repeats_and_padding_of_a_history_change_nothing(trained):
    _, _, run, _ = trained
    plain = run("recommend", history=np.array([[3, 11, 7]]))
    other = run("recommend", history=np.array([[7, 0, 3, 3, 11, 0]]))
    assert (plain["top_ids"] == other["top_ids"]).all()
    np.testing.assert_allclose(plain["scores"], other["scores"], atol=1e-6)


def test_nothing_of_the_history_is_recommended_and_scores_are_of_what_is_left(trained):
    _, data, run, _ = trained
    history = data.arrays("test")["history"].astype(np.int64)
    found, items = run("recommend", history=history), data.facts["items"]
    told = likes(history, items) > 0
    for row, ids in enumerate(found["top_ids"]):
        assert not set(ids) & set(history[row]) - {0}
        # The same numbers from the graph that leaves nothing out.
        scores = run("score", history=history[row : row + 1])["log_probs"][0].astype(float)
        left = scores - np.log(np.exp(scores[~told[row]]).sum())
        np.testing.assert_allclose(found["scores"][row], left[ids - 1], atol=1e-4)


def test_a_place_that_nothing_is_left_for_is_empty(trained):
    config, data, run, _ = trained
    items = data.facts["items"]
    history = np.arange(1, items - 2)[None]  # three are left
    found = run("recommend", history=history)["top_ids"][0]
    assert set(found[:3]) == set(range(items - 2, items + 1)) and not found[3:].any()
    assert len(found) == config.count > 3


def test_a_cold_start_ranks_about_as_popularity_does(trained):
    _, data, run, _ = trained
    cold = run("score", history=np.zeros((1, 1), np.int64))["log_probs"][0]
    assert spearman(cold, popular(data)) > 0.8
