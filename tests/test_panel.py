"""Series side by side: the reader, the linear baseline, and the net over segments."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipelines.params import DatasetParams
from repertoire.config import ConfigError, parse
from repertoire.contract import Plan
from repertoire.data.sources import SourceError
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import verify_graph
from repertoire.families.forecaster.parts import pinball
from repertoire.kinds.panel.baselines import fit_ridge, point_forecasts, standardised
from repertoire.kinds.series.metrics import points_of
from repertoire.kinds.series.scales import futures, pasts
from repertoire.readers import panel as reader
from repertoire.runtime.onnx_run import run_session
from repertoire.runtime.session import open_session
from repertoire.training.torch_run import TorchRun
from tests.families import small


def reader_config(project):
    params = parse(DatasetParams, project.full_datasets["etth1"], "etth1")
    return parse(reader.Config, params.config, "etth1"), project.files("etth1")


def built(project):
    family, config, data, _ = small("etth1_gru", project.folder)
    torch.manual_seed(7)
    return family, config, data, family.build(config, data.facts).eval()


def random_rows(seed, batch, time):
    return np.random.default_rng(seed).normal(3, 5, (batch, time, 7)).astype(np.float32)


def test_parts_are_counted_in_rows_and_what_follows_is_left_out(project):
    config, files = reader_config(project)
    table = reader.tabulate(config, files)
    encoded = reader.encode(config, table)
    assert len(table) == 211 + 67 + 71 and table["split"].value_counts()["valid"] == 67
    values = table[list(config.series)].to_numpy()
    assert encoded.facts["mean"] == pytest.approx(values[:211].mean(0))
    assert encoded.facts["deviation"] == pytest.approx(values[:211].std(0))
    at = encoded.arrays["test"]["origin"]
    assert (at[0], at[-1], len(at)) == (211 + 67 - 1, len(table) - 1 - 16, 71 - 16 + 1)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"levels": (0.25, 0.5, 0.75)}, "among them"),
        ({"rows": (211, 67)}, "name one number for train, valid and test"),
        ({"rows": (52, 67, 71)}, "train has 52, 53 are needed"),
        ({"rows": (211, 67, 171)}, "holds 397 rows, 449 are asked for"),
    ],
)
def test_a_config_that_cannot_work_is_refused(project, changes, line):
    config, files = reader_config(project)
    with pytest.raises(ConfigError, match=line):
        reader.tabulate(replace(config, **changes), files)


def test_a_file_laid_out_otherwise_is_refused_in_one_line(project, tmp_path):
    config, _ = reader_config(project)
    wrong = tmp_path / "ETTh1.csv"
    wrong.write_text("date,OT\n2016-07-01 00:00:00,1.5\n")
    with pytest.raises(SourceError, match="not a table as time, time_format") as caught:
        reader.tabulate(config, {"series": wrong})
    assert "\n" not in str(caught.value)


def test_a_ridge_without_penalty_is_the_least_squares_of_numpy_over_all_series():
    train = np.random.default_rng(0).standard_normal((211, 2)).cumsum(0)
    at = np.arange(4, 208)
    known = np.concatenate([pasts(c, at, 5) - c[at, None] for c in train.T])
    ahead = np.concatenate([futures(c, at, 3) - c[at, None] for c in train.T])
    # The last change is zero throughout: the least weights of all that fit leave it out.
    design = np.column_stack((known[:, :-1], np.ones(len(known))))
    weights, *_ = np.linalg.lstsq(design, ahead, rcond=None)
    fitted = fit_ridge(train, 5, 3, 1e-6)
    assert np.delete(fitted.weights, 4, axis=0) == pytest.approx(weights, abs=1e-5)
    expected = design[:204] @ weights + train[at, :1]
    assert fitted(train, at, 3)[..., 0] == pytest.approx(expected, abs=1e-4)


def test_the_season_repeats_series_by_series():
    values = np.arange(40.0).reshape(20, 2)
    facts = {"season": 3, "values": {"train": 11, "valid": 5}, "horizon": 2, "ridge_lookback": 2}
    naive, _ = point_forecasts((1.0,), values, facts)
    at = np.array([7, 9])
    assert naive["persistence"](values, at, 2).tolist() == [[[14, 15]] * 2, [[18, 19]] * 2]
    found = naive["seasonal_naive"](values, at, 4)[0]
    assert found.tolist() == [[10, 11], [12, 13], [14, 15], [10, 11]]


def test_a_level_added_to_one_series_is_added_to_its_forecast_alone(project):
    family, _, data, network = built(project)
    run = TorchRun(family.graphs(network, data.facts))
    series = random_rows(1, 3, 37)
    moved = series + np.array([0, 0, 11, 0, 0, 0, 0], np.float32)
    one, other = (run("forecast", series=s)["quantiles"] for s in (series, moved))
    expected = one + np.array([0, 0, 11, 0, 0, 0, 0])[:, None]
    assert other == pytest.approx(expected, abs=1e-3)


def test_what_lies_before_the_lookback_changes_nothing_and_few_rows_are_filled_up(project):
    family, _, data, network = built(project)
    graph, _ = family.graphs(network, data.facts)
    opened = open_session(export_graph(graph), 1)
    rows = random_rows(2, 2, 37)
    for same in ((rows, rows[:, 5:]), (rows[:, :3], np.repeat(rows[:, :3], [30, 1, 1], axis=1))):
        one, other = (run_session(opened, {"series": s})["quantiles"] for s in same)
        assert one == pytest.approx(other, abs=1e-4)
    assert np.abs(
        run_session(opened, {"series": rows})["quantiles"]
        - run_session(opened, {"series": rows[:, 6:]})["quantiles"]
    ).max() > 1e-5  # fmt: skip


def test_quantiles_of_every_series_rise(project):
    family, _, data, network = built(project)
    run = TorchRun(family.graphs(network, data.facts))
    quantiles = run("forecast", series=random_rows(3, 5, 32))["quantiles"]
    assert quantiles.shape == (5, 16, 7, 5) and (np.diff(quantiles, axis=3) > 0).all()


@pytest.mark.parametrize("point", ["median", "mean"])
def test_the_graph_of_points_gives_what_is_judged(project, point):
    family, config, data, _ = built(project)
    network = family.build(replace(config, point=point), data.facts).eval()
    run = TorchRun(family.graphs(network, data.facts))
    series = random_rows(4, 3, 32)
    quantiles = run("forecast", series=series)["quantiles"]
    expected = points_of(quantiles, data.facts["levels"], point)
    assert run("point", series=series)["points"] == pytest.approx(expected, abs=1e-5)


def test_the_loss_of_training_is_that_of_the_exported_forecast(project):
    family, config, data, network = built(project)
    learner = family.learner(network, config, data, Plan(1, 3))
    values, facts = data.arrays("train")["values"], data.facts
    window = values[None, 17 : 17 + 32 + 16]
    found = learner.step((torch.tensor(window, dtype=torch.float32),))["pinball_deviations"]
    *_, fresh = built(project)
    run = TorchRun(family.graphs(fresh, facts))
    quantiles = run("forecast", series=window[:, :32].astype(np.float32))["quantiles"]
    scaled = np.moveaxis(standardised(np.moveaxis(quantiles, -1, 0), facts), 0, -1)
    actual = standardised(window[:, 32:], facts)
    expected = pinball(*map(torch.tensor, (actual, scaled)), torch.tensor(facts["levels"]))
    assert found == pytest.approx(expected.item(), rel=1e-4)


def test_points_are_medians_or_means_of_quantiles():
    quantiles = np.array([[1.0, 2.0, 6.0]])
    assert points_of(quantiles, [0.05, 0.5, 0.95], "median").tolist() == [2]
    assert points_of(quantiles, [0.05, 0.5, 0.95], "mean").tolist() == [3]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"segment": 0}, "above 0 for series side by side"),
        ({"segment": 7}, "7 does not divide"),
        ({"relative": False}, "goes with relative: true"),
        ({"units": 5}, "an even number of units"),
    ],
)
def test_a_net_that_cannot_be_is_refused(project, changes, line):
    family, config, data, _ = built(project)
    with pytest.raises(ConfigError, match=line):
        family.build(replace(config, **changes), data.facts)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_every_cell_exports_over_two_layers(project, cell):
    family, config, data, _ = built(project)
    network = family.build(replace(config, cell=cell, layers=2), data.facts).eval()
    graph, _ = family.graphs(network, data.facts)
    assert verify_graph(graph, export_graph(graph), 7, 13, 1e-4).largest_difference < 1e-4
