"""What is particular to autoencoders of pictures: corruption, filters, decibels, probes."""

import numpy as np
import pytest

from pipelines.params import Recipe
from repertoire.config import ConfigError, RepertoireError, parse
from repertoire.kinds.images import denoising, filters
from repertoire.kinds.images.baselines import Config as BaselineConfig
from repertoire.kinds.images.baselines import grey_baselines
from repertoire.kinds.images.corruption import KINDS, corrupted
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.pictures import denoising_gains, psnr_db, squared_errors
from repertoire.metrics.principal import Principal
from repertoire.training.torch_run import TorchRun
from tests.families import RECIPES, small
from tests.project import full_params

STRENGTHS = {"blur": 1.0, "gaussian": 0.2, "mask": 0.5, "salt_and_pepper": 0.3}


def grey_pictures(count, side=13, level=100):
    return np.full((count, side, side), level, np.uint8)


def spoiled(kind, images):
    return corrupted(images, {kind: STRENGTHS[kind]}, np.random.default_rng(0))[0].astype(float)


def test_gaussian_noise_has_the_stated_deviation():
    found = spoiled("gaussian", grey_pictures(211, level=127))
    # Noise beyond black and white is cut off, so a little deviation is missing.
    assert found.mean() == pytest.approx(127, abs=1) and 47 < found.std() <= 51


def test_salt_and_pepper_replace_the_stated_share_by_even_halves():
    found = spoiled("salt_and_pepper", grey_pictures(211))
    shares = [np.mean(found == level) for level in (0, 100, 255)]
    assert shares == pytest.approx([0.15, 0.7, 0.15], abs=0.01)


def test_a_mask_is_one_black_square_of_the_stated_side_within_the_picture():
    found = spoiled("mask", grey_pictures(211))
    black = found == 0
    assert set(black.sum((1, 2))) == {36}  # half of 13, rounded to even: 6 x 6
    assert set(black.any(1).sum(1)) == set(black.any(2).sum(1)) == {6}


def test_a_blurred_point_keeps_its_ink_and_spreads_by_the_stated_deviation():
    images = np.zeros((1, 25, 25), np.uint8)
    images[0, 12, 12] = 255
    found = spoiled("blur", np.tile(images, (3, 1, 1)))[0]
    places = np.arange(25) - 12
    weights = found.sum(0) / found.sum()
    assert found.sum() == pytest.approx(255, rel=0.05)
    assert (weights * places**2).sum() == pytest.approx(1, rel=0.15)


def test_kinds_take_turns_and_a_seed_gives_the_same_pictures():
    images = np.random.default_rng(1).integers(0, 256, (17, 13, 13)).astype(np.uint8)
    before = images.copy()
    first, kinds = corrupted(images, STRENGTHS, np.random.default_rng(5))
    again, _ = corrupted(images, STRENGTHS, np.random.default_rng(5))
    assert kinds.tolist() == [n % 4 for n in range(17)] and sorted(STRENGTHS) == list(KINDS)
    assert np.array_equal(first, again) and np.array_equal(images, before)
    assert (first != images).any((1, 2)).all()


def test_an_unknown_corruption_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'rain' is unknown; known: blur, gaussian"):
        corrupted(grey_pictures(1), {"rain": 1.0}, np.random.default_rng(0))


def test_the_filters_are_those_of_scipy():
    from scipy import ndimage, signal

    image = np.random.default_rng(2).random((1, 17, 13))
    expected = ndimage.median_filter(image[0], 5, mode="constant")
    assert np.allclose(filters.median(image, 5)[0], expected)
    # scipy averages the squares beyond the border, too, and so do these windows.
    assert np.allclose(filters.wiener(image, 3)[0], signal.wiener(image[0], 3))


def test_halving_every_error_gains_six_decibels():
    clean = grey_pictures(7)
    before, after = (squared_errors(clean, clean + np.uint8(step)) for step in (40, 20))
    assert after == pytest.approx(np.full(7, (20 / 255) ** 2))
    gains = denoising_gains(before, after, np.arange(7) % 2, ["a", "b"])
    assert gains == pytest.approx(dict.fromkeys(gains, 20 * np.log10(2)))
    assert set(gains) == {"denoising_gain_db", "a_gain_db", "b_gain_db"}
    assert psnr_db(0.01) == pytest.approx(20)


def test_a_linear_probe_is_ridge_classification():
    from sklearn.linear_model import RidgeClassifier
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 211)
    known = rng.standard_normal((211, 7)) + labels[:, None] * np.arange(7) / 3
    asked = rng.standard_normal((101, 7)) + rng.integers(0, 3, 101)[:, None]
    scaler = StandardScaler().fit(known)
    model = RidgeClassifier(alpha=0.01 * 211).fit(scaler.transform(known), labels)
    expected = model.predict(scaler.transform(asked))
    assert np.array_equal(linear_probe(known, labels, asked, 0.01), expected)
    # A number of the code that never changes tells nothing.
    known, asked = (np.pad(codes, ((0, 0), (0, 1)), constant_values=7) for codes in (known, asked))
    assert np.array_equal(linear_probe(known, labels, asked, 0.01), expected)


@pytest.mark.parametrize("name", ["ae_dense", "ae_convolutional"])
def test_reconstruction_is_what_decoding_the_code_gives(name, project):
    family, config, data, _ = small(name, project.folder)
    run = TorchRun(family.graphs(family.build(config, data.facts).eval(), data.facts))
    images = data.arrays("test")["images"][:11]
    whole = run("reconstruct", images=images)
    codes = run("encode", images=images)["latents"]
    assert codes.shape == (11, config.latent)
    assert np.array_equal(run("decode", latents=codes)["images"], whole["reconstruction"])
    apart = (whole["reconstruction"].astype(float) - images) / 255
    assert whole["error"] == pytest.approx(np.square(apart).mean((1, 2)), abs=2e-3)


def test_filters_undo_what_nets_are_asked_to_undo():
    params = full_params()
    for name, block in params["recipes"].items():
        recipe = parse(Recipe, block, name)
        if recipe.family == "autoencoder" and recipe.config["corruption"]:
            known = params["datasets"][recipe.dataset]["baseline"]
            assert recipe.config["corruption"] == known["corruption"]


def test_the_best_filter_is_no_worse_than_any_of_them_where_it_was_chosen(project):
    _, _, data, _ = small("ae_denoising", project.folder)
    block = full_params()["datasets"]["digits"]["baseline"]
    config = parse(BaselineConfig, {**block, "widths": [3]}, "digits")
    found = grey_baselines(config, data, "valid")
    best = found["best_filter_denoising_gain_db"]
    assert all(best >= found[f"{kind}_denoising_gain_db"] for kind in ("median", "wiener", "pca"))
    # All of them picture by picture, as a net is.
    units = {each.units for parts in found.measurements.values() for each in parts}
    assert units == {len(data.arrays("valid")["images"])}


def test_the_linear_map_is_ridge_regression_with_a_constant():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(6)
    clean, *draws = rng.integers(0, 256, (3, 211, 5, 5), dtype=np.uint8)
    found = denoising.Moments.of(draws, clean).map(7.0)
    rows = np.concatenate([images.reshape(211, -1) for images in draws]) / 255
    # Both draws count for one.
    model = Ridge(alpha=14.0).fit(rows, np.tile(clean.reshape(211, -1), (2, 1)) / 255)
    assert found[:-1] == pytest.approx(model.coef_.T, abs=1e-4)
    assert found[-1] == pytest.approx(model.intercept_, abs=1e-4)


def blots(count, seed):
    """Smooth pictures (count, 13, 13) that five numbers each decide."""
    shapes = np.random.default_rng(0).random((5, 4, 4)).repeat(4, 1).repeat(4, 2)[:, :13, :13]
    weights = np.random.default_rng(seed).dirichlet(np.full(5, 0.3), count)
    return (255 * np.tensordot(weights, shapes, 1)).round().astype(np.uint8)


def test_linear_maps_undo_what_filters_cannot_and_recognise_what_it_is():
    splits = [blots(count, seed) for seed, count in enumerate((401, 103, 211))]
    found = denoising.linear_gains(STRENGTHS, (0.1, 10.0), 3, *splits)
    components = Principal(splits[0].reshape(401, -1) / 255)
    filters_ = denoising.filter_gains(components, STRENGTHS, *splits[1:])
    for kind in ("blur", "mask"):
        assert found[f"linear_map_by_kind_{kind}_gain_db"] > 5
        key = f"{kind}_gain_db"
        assert found[f"linear_map_by_kind_{key}"] > filters_[f"best_filter_{key}"] + 1
    # One map for all kinds serves each of them less well than its own.
    own, one = (found[f"{m}_denoising_gain_db"] for m in ("linear_map_by_kind", "linear_map"))
    assert own > one + 1
    assert found["linear_map_penalty"] in (0.1, 10.0)


def test_convolutions_refuse_a_side_that_cannot_be_halved_twice(project):
    family, config, data, _ = small("ae_convolutional", project.folder)
    with pytest.raises(RepertoireError, match="side 30 is not a multiple of 4"):
        family.build(config, {**data.facts, "side": 30})
    assert RECIPES["ae_convolutional"]["config"]["layers"] == "convolutional"
