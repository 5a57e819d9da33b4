"""What is particular to novelty detectors: nets side by side, thresholds, rankings, tables."""

from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch

from pipelines.check import check
from pipelines.params import Params
from repertoire.config import ConfigError, read_yaml
from repertoire.contract import Plan
from repertoire.data.sources import Files, SourceError
from repertoire.families.novelty_detector.evaluation import _alarms
from repertoire.families.novelty_detector.network import Detectors, Stack
from repertoire.kinds.novelty import baselines
from repertoire.kinds.novelty.metrics import (
    Trial,
    normal_rows,
    ranking_measurement,
    ranking_metrics,
    scored,
    trials,
)
from repertoire.metrics.classification import average_precision, roc_auc, roc_curve
from repertoire.readers import anomaly_tables, tumours
from repertoire.runtime.inference.detection import apart
from repertoire.training.torch_run import TorchRun
from tests.families import small
from tests.project import ROOT, whole_blocks


def drawn_scores(ties):
    rng = np.random.default_rng(0)
    positive = rng.random(211) < 0.3
    scores = rng.standard_normal(211) + positive
    return (scores.round(1) if ties else scores), positive


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_and_the_curve_are_those_of_scikit_learn(ties):
    from sklearn import metrics

    scores, positive = drawn_scores(ties)
    expected = metrics.average_precision_score(positive, scores)
    assert average_precision(scores, positive) == pytest.approx(expected)
    alarms, found = roc_curve(scores, positive)
    expected = metrics.roc_curve(positive, scores, drop_intermediate=False)
    assert np.allclose(alarms, expected[0]) and np.allclose(found, expected[1])
    assert np.trapezoid(found, alarms) == pytest.approx(roc_auc(scores, positive))


def test_a_ranking_without_positives_has_no_precision():
    assert np.isnan(average_precision(np.arange(5.0), np.zeros(5, bool)))


def test_every_picture_tests_every_detector_and_a_row_that_of_its_own_table():
    labels, scores = np.array([0, 1, 1, 2]), np.arange(12.0).reshape(4, 3)
    pictures = trials({"labels": labels}, scores)
    assert [part.rows.tolist() for part in pictures] == [[0, 1, 2, 3]] * 3
    assert pictures[1].anomaly.tolist() == [True, False, False, True]
    anomaly = np.array([0, 1, 0, 1])
    tables = trials({"labels": labels, "anomaly": anomaly}, scores)
    assert [part.rows.tolist() for part in tables] == [[0], [1, 2], [3]]
    assert tables[1].anomaly.tolist() == [True, False] and tables[1].scores.tolist() == [4, 7]
    arrays = {"labels": labels, "anomaly": anomaly}
    assert normal_rows(arrays, 1, hidden=False).tolist() == [2]
    assert normal_rows(arrays, 1, hidden=True).tolist() == [1, 2]


def test_the_table_of_alarms_says_what_its_shares_are_of():
    anomaly = np.array([False] * 7 + [True] * 3)
    part = Trial(np.arange(10), anomaly, np.arange(10.0))
    said = np.array([True] + [False] * 6 + [True] * 3)
    figure = _alarms(SimpleNamespace(false_alarms=0.05), ["sound"], [part], [said])
    assert figure.cells == [("sound", "100.00", "14.3 % of 7", "100.0 % of 3")]


def test_means_leave_out_detectors_that_nothing_can_be_said_of():
    labels, anomaly = np.array([0, 0, 0, 1, 1]), np.array([1, 0, 0, 0, 0])
    scores = np.array([[3.0, 0], [1, 0], [2, 0], [0, 1], [0, 2]])
    found = ranking_metrics(trials({"labels": labels, "anomaly": anomaly}, scores))
    assert found == dict.fromkeys(found, 100.0)


@pytest.mark.parametrize("tables", [False, True])
def test_areas_of_rows_drawn_are_those_of_the_rows_written_out(tables):
    rng = np.random.default_rng(1)
    arrays = {"labels": rng.integers(0, 3, 61)}
    if tables:
        arrays["anomaly"] = rng.integers(0, 2, 61) * (arrays["labels"] < 2)
    parts = trials(arrays, rng.standard_normal((61, 3)).round(1))
    measurement = ranking_measurement(parts, 61)
    assert measurement.measure(np.arange(61)) == pytest.approx(ranking_metrics(parts))
    for rows in rng.integers(0, 61, (7, 61)):
        places = [[n for row in rows for n in np.flatnonzero(part.rows == row)] for part in parts]
        chosen = [Trial(*(a[own] for a in part)) for part, own in zip(parts, places, strict=True)]
        assert measurement.measure(rows) == pytest.approx(ranking_metrics(chosen))


def test_the_worst_detector_is_named_where_there_are_several():
    # The first detector tells its anomaly apart, the second takes it for the more normal one.
    labels, anomaly = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 0])
    scores = np.array([[1.0, 0], [2, 0], [0, 3], [0, 2], [0, 1]])
    both = ranking_metrics(trials({"labels": labels, "anomaly": anomaly}, scores))
    assert both["roc_auc_percent"] == 75 and both["worst_roc_auc_percent"] == 50
    assert both["average_precision_percent"] == 75
    one = ranking_metrics(
        trials({"labels": labels[2:] - 1, "anomaly": anomaly[2:]}, scores[2:, 1:])
    )
    assert one == {"roc_auc_percent": 50, "average_precision_percent": 50}


def test_nets_trained_side_by_side_are_those_trained_alone(project):
    family, config, data, _ = small("novelty_digits", project.folder)
    config = replace(config, model="autoencoder")
    torch.manual_seed(1)
    together = family.build(config, data.facts)
    alone = Detectors(config, {**data.facts, "names": ["7"]})
    for one, own in zip(together.parameters(), alone.parameters(), strict=True):
        own.data.copy_(one.data[7:8])
    learners = [family.learner(net, config, data, Plan(1, 1)) for net in (together, alone)]
    for batch in learners[0].batches(0):
        learners[0].step(batch)
        learners[1].step(batch[7:8])
    for one, own in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.allclose(one[7:8], own, atol=1e-5)


def test_a_stack_is_a_linear_layer_for_each_net():
    stack, rows = Stack(3, 5, 7), torch.randn(3, 11, 5)
    for net in range(3):
        layer = torch.nn.functional.linear(rows[net], stack.weight[net].T, stack.bias[net, 0])
        assert torch.allclose(stack(rows)[net], layer, atol=1e-6)
        assert torch.allclose(stack(rows[:1])[net], stack(rows[:1].expand(3, -1, -1))[net])


@pytest.mark.parametrize("name", ["novelty_digits", "novelty_table"])
def test_the_score_is_the_mean_of_the_error_map_and_both_graphs_agree(name, project):
    family, config, data, _ = small(name, project.folder)
    network = family.build(config, data.facts)
    network.threshold += 0.1
    run = TorchRun(family.graphs(network.eval(), data.facts))
    arrays = data.arrays("test")
    rows = {key: arrays[key][:13] for key in ("images", "rows") if key in arrays}
    normal = np.arange(13) % network.nets
    found, all_nets = run("detect", **rows, normal=normal), run("scores", **rows)
    axes = tuple(range(1, found["error"].ndim))
    assert found["score"] == pytest.approx(found["error"].mean(axes), rel=1e-4)
    assert found["score"] == pytest.approx(all_nets["scores"][np.arange(13), normal], rel=1e-5)
    assert np.array_equal(found["decision"], all_nets["decisions"][np.arange(13), normal])
    assert np.array_equal(found["decision"], (found["score"] > 0.1).astype(int))


def test_the_threshold_is_what_the_stated_share_of_normal_validation_rows_exceeds(project):
    family, config, data, _ = small("novelty_table", project.folder)
    config = replace(config, false_alarms=0.2)
    torch.manual_seed(2)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(1, 1))
    for batch in learner.batches(0):
        learner.step(batch)
    valid = data.arrays("valid")
    scores = TorchRun(family.graphs(network, data.facts))("scores", rows=valid["rows"])
    normal = valid["anomaly"] == 0
    share = scores["decisions"][normal, 0].mean()
    assert 0.2 - 1.5 / normal.sum() <= share <= 0.2


def test_every_net_goes_through_all_its_rows_before_one_comes_again(project):
    family, config, data, _ = small("novelty_digits", project.folder)
    config = replace(config, shift=0)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(1, 1))
    seen = torch.cat(list(learner.batches(0)), 1)
    for net, own in enumerate(learner.train):
        count = min(len(own), seen.shape[1])
        assert len(torch.unique(seen[net, :count], dim=0)) == count
        assert not set(map(bytes, seen[net].numpy())) - set(map(bytes, own.numpy()))


def test_columns_that_a_narrower_table_lacks_do_not_count():
    facts = {
        "names": ["wide", "narrow"],
        "shape": [5],
        "columns": [list("abcde"), list("xyz")],
        "center": [[1.0] * 5, [2.0, 2, 2, 0, 0]],
        "scale": [[2.0] * 5, [4.0, 4, 4, 1, 1]],
        "contaminated": False,
    }
    from repertoire.families.novelty_detector.config import Config

    config = Config("autoencoder", "plain", 2, (3,), 0, 1, 0.1, 3, 3, 3, 0.001, 0.1, 0, 0, 3)
    network = Detectors(config, facts)
    rows = torch.tensor([[3.0, 1, 5, 0, 0]])
    other = torch.tensor([[3.0, 1, 5, 0, 0]])
    _, errors = network.errors(rows.unsqueeze(0))
    expected = torch.stack((errors[0].mean(1), errors[1, :, :3].mean(1)))
    assert torch.allclose(network.scores(other.unsqueeze(0)), expected)
    assert network.values(rows.unsqueeze(0))[:, 0].tolist() == [
        [1, 0, 2, -0.5, -0.5],
        [0.25, -0.25, 0.75, 0, 0],
    ]


def test_the_difference_of_pictures_is_in_grey_levels():
    one, other = (np.array([levels], np.uint8) for levels in ([0, 7, 255], [255, 5, 255]))
    assert apart(one, other).tolist() == [[255, 2, 0]]


CONFIG = baselines.Config(
    score="plain",
    components=(2, 0.9),
    neighbours=(3,),
    density_neighbours=(31,),
    gammas=(1.0,),
    outliers=0.1,
    trees=31,
    seed=0,
)


def test_each_baseline_finds_what_lies_far_from_a_plane():
    rng = np.random.default_rng(4)
    plane = rng.standard_normal((2, 7))
    known = rng.standard_normal((307, 2)) @ plane + 0.1 * rng.standard_normal((307, 7))
    normal = rng.standard_normal((97, 2)) @ plane + 0.1 * rng.standard_normal((97, 7))
    asked = np.concatenate((normal, 3 * rng.standard_normal((53, 7))))
    areas = {
        (model, setting): roc_auc(scorer(asked), np.arange(150) >= 97)
        for model, setting, scorer in baselines.scorers(CONFIG, known)
    }
    assert len(areas) == 10 and min(areas.values()) > 0.9
    # Two components hold nine tenths of the variance of a plane, so both candidates are the same.
    assert areas["pca", 2] == areas["pca", 0.9]


@pytest.mark.parametrize("name", ["novelty_digits", "novelty_table"])
@pytest.mark.parametrize("score", ["plain", "relative", "scaled"])
def test_a_net_and_principal_components_are_scored_alike(name, score, project):
    family, config, data, _ = small(name, project.folder)
    network = family.build(replace(config, score=score), data.facts)
    learner = family.learner(network, replace(config, steps=1), data, Plan(1, 1))
    list(learner.batches(0))  # sets the divisors
    net, arrays = 0, data.arrays("test")
    raw = torch.from_numpy(arrays["images" if "images" in arrays else "rows"])
    pairs = []
    for rows in (learner.train[net], raw):
        values = network.values(rows.unsqueeze(0))
        rebuilt = network.decode(network.encode(values)[0])
        pairs.append(tuple(v[net].detach().double().numpy() for v in (values, rebuilt)))
    found = network.scores(raw.unsqueeze(0))[net].detach().numpy()
    assert found == pytest.approx(scored(score, *pairs), rel=1e-4)


def test_what_the_gate_compares_is_scored_alike_in_both_params_files():
    for folder in ("", "pipelines/benchmarks"):
        blocks = whole_blocks(folder)
        known = [r for r in blocks["recipes"].values() if r["family"] == "novelty_detector"]
        assert len(known) >= 3
        for recipe in known:
            baseline = blocks["datasets"][recipe["dataset"]]["baseline"]
            assert recipe["config"]["score"] == baseline["score"]


def test_a_net_scored_unlike_its_baseline_is_refused():
    content = read_yaml(ROOT / "params.yaml")
    content["recipes"]["novelty_digits"]["config"]["score"] = "plain"
    with pytest.raises(ConfigError, match=r"novelty_digits\.config\.score: differs"):
        check(Params(content))


class Labelled:
    """One table of 3 columns: anomalies lie aside in the direction of the second component."""

    facts: ClassVar = {
        "names": ["only"],
        "columns": [["a", "b", "c"]],
        "center": [[0.0] * 3],
        "scale": [[1.0] * 3],
        "contaminated": False,
    }

    def __init__(self, anomalies: int) -> None:
        rng = np.random.default_rng(5)
        self.tables = {}
        for split, count in (("train", 211), ("valid", 101), ("test", 103)):
            rows = rng.standard_normal((count, 3)) * (9, 3, 0.1)
            anomaly = np.arange(count) < (anomalies if split != "train" else 0)
            rows[anomaly, 1] += 30
            labels = np.zeros(count, int)
            self.tables[split] = {"rows": rows, "labels": labels, "anomaly": anomaly.astype(int)}

    def arrays(self, split):
        return self.tables[split]


def test_components_are_those_that_tell_anomalies_of_validation_apart():
    # With two components what lies aside along the second is given back as it is.
    found = baselines.baselines(replace(CONFIG, components=(2, 1)), Labelled(31))
    assert found["pca_components"] == 1 and found["pca_roc_auc_percent"] > 99


def test_the_first_candidate_stands_where_validation_holds_no_anomaly():
    data = Labelled(31)
    data.tables["valid"]["anomaly"][:] = 0
    found = baselines.baselines(replace(CONFIG, components=(2, 1)), data)
    assert found["pca_components"] == 2


def test_no_malignant_tumour_is_trained_on_and_the_others_are_in_both_held_out_splits():
    config = tumours.Config(seed=1, valid_share=0.2, test_share=0.3)
    counts = tumours.tabulate(config, Files({})).groupby(["split", "anomaly"]).size()
    assert ("train", 1) not in counts.index and counts.sum() == 569
    assert counts["valid", 1] + counts["test", 1] == 212
    assert counts["test", 0] == pytest.approx(0.3 * 357, abs=25)


def write_table(path, rows=101):
    rng = np.random.default_rng(rows)
    values = rng.standard_normal((rows, 3))
    np.savez(path, X=np.concatenate((values, values[:2])), y=np.arange(rows + 2) % 5 == 0)


@pytest.mark.parametrize("contaminated", [True, False])
def test_each_table_is_split_by_itself_and_anomalies_train_only_where_they_may(
    contaminated, tmp_path
):
    for name, rows in (("a", 101), ("b", 53)):
        write_table(tmp_path / f"{name}.npz", rows)
    files = Files({name: tmp_path / f"{name}.npz" for name in ("a", "b")})
    config = anomaly_tables.Config(contaminated, seed=0, test_share=0.4, valid_share=0.0)
    table = anomaly_tables.tabulate(config, files)
    trained = table[table["split"] == "train"]["anomaly"]
    assert (trained.sum() > 0) == contaminated
    tested_share = (table[table["table"] == "a"]["split"] == "test").sum() / 103
    assert tested_share == pytest.approx(0.4, abs=0.01)
    assert table["key"].isna().sum() == table["repeats"].sum() >= 4


def test_a_file_that_holds_a_pickle_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([{}, []], object), y=np.zeros(2))
    config = anomaly_tables.Config(True, seed=0, test_share=0.4, valid_share=0.1)
    with pytest.raises(SourceError, match="not a table of X and y"):
        anomaly_tables.tabulate(config, Files({"a": tmp_path / "a.npz"}))
