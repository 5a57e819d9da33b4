"""Nets, likelihoods and features of images of every size, grey and in colours."""

import itertools

import numpy as np
import pytest
import torch

from repertoire.config import RepertoireError, parse
from repertoire.contract import load_family
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import verify_graph
from repertoire.kinds.images.corruption import KINDS, corrupted
from repertoire.kinds.images.levels import level_bits
from repertoire.kinds.images.sizes import divisor, enough_epochs, fitting_batch, halvings, usable
from repertoire.metrics.generation import EvaluationClassifier, reduced
from repertoire.metrics.principal import EXACT, Principal, pixel_rows
from repertoire.nn.logistic import log_probability
from repertoire.training.torch_run import TorchRun

FAMILIES = ("autoencoder", "variational_autoencoder", "gan")


def facts(side, channels, classes=0):
    return {"side": side, "channels": channels, "classes": classes, "kind": "images"}


def net(family, side, channels, **changes):
    found = load_family(family)
    known = facts(side, channels)
    settings = {**found.preset(known, 211).config, **changes}
    config = parse(found.Config, settings, "test")
    torch.manual_seed(0)
    return found, config, found.build(config, known).eval()


def test_sides_are_halved_until_a_map_is_small():
    assert [halvings(side) for side in (16, 28, 32, 48, 64, 96, 128)] == [2, 2, 2, 3, 3, 4, 4]
    assert [usable(side) for side in (3, 16, 30, 33, 50, 70, 999)] == [16, 16, 28, 32, 48, 64, 128]
    assert all(side % divisor(side) == 0 for side in map(usable, range(1, 200)))


@pytest.mark.parametrize(("side", "channels"), [(16, 3), (28, 1), (48, 1), (128, 3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_takes_images_of_every_size_grey_and_coloured(family, side, channels):
    found, config, network = net(family, side, channels)
    run = TorchRun(found.graphs(network, facts(side, channels)))
    shape = (2, side, side) if channels == 1 else (2, side, side, 3)
    codes = np.random.default_rng(0).standard_normal((2, config.latent), np.float32)
    decoded = run("decode", latents=codes)
    image = decoded[next(iter(decoded))]
    assert image.shape == shape and image.dtype == np.uint8
    given = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    graph = "discriminate" if family == "gan" else "reconstruct"
    first = next(iter(run(graph, images=given).values()))
    assert first.shape == ((2,) if family == "gan" else shape)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_exported_file_of_a_coloured_net_is_the_net(family):
    found, _, network = net(family, 16, 3)
    for graph in found.graphs(network, facts(16, 3)):
        verify_graph(graph, export_graph(graph), 3, 3, 1e-3)


def test_black_and_white_likelihoods_are_refused_for_colours_and_labels_without_classes():
    with pytest.raises(RepertoireError, match="half is of grey images; set none for colours"):
        net("variational_autoencoder", 16, 3, binarisation="half")
    with pytest.raises(RepertoireError, match="the images have no classes; set false"):
        net("variational_autoencoder", 16, 3, conditional=True)


@pytest.mark.parametrize(("mean", "log_scale"), itertools.product((-0.3, 0.4, 1.0), (-6, -2, 1)))
def test_the_chances_of_all_levels_add_up_to_one(mean, log_scale):
    levels = torch.arange(256, dtype=torch.float64) / 255
    place, scale = torch.tensor(mean), torch.tensor(float(log_scale), dtype=torch.float64)
    total = log_probability(levels, place, scale).exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-9)


def test_the_chance_of_a_level_is_the_difference_of_two_logistic_functions():
    levels, mean, scale = np.array([7, 100, 254]) / 255, 0.37, 0.11
    ends = [1 / (1 + np.exp(-(levels + s / 510 - mean) / scale)) for s in (1, -1)]
    found = log_probability(torch.from_numpy(levels), torch.tensor(mean), torch.tensor(scale).log())
    np.testing.assert_allclose(found.numpy(), np.log(ends[0] - ends[1]), rtol=1e-4)


def test_bits_of_a_gaussian_with_components_are_those_of_its_density():
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    mixing = rng.normal(0, 20, (12, 2))
    draws = rng.standard_normal((503, 2)) @ mixing.T + rng.normal(0, 4, (503, 12)) + 120
    images = draws.clip(0, 255).round().astype(np.uint8).reshape(-1, 2, 2, 3)
    train, test = images[:401], images[401:]
    found = level_bits(train, test, (2,))["ppca_2_bits_per_dimension"]
    rows = train.reshape(401, -1).astype(float)
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    values = np.where(np.arange(12) < 10, values[:10].mean(), values) + 1 / 12
    covariance = vectors @ np.diag(values) @ vectors.T
    noisy = test.reshape(102, -1) + np.random.default_rng(0).random((102, 12))
    density = multivariate_normal(rows.mean(0) + 0.5, covariance).logpdf(noisy)
    assert found == pytest.approx(-density.mean() / (12 * np.log(2)), rel=1e-6)


def test_of_long_rows_the_first_components_are_those_of_all(monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((97, 5)) * (9, 7, 5, 3, 2) @ rng.standard_normal((5, 53))
    whole = Principal(rows)
    monkeypatch.setattr("repertoire.metrics.principal.EXACT", 31)
    part = Principal(rows)
    assert part.total == pytest.approx(whole.total)
    np.testing.assert_allclose(part.variances[:5], whole.variances[:5], rtol=1e-6)
    assert part.errors(rows, 3).mean() == pytest.approx(whole.errors(rows, 3).mean(), rel=1e-6)


def test_rows_of_too_many_large_images_are_evenly_chosen(monkeypatch):
    images = np.arange(23, dtype=np.uint8)[:, None, None] * np.ones((1, 3, 3), np.uint8)
    assert pixel_rows(images).dtype == np.float64 and EXACT >= 28 * 28
    monkeypatch.setattr("repertoire.metrics.principal.NUMBERS", 9 * 3)
    assert (pixel_rows(images)[:, 0] * 255).round().tolist() == [0, 11, 22]


def test_a_classifier_of_smaller_images_makes_them_smaller_first():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 6, 6, 3), dtype=np.uint8)
    small = reduced(images, 2)
    assert small.shape == (7, 3, 3, 3)
    np.testing.assert_allclose(small[2, 1, 0], images[2, 2:4, 0:2].mean((0, 1)))
    weights = {
        "weight_0": rng.standard_normal((27, 5)).astype(np.float32),
        "bias_0": np.zeros(5, np.float32),
        "weight_1": rng.standard_normal((5, 2)).astype(np.float32),
        "bias_1": np.zeros(2, np.float32),
    }
    found = EvaluationClassifier({**weights, "reduction": np.array([2])}).features(images)
    expected = np.maximum(small.reshape(7, -1) / 255 @ weights["weight_0"], 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_colours_are_spoiled_in_the_same_places(kind):
    rng = np.random.default_rng(0)
    grey = rng.integers(1, 255, (11, 13, 13), dtype=np.uint8)
    strength = {"blur": 1.0, "gaussian": 0.3, "mask": 0.4, "salt_and_pepper": 0.3}[kind]
    colours = np.repeat(grey[..., None], 3, axis=-1)
    spoiled, _ = corrupted(colours, {kind: strength}, np.random.default_rng(5))
    assert spoiled.shape == colours.shape and not np.array_equal(spoiled, colours)
    if kind != "gaussian":
        alone, _ = corrupted(grey, {kind: strength}, np.random.default_rng(5))
        assert np.array_equal(spoiled, np.repeat(alone[..., None], 3, axis=-1))


def test_presets_fit_few_images_and_many():
    assert fitting_batch(21, 50) == 2 and fitting_batch(50_000, 50) == 50
    assert enough_epochs(50_000, 50, 3000) == 5 and enough_epochs(100, 12, 3000) == 360
    for family, rows, side in itertools.product(FAMILIES, (24, 700, 50_000), (16, 64)):
        preset = load_family(family).preset({**facts(side, 3), "features": "rotations"}, rows)
        assert preset.config["batch"] * 2 <= rows and preset.epochs >= 5
