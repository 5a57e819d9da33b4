"""Forecasts: metrics by hand, baselines against numpy, and nothing known before its time."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from pipelines.params import DatasetParams
from repertoire.config import ConfigError, parse
from repertoire.data.dataset import write_dataset
from repertoire.export.onnx_file import export_graph
from repertoire.families.forecaster.parts import pinball as torch_pinball
from repertoire.kinds.series.baselines import (
    PERSISTENCE,
    Autoregression,
    Config,
    Method,
    backtest,
    baselines,
    drift,
    fit_autoregression,
    fit_seasonal_autoregression,
    persistence,
    point_methods,
    seasonal_naive,
    volatility,
)
from repertoire.kinds.series.metrics import (
    covered,
    diebold_mariano,
    forecast_measurement,
    pinball,
    point_errors,
    points_of,
)
from repertoire.kinds.series.scales import (
    futures,
    origins,
    pasts,
    scaled,
    seasonal_change,
    unscaled,
)
from repertoire.readers import series as reader
from repertoire.runtime.onnx_run import run_session
from repertoire.runtime.session import open_session
from repertoire.training.torch_run import TorchRun
from tests.families import Dataset, small

RECIPES = ("gru_sunspots", "gru_sp500", "lstm_sunspots", "rnn_sunspots")
every_recipe = pytest.mark.parametrize("name", RECIPES)


def reader_config(project, dataset):
    params = parse(DatasetParams, project.full_datasets[dataset], dataset)
    return parse(reader.Config, params.config, dataset), project.files(dataset)


def built(name, project):
    family, config, data, _ = small(name, project.folder)
    torch.manual_seed(7)
    network = family.build(config, data.facts).eval()
    return family, config, data, network


def test_pinball_loss_by_hand():
    # Level .1: below by 4 costs .4, above by 5 costs 4.5; level .9 the other way round.
    actual = np.array([10.0, 1.0])
    quantiles = np.array([[6.0, 13.0], [6.0, 0.0]])
    expected = [(0.1 * 4 + 0.1 * 3) / 2, (0.9 * 5 + 0.9 * 1) / 2]
    assert pinball(actual, quantiles, [0.1, 0.9]) == pytest.approx(expected)


def test_the_loss_of_training_is_that_of_evaluation():
    rng = np.random.default_rng(0)
    actual, quantiles = rng.standard_normal((7, 3)), rng.standard_normal((7, 3, 5))
    levels = [0.05, 0.2, 0.5, 0.7, 0.95]
    found = torch_pinball(*(torch.from_numpy(a) for a in (actual, quantiles)), torch.tensor(levels))
    assert found.item() == pytest.approx(pinball(actual, quantiles, levels).mean())


def test_the_constant_with_the_least_pinball_loss_is_the_empirical_quantile():
    values = np.random.default_rng(1).exponential(size=1009)
    grid = np.linspace(0, 5, 2001)
    losses = [pinball(values, np.full((1009, 1), guess), [0.85]).mean() for guess in grid]
    assert grid[np.argmin(losses)] == pytest.approx(np.quantile(values, 0.85), abs=0.01)


def test_forecast_metrics_by_hand():
    train = np.array([1.0, 4.0, 2.0, 8.0])  # over two steps: 1 and 4
    actual, point = np.array([[10.0, 20.0], [30.0, 40.0]]), np.array([[13.0, 16.0], [30.0, 52.0]])
    quantiles = point[..., None] + np.array([-5, 0, 5])
    levels, change = [0.05, 0.5, 0.95], seasonal_change(train, 2)
    facts = {"levels": levels, "seasonal_change": change, "horizon": 2}
    measurement = forecast_measurement(actual, point, quantiles, facts)
    found = measurement.measure(np.arange(2))
    assert found["mae"] == pytest.approx(19 / 4) and found["mase"] == pytest.approx(19 / 4 / 2.5)
    assert found["rmse"] == pytest.approx(np.sqrt((9 + 16 + 144) / 4))
    assert found["coverage_90_percent"] == 75
    assert measurement.units == measurement.block == 2
    # Quantiles are 5 below, at and 5 above the point; the last value lies below all of them.
    below = 0.95 * 7 + 0.5 * 12 + 0.05 * 17
    losses = [0.05 * 2 + 0.5 * 3 + 0.05 * 8, 0.05 * 9 + 0.5 * 4 + 0.05 * 1, 0.05 * 5 * 2, below]
    assert found["pinball_loss"] == pytest.approx(sum(losses) / 3 / 4)


def test_the_ends_of_an_interval_belong_to_it():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert covered(values, np.full(5, 2.0), np.full(5, 4.0)) == pytest.approx(60)


def test_point_errors_and_points_by_hand():
    found = point_errors(np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1.0, 5.0], [3.0, 4.0]]))
    assert found == {"mse": 10 / 4, "mae": 4 / 4}
    quantiles = np.array([[0.0, 1.0, 8.0], [2.0, 3.0, 7.0]])
    assert points_of(quantiles, [0.05, 0.5, 0.95], "median").tolist() == [1, 3]
    assert points_of(quantiles, [0.05, 0.5, 0.95], "mean").tolist() == [3, 4]


def test_diebold_mariano_by_hand():
    # Gaps 1 2 3 6, mean 3, centred -2 -1 0 3: variance 14/4, first autocovariance 2/4.
    from scipy.stats import t

    gap, zeros = np.array([1.0, 2.0, 3.0, 6.0]), np.zeros(4)
    correction = (4 + 1 - 2 * 2 + 2 * 1 / 4) / 4
    expected = 3 / np.sqrt((14 / 4 + 2 * 2 / 4) / 4) * np.sqrt(correction)
    statistic, p_value = diebold_mariano(gap, zeros, 2)
    assert statistic == pytest.approx(expected)
    assert p_value == pytest.approx(2 * t.sf(expected, 3))
    assert diebold_mariano(zeros, gap, 2) == pytest.approx((-statistic, p_value))
    assert diebold_mariano(gap, gap - 1, 2) == (0, 1)


def test_a_sum_of_autocovariances_that_is_not_positive_is_weighted():
    # Gaps that alternate around 1: autocovariances 1, -4/5 and 3/5 of five origins.
    gap = np.array([2.0, 0.0, 2.0, 0.0, 1.0])
    centred = gap - 1
    products = [centred @ centred, centred[1:] @ centred[:-1]]
    assert products == [4, -3] and products[0] + 2 * products[1] < 0
    variance = (4 + 2 * 0.5 * -3) / 5
    expected = 1 / np.sqrt(variance / 5) * np.sqrt((5 + 1 - 4 + 2 / 5) / 5)
    assert diebold_mariano(gap, np.zeros(5), 2)[0] == pytest.approx(expected)


def test_diebold_mariano_rejects_equal_forecasters_seldom_with_few_origins():
    rng = np.random.default_rng(2)
    # Errors eleven steps ahead overlap in ten, as those of 49 origins of the sunspots do.
    noise = rng.standard_normal((1499, 49 + 10))
    overlapping = np.apply_along_axis(np.convolve, 1, noise, np.ones(11), "valid")
    share = np.mean([diebold_mariano(row, np.zeros(49), 11)[1] < 0.05 for row in overlapping])
    naive = np.mean([diebold_mariano(row, np.zeros(49), 1)[1] < 0.05 for row in overlapping])
    # Nominally 5 %; without the correction and with Bartlett's weights it is 25 %.
    assert 0.05 < share < 0.17 and naive > 0.4


def test_diebold_mariano_of_many_origins_rejects_as_often_as_it_says():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((1499, 307))
    overlapping = noise[:, 2:] + noise[:, 1:-1] + noise[:, :-2]
    share = np.mean([diebold_mariano(row, np.zeros(305), 3)[1] < 0.05 for row in overlapping])
    assert 0.035 < share < 0.075


@pytest.mark.parametrize("scale", ["linear", "root", "log"])
def test_a_scale_is_undone(scale):
    values = np.array([0.5, 3.0, 1700.0])
    assert unscaled(scaled(values, scale), scale) == pytest.approx(values)


def test_origins_cover_a_part_and_leave_it_nowhere():
    values = np.arange(23.0)
    at = origins(11, 19, 3)
    ahead = futures(values, at, 3)
    assert ahead[0].tolist() == [11, 12, 13] and ahead[-1].tolist() == [16, 17, 18]
    assert len(at) == 6 and pasts(values, at, 5)[0].tolist() == [6, 7, 8, 9, 10]


def test_naive_forecasts_by_hand():
    values = np.array([2.0, 5.0, 3.0, 6.0, 4.0, 10.0])
    at = np.array([2, 5])
    assert persistence(values, at, 2).tolist() == [[3, 3], [10, 10]]
    assert drift(values, at, 2) == pytest.approx(np.array([[3.5, 4.0], [11.6, 13.2]]))
    expected = [[2, 5, 3, 2], [6, 4, 10, 6]]
    assert seasonal_naive(values, at, 4, 3).tolist() == expected


def test_an_autoregression_is_the_least_squares_of_numpy_and_finds_a_known_process():
    rng = np.random.default_rng(3)
    values = [0.0, 0.0]
    for shock in 0.1 * rng.standard_normal(4999):
        values.append(2 + 0.6 * values[-1] - 0.3 * values[-2] + shock)
    series = np.array(values[50:])
    found = fit_autoregression(series, 2)
    design = np.column_stack((np.ones(len(series) - 2), series[1:-1], series[:-2]))
    expected, *_ = np.linalg.lstsq(design, series[2:], rcond=None)
    assert found.weights == pytest.approx(expected)
    assert found.weights == pytest.approx([2, 0.6, -0.3], abs=0.05)


def test_an_autoregression_iterates_its_own_steps():
    model = Autoregression(np.array([1.0, 0.5, 2.0]))
    values = np.array([0.0, 3.0, 4.0])
    first = 1 + 0.5 * 4 + 2 * 3
    second = 1 + 0.5 * first + 2 * 4
    third = 1 + 0.5 * second + 2 * first
    assert model(values, np.array([2]), 3)[0] == pytest.approx([first, second, third])


def test_seasonal_means_and_an_autoregression_come_near_the_best_forecast_of_such_a_process():
    # Anomalies of the recursion a(t) = .7 a(t-1) + shock; from one step ahead the best absolute
    # error is that of the shock alone, (2 / pi)^.5 times its deviation.
    rng = np.random.default_rng(6)
    anomalies = [0.0]
    for shock in 0.5 * rng.standard_normal(2999):
        anomalies.append(0.7 * anomalies[-1] + shock)
    season = np.array([9.0, -4.0, 2.0, 0.0, -7.0])
    values = np.array(anomalies) + np.tile(season, 600)
    found = fit_seasonal_autoregression(values[:2000], 1, 5)
    assert found.means == pytest.approx(season, abs=0.2)
    assert found.anomalies.weights[1] == pytest.approx(0.7, abs=0.05)
    at = origins(2000, 3000, 3)
    actual = futures(values, at, 3)
    best = 0.5 * np.sqrt(2 / np.pi) * np.sqrt([1, 1 + 0.7**2, 1 + 0.7**2 + 0.7**4])
    assert np.abs(found(values, at, 3) - actual).mean(0) == pytest.approx(best, rel=0.08)
    plain = np.abs(fit_autoregression(values[:2000], 1)(values, at, 3) - actual).mean(0)
    assert (plain > 3 * best).all()


def test_a_method_learns_its_errors_only_where_it_knows_all_that_it_needs():
    facts = {"scale": "linear", "horizon": 2, "levels": [0.25, 0.5], "values": {"train": 23}}
    values, asked = np.random.default_rng(7).random(31), []

    def forecast(known, at, horizon):
        asked.append(at)
        return np.repeat(known[at, None], horizon, axis=1)

    backtest(values, np.array([25]), Method(forecast, 5), facts)
    assert asked[0].tolist() == list(range(4, 21)) and asked[1].tolist() == [25]


def test_what_an_autoregression_takes_for_values_before_the_first_changes_no_quantile(project):
    data = Dataset(project.folder / "data" / "sunspots")
    values, facts = data.arrays("history")["values"], data.facts

    def padded(known, at, horizon):
        assert at.min() >= 2  # of three lags the first must be there
        return Autoregression(np.array([0.5, 0.2, 0.3, 0.1]))(known, at, horizon)

    found = backtest(values, data.arrays("test")["origin"], Method(padded, 3), facts)
    assert np.isfinite(found.quantiles).all()
    seasonal = point_methods(values, facts)["seasonal_naive"]
    assert seasonal.memory == facts["season"]


def test_volatility_is_the_recursion_written_out():
    values = np.array([0.0, 2.0, 1.0, 5.0])
    start = (4 + 1) / 2  # the mean square of the two changes of a training part of three
    one = 0.9 * start + 0.1 * 4
    two = 0.9 * one + 0.1 * 1
    expected = np.sqrt([start, one, two, 0.9 * two + 0.1 * 16])
    assert volatility(values, 3, 0.9) == pytest.approx(expected)


def test_baseline_quantiles_cover_what_they_say_where_nothing_changes():
    facts = {"scale": "linear", "horizon": 2, "levels": [0.05, 0.5, 0.95], "values": {"train": 997}}
    values = np.random.default_rng(4).standard_normal(1999).cumsum()
    at = origins(997, 1999, 2)
    for decay in (None, 0.94):
        found = backtest(values, at, PERSISTENCE, facts, decay)
        inside = (found.quantiles[..., 0] <= found.actual) & (
            found.actual <= found.quantiles[..., 2]
        )
        assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_the_point_of_the_scaled_baseline_leans_as_the_training_part_did():
    facts = {"scale": "linear", "horizon": 1, "levels": [0.05, 0.5, 0.95], "values": {"train": 7}}
    values = np.array([0.0, 3, 3, 6, 9, 12, 15, 20, 20])
    found = backtest(values, np.array([7]), PERSISTENCE, facts, 0.5)
    changes = np.array([3, 0, 3, 3, 3, 3.0])
    spread = volatility(values, 7, 0.5)
    assert found.points[0, 0] == pytest.approx(20 + spread[7] * np.median(changes / spread[:6]))
    assert backtest(values, np.array([7]), PERSISTENCE, facts).points[0, 0] == 20


@pytest.mark.parametrize("dataset", ["sunspots", "sp500"])
def test_changing_the_future_changes_no_baseline(project, dataset):
    data = Dataset(project.folder / "data" / dataset)
    values, facts = data.arrays("history")["values"], data.facts
    at = data.arrays("test")["origin"]
    changed = values.copy()
    changed[at[5] + 1 :] *= 1.7
    for name, method in point_methods(values, facts).items():
        for decay in (None, 0.9) if name == "persistence" else (None,):
            one, other = (backtest(v, at, method, facts, decay) for v in (values, changed))
            assert np.array_equal(one.quantiles[:6], other.quantiles[:6])
            assert np.array_equal(one.points[:6], other.points[:6])
            assert not np.array_equal(one.quantiles[6:], other.quantiles[6:])
    fitted = [point_methods(v, facts)["ar"].forecast.weights for v in (values, changed)]
    assert np.array_equal(*fitted)


@pytest.mark.parametrize("name", ["gru_sunspots", "gru_sp500"])
def test_changing_the_future_changes_no_forecast_and_no_normalisation(name, project, tmp_path):
    family, config, data, _ = built(name, project)
    settings, files = reader_config(project, data.facts["dataset"])
    table = reader.tabulate(settings, files)
    place = int(Dataset(data.folder).arrays("test")["origin"][5])
    runs = []
    for factor in (1.0, 1.7):
        table.loc[place + 1 :, "value"] *= factor
        encoded = reader.encode(settings, table)
        torch.manual_seed(7)
        network = family.build(config, {**encoded.facts, "kind": "series"}).eval()
        folder = tmp_path / str(factor)
        folder.mkdir()
        write_dataset(folder, encoded, {"dataset": "copy"})
        run = TorchRun(family.graphs(network, encoded.facts))
        copy = Dataset(folder)
        runs.append((run("forecast", series=copy.arrays("test")["past"])["quantiles"], copy))
    (one, first), (other, second) = runs
    assert np.array_equal(one[:6], other[:6])
    assert not np.array_equal(one[6:], other[6:])
    assert first.facts == second.facts
    for split in ("train", "valid"):
        pairs = zip(first.arrays(split).values(), second.arrays(split).values(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_parts_follow_one_another_and_each_past_ends_before_its_future(project):
    data = Dataset(project.folder / "data" / "sunspots")
    values = data.arrays("history")["values"]
    counts = data.facts["values"]
    assert np.array_equal(data.arrays("train")["values"], values[: counts["train"]])
    first = counts["train"]
    for split in ("valid", "test"):
        arrays = data.arrays(split)
        assert len(arrays["past"]) == counts[split] - data.facts["horizon"] + 1
        assert np.array_equal(arrays["future"][:, 0], values[arrays["origin"] + 1])
        assert arrays["past"][:, -1] == pytest.approx(values[arrays["origin"]])
        assert arrays["origin"][0] + 1 == first
        first += counts[split]
        assert arrays["origin"][-1] + data.facts["horizon"] + 1 == first


def test_normalisation_is_that_of_the_training_part(project):
    data = Dataset(project.folder / "data" / "sp500")
    logs = np.log(data.arrays("train")["values"])
    assert data.facts["mean"] == pytest.approx(logs.mean())
    assert data.facts["deviation"] == pytest.approx(logs.std())
    assert data.facts["change_deviation"] == pytest.approx(np.diff(logs).std())


def test_a_row_of_months_becomes_twelve_values_in_their_order(project):
    settings, files = reader_config(project, "sea_temperature")
    table = reader.tabulate(settings, files)
    assert len(table) == 61 * 12 and pd.Series(table["day"]).is_monotonic_increasing
    assert table["time"].iloc[[0, 1, 11, 12]].tolist() == [
        "1950-01-01",
        "1950-02-01",
        "1950-12-01",
        "1951-01-01",
    ]
    assert table["value"].iloc[0] > 22 and table["value"].iloc[6] < 18


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"levels": (0.5, 0.05, 0.95)}, "let them rise"),
        ({"levels": (0.05, 0.95)}, "let them rise"),
        ({"scale": "log"}, "has no log"),
        ({"low": -1.0}, "has no root"),
        ({"values": ("SUNACTIVITY",) * 5}, "do not divide a year"),
        ({"test_from": "2007-01-01"}, "the test part holds 2 values, 5 are needed"),
        ({"lookback": 997}, "the train part holds"),
    ],
)
def test_a_config_that_cannot_work_is_refused(project, changes, line):
    settings, files = reader_config(project, "sunspots")
    wrong = replace(settings, **changes)
    with pytest.raises(ConfigError, match=line):
        reader.encode(wrong, reader.tabulate(wrong, files))


@every_recipe
def test_quantiles_never_cross_and_keep_to_the_scale(name, project):
    family, _, data, network = built(name, project)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(5)  # far from where training would end
    [graph, _] = family.graphs(network, data.facts)
    series = np.random.default_rng(5).uniform(1, 900, (211, 9)).astype(np.float32)
    for run in (
        lambda: TorchRun([graph])("forecast", series=series),
        lambda: run_session(open_session(export_graph(graph), 1), {"series": series}),
    ):
        quantiles = run()["quantiles"]
        assert np.isfinite(quantiles).all() and (quantiles >= 0).all()
        assert (np.diff(quantiles, axis=2) >= 0).all()
        assert (np.diff(quantiles, axis=2) > 0).mean() > 0.5


@every_recipe
def test_a_stream_fed_piece_by_piece_ends_where_the_whole_series_does(name, project):
    family, _, data, network = built(name, project)
    whole, step = family.graphs(network, data.facts)
    run = TorchRun([whole, step])
    series = np.random.default_rng(6).uniform(10, 90, (3, 7)).astype(np.float32)
    fixed = {"batch": 3}
    states = {
        port.name: np.zeros([fixed.get(s, s) for s in port.shape], np.float32)
        for port in step.inputs[1:]
    }
    for piece in (series[:, :1], series[:, 1:5], series[:, 5:]):
        outputs = run("update", series=piece, **states)
        states = {into: outputs[out] for out, into in step.feedback.items()}
    assert outputs["quantiles"] == pytest.approx(
        run("forecast", series=series)["quantiles"], rel=1e-4
    )
    assert states["seen"].tolist() == [7, 7, 7]


@every_recipe
def test_what_lies_before_the_lookback_changes_nothing(name, project):
    family, _, data, network = built(name, project)
    [graph, _] = family.graphs(network, data.facts)
    opened = open_session(export_graph(graph), 1)
    rng = np.random.default_rng(8)
    lookback = data.facts["lookback"]
    # Small steps: large ones would saturate the cells, and nothing before them would matter.
    long = rng.uniform(49, 51, (2, lookback + 5)).astype(np.float32)
    found = run_session(opened, {"series": long})["quantiles"]
    assert found == pytest.approx(run_session(opened, {"series": long[:, 5:]})["quantiles"])
    nearer = run_session(opened, {"series": long[:, 6:]})["quantiles"]
    assert np.abs(found - nearer).max() > 1e-4


def test_a_relative_net_sees_returns_alone(project):
    family, _, data, network = built("gru_sp500", project)
    run = TorchRun(family.graphs(network, data.facts))
    series = np.random.default_rng(9).uniform(900, 1100, (5, 11)).astype(np.float32)
    one, doubled = (run("forecast", series=f * series)["quantiles"] for f in (1, 2))
    assert doubled == pytest.approx(2 * one, rel=1e-4)


def test_training_asks_every_position_for_the_values_that_follow_it(project):
    family, config, data, network = built("gru_sunspots", project)
    learner = family.learner(network, config, data, plan())
    values = data.arrays("train")["values"]
    lookback, horizon = data.facts["lookback"], data.facts["horizon"]
    start = 17
    window = torch.tensor(values[None, start : start + lookback + horizon], dtype=torch.float32)
    found = learner.step((window,))["pinball_deviations"]
    *_, fresh = built("gru_sunspots", project)
    facts = data.facts
    losses = []
    for end in range(1, lookback + 1):
        known = window[:, :end].sqrt()
        hidden, _ = fresh.core(fresh.inputs(known, known[:, 0]))
        quantiles = fresh.normalised(hidden[:, -1:])[0, 0].detach().numpy()
        ahead = np.sqrt(values[start + end : start + end + horizon])
        actual = (ahead - facts["mean"]) / facts["deviation"]
        losses.append(pinball(actual, quantiles, facts["levels"]).mean())
    assert found == pytest.approx(np.mean(losses), rel=1e-4)


def plan():
    from repertoire.contract import Plan

    return Plan(1, 3)


def test_baselines_report_each_metric_and_the_order_chosen(project):
    found = baselines(Config(0.94), Dataset(project.folder / "data" / "sunspots"))
    assert 1 <= found["ar_order"] <= 11 and "seasonal_naive_mase" in found
    assert "seasonal_naive_mae" not in baselines(
        Config(0.94), Dataset(project.folder / "data" / "sp500")
    )
    # A clean cycle of eleven years: its last round is a better guess than its last value.
    assert found["seasonal_naive_mae"] < 0.5 * found["persistence_mae"]
