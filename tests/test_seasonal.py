"""The net that starts from the last seasons, and what losses and metrics leave out."""

import numpy as np
import pytest
import torch

from repertoire.config import parse
from repertoire.contract import Plan
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import verify_graph
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.learner import learner
from repertoire.families.forecaster.network import build, graphs
from repertoire.families.forecaster.parts import pinball
from repertoire.families.forecaster.presets import preset, segment_of
from repertoire.kinds.panel.baselines import point_forecasts
from repertoire.kinds.series.metrics import origin_means, point_errors
from repertoire.kinds.series.proposals import proposed_scale, seasonality_of
from repertoire.training.torch_run import TorchRun

SEASON, LAGS, HORIZON = 5, 2, 7
FACTS = {
    "kind": "series",
    "scale": "linear",
    "low": -100.0,
    "high": 100.0,
    "season": SEASON,
    "seasonal_lags": LAGS,
    "seasonal_deviation": 2.0,
    "mean": 1.0,
    "deviation": 3.0,
    "change_deviation": 1.0,
    "lookback": 17,
    "horizon": HORIZON,
    "levels": [0.05, 0.5, 0.95],
    "persistence": 1.0,
}


def built(**changes):
    config = parse(Config, {**preset(FACTS, 300).config, **changes}, "test")
    torch.manual_seed(3)
    return config, build(config, FACTS).eval()


def silenced(network):
    """A net whose quantiles are what it starts from, and two steps around it."""
    with torch.no_grad():
        for each in (network.output.weight, network.output.bias):
            each.zero_()
    return TorchRun(graphs(network, FACTS))


def test_a_net_that_has_learned_nothing_repeats_the_mean_of_the_last_seasons():
    run = silenced(built(relative=False)[1])
    series = np.random.default_rng(0).uniform(-9, 9, (3, 17)).astype(np.float32)
    median = run("forecast", series=series)["quantiles"][..., 1]
    season, before = series[:, -SEASON:], series[:, -2 * SEASON : -SEASON]
    expected = np.concatenate([(season + before) / 2] * 2, axis=1)[:, :HORIZON]
    assert median == pytest.approx(expected, abs=1e-4)


def test_with_relative_the_last_difference_from_the_seasons_is_added():
    series = np.random.default_rng(1).uniform(-9, 9, (3, 17)).astype(np.float32)
    plain, moved = (
        silenced(built(relative=flag)[1])("forecast", series=series)["quantiles"]
        for flag in (False, True)
    )
    last = series[:, -1] - (series[:, -1 - SEASON] + series[:, -1 - 2 * SEASON]) / 2
    assert moved - plain == pytest.approx(
        np.broadcast_to(last[:, None, None], plain.shape), abs=1e-4
    )


def test_the_seasonal_net_exports_and_looks_no_further_back_than_it_says():
    _, network = built()
    [graph] = graphs(network, FACTS)
    assert verify_graph(graph, export_graph(graph), 7, 23, 1e-4).largest_difference < 1e-4
    series = np.random.default_rng(2).uniform(-9, 9, (2, 23)).astype(np.float32)
    run = TorchRun([graph])
    whole, end = (run("forecast", series=s)["quantiles"] for s in (series, series[:, -17:]))
    assert whole == pytest.approx(end, abs=1e-5)


def test_training_asks_the_seasonal_net_what_the_export_answers():
    _, network = built()
    window = np.random.default_rng(4).uniform(-9, 9, (1, 17 + HORIZON)).astype(np.float32)
    actual, quantiles = network.asked(torch.from_numpy(window))
    run = TorchRun(graphs(network, FACTS))
    told = run("forecast", series=window[:, :17])["quantiles"][0]
    ahead = window[0, 17:]
    found = (actual[0, -1, :, None] - quantiles[0, -1]).detach().numpy() * 2.0
    assert found == pytest.approx(ahead[:, None] - told, abs=1e-4)


def test_what_is_missing_counts_in_no_loss_no_mean_and_no_error():
    rng = np.random.default_rng(5)
    actual, quantiles = rng.standard_normal((3, 7)), rng.standard_normal((3, 7, 3))
    known = rng.random((3, 7)) < 0.5
    levels = torch.tensor([0.05, 0.5, 0.95])
    changed = np.where(known, actual, 99.0)
    tensors = (torch.from_numpy(each) for each in (changed, quantiles))
    found = pinball(*tensors, levels, torch.from_numpy(known.astype(np.float64)))
    alone = pinball(*(torch.from_numpy(each[known]) for each in (actual, quantiles)), levels)
    assert found.item() == pytest.approx(alone.item())
    assert point_errors(changed, np.zeros((3, 7)), known)["mse"] == pytest.approx(
        (actual[known] ** 2).mean()
    )
    means = origin_means(changed[..., None], known[..., None])
    assert means == pytest.approx(
        [row[which].mean() for row, which in zip(actual, known, strict=True)]
    )


def test_a_learner_of_a_panel_leaves_missing_values_out():
    facts = {
        "kind": "panel",
        "series": ["a", "b"],
        "low": -99.0,
        "high": 99.0,
        "mean": [0.0, 0.0],
        "deviation": [1.0, 1.0],
        "lookback": 12,
        "horizon": 3,
        "levels": [0.05, 0.5, 0.95],
    }
    config = parse(Config, dict(preset(facts, 300).config), "test")
    values = np.random.default_rng(6).standard_normal((61, 2)).cumsum(0)

    class Data:
        def __init__(self, values, known):
            self.facts, self.content = facts, {"values": values, "known": known}

        def arrays(self, name):
            return self.content

    known = np.ones((61, 2), np.uint8)
    known[15, 1] = 0
    losses = []
    for value in (values[15, 1], 50.0):
        torch.manual_seed(1)
        net = build(config, facts).eval()
        changed = values.copy()
        changed[15, 1] = value
        own = learner(net, config, Data(changed, known), Plan(1, 1))
        batch = tuple(each[1:4] for each in (own.windows, own.known))  # ahead of all three
        losses.append(own.step(batch)["pinball_deviations"])
    assert losses[0] == losses[1]


def test_a_panel_without_season_has_no_seasonal_baseline():
    values = np.random.default_rng(7).standard_normal((60, 2)).cumsum(0)
    facts = {"season": 1, "values": {"train": 40, "valid": 10}, "horizon": 2, "ridge_lookback": 3}
    assert list(point_forecasts((1.0,), values, facts)[0]) == ["persistence", "ridge"]


def test_segments_divide_look_back_and_horizon():
    assert segment_of(96, 24) == 24 and segment_of(28, 14) == 7 and segment_of(13, 5) == 1


def test_seasonality_tells_a_season_with_a_trend_from_a_random_walk():
    steps = np.arange(211)
    assert seasonality_of(np.sin(steps * np.pi / 6) + steps, "linear", 12) < 0.1
    walk = np.random.default_rng(8).standard_normal(2003).cumsum()
    assert seasonality_of(walk, "linear", 12) > 1


def test_the_scale_is_the_one_on_which_the_spread_is_even():
    rng = np.random.default_rng(9)
    level = np.repeat(np.exp(rng.uniform(0, 5, 40)), 12)
    noise = rng.standard_normal(480)
    assert proposed_scale(level * np.exp(0.2 * noise), 12)[0] == "log"
    assert proposed_scale((np.sqrt(level) + 0.1 * noise) ** 2, 12)[0] == "root"
    assert proposed_scale(level + 0.1 * noise + 1, 12)[0] == "linear"
