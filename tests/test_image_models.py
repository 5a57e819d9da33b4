"""Densities and generators of images that are no nets: normalised, and equal to what is known."""

import itertools

import numpy as np
import pytest

from repertoire.kinds.image_domains import baselines as picture_domains
from repertoire.kinds.images.bernoulli import (
    Likelihoods,
    LogisticPixels,
    class_nats,
    fitted_mixture,
    likelihoods,
    mixture_nats,
    moved,
)
from repertoire.kinds.stacked_images.baselines import single_images, stacks
from repertoire.metrics.gaussians import GaussianMixture

EVERY = np.array(list(itertools.product((0, 1), repeat=9)), np.float32).reshape(-1, 3, 3)
NOTHING = np.zeros((len(EVERY), 0), np.float32)


def kinds(count, side=5, seed=2):
    """Images of two kinds, upper half white or lower half white, a tenth of the pixels wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    images = (
        np.repeat(np.arange(side)[:, None] < side // 2, side, 1)[None]
        ^ (labels == 1)[:, None, None]
    )
    return (images ^ (rng.random(images.shape) < 0.1)).astype(np.float32), labels


def test_a_mixture_gives_all_images_together_a_chance_of_one():
    rng = np.random.default_rng(0)
    train = EVERY[rng.integers(0, len(EVERY), 41)]
    for components, shift in ((1, 0), (3, 0), (3, 1)):
        mixture = fitted_mixture(train, components, 5, shift, 0)
        total = sum(np.exp(-mixture_nats(mixture, each[None])) for each in EVERY)
        assert total == pytest.approx(1, rel=1e-4)


def test_one_bernoulli_component_is_the_entropy_of_smoothed_pixels():
    rng = np.random.default_rng(1)
    images = (rng.random((101, 3, 3)) < 0.3).astype(np.float32)
    p = (images.sum(0) + 0.1) / (len(images) + 0.2)
    expected = -(images * np.log(p) + (1 - images) * np.log1p(-p)).sum((1, 2)).mean()
    assert mixture_nats(fitted_mixture(images, 1, 1, 0, 0), images).mean() == pytest.approx(
        expected, rel=1e-5
    )


def test_a_mixture_finds_two_kinds_of_image():
    images, _ = kinds(307)
    one, two = (fitted_mixture(images, n, 23, 0, 0) for n in (1, 2))
    assert mixture_nats(two, images).mean() < 0.6 * mixture_nats(one, images).mean()


def test_images_move_by_so_many_pixels_in_all_and_what_is_new_is_black():
    dot = np.zeros((997, 5, 5), np.float32)
    dot[:, 2, 2] = 1
    found = {tuple(np.argwhere(each)[0]) for each in moved(dot, 1, np.random.default_rng(0))}
    assert found == {(2, 2), (1, 2), (3, 2), (2, 1), (2, 3)}
    white = moved(np.ones((97, 5, 5), np.float32), 1, np.random.default_rng(0))
    assert set(white.sum((1, 2))) == {25, 20}


def test_a_mixture_that_sees_moved_images_knows_moved_ones_better():
    images, _ = kinds(307, side=7)
    others = np.pad(images, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    still, moving = (fitted_mixture(images, 2, 23, shift, 0) for shift in (0, 1))
    assert mixture_nats(moving, others).mean() < mixture_nats(still, others).mean()


def test_logistic_pixels_give_all_images_together_a_chance_of_one():
    rng = np.random.default_rng(3)
    train = EVERY[rng.integers(0, len(EVERY), 53)]
    model = LogisticPixels(train, NOTHING[:53], 2, 1.0)
    total = sum(np.exp(-model.nats(each[None], NOTHING[:1])) for each in EVERY)
    assert total == pytest.approx(1, rel=1e-4)


def test_a_pixel_is_the_logistic_regression_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    images, labels = kinds(211)
    told = labels[:, None].astype(np.float32)
    model = LogisticPixels(images, told, 1, 3.0)
    place = model.places.index((2, 3))
    columns = np.column_stack(
        [images[:, 1, 2], images[:, 1, 3], images[:, 1, 4], images[:, 2, 2], labels]
    )
    wanted = LogisticRegression(C=1 / 3.0, tol=1e-8).fit(columns, images[:, 2, 3])
    expected = np.concatenate((wanted.intercept_, wanted.coef_[0]))
    np.testing.assert_allclose(model.weights[place], expected, atol=0.02)


def test_pixels_that_are_copies_of_earlier_ones_cost_next_to_nothing():
    rng = np.random.default_rng(4)
    images = np.repeat((rng.random((503, 1, 5)) < 0.5).astype(np.float32), 5, axis=1)
    nats = LogisticPixels(images, np.zeros((503, 0), np.float32), 1, 0.1).nats(
        images, np.zeros((503, 0), np.float32)
    )
    assert nats.mean() == pytest.approx(5 * np.log(2), rel=0.05)


def test_validation_chooses_among_candidates_and_labels_are_told():
    splits = {name: kinds(n, seed=n) for name, n in (("train", 307), ("valid", 101), ("test", 97))}
    images = {name: each for name, (each, _) in splits.items()}
    labels = {name: each for name, (_, each) in splits.items()}
    config = Likelihoods((2, 31), (0,), 7, 1, (1.0, 1000.0))
    plain, told = (likelihoods(config, images, given, 0) for given in ({}, labels))
    assert plain["bernoulli_mixture_components"] == 2  # there are two kinds
    assert plain["logistic_pixels_penalty"] == 1
    assert "bernoulli_pixels_nats" not in told
    # The label is one bit: ln 2 nats, and no more can be gained by it.
    gain = plain["bernoulli_mixture_nats"] - told["bernoulli_mixture_nats"]
    assert 0 < gain < np.log(2) + 0.2


def test_a_mixture_of_each_class_with_one_component_is_that_of_its_pixels():
    rng = np.random.default_rng(7)
    train, test = ((rng.random((n, 3, 3)) < 0.4).astype(np.float32) for n in (53, 31))
    known, labels = np.arange(53) % 3, np.arange(31) % 3
    expected = 0.0
    for label in range(3):
        shares = (train[known == label].sum(0) + 0.1) / ((known == label).sum() + 0.2)
        own = test[labels == label]
        expected -= (own * np.log(shares) + (1 - own) * np.log1p(-shares)).sum()
    fitted = {n: fitted_mixture(train[known == n], 1, 1, 0, 0) for n in range(3)}
    assert class_nats(fitted, test, labels).mean() == pytest.approx(expected / 31, rel=1e-5)


def test_a_mixture_of_gaussians_draws_its_clusters_and_what_lies_in_them():
    rng = np.random.default_rng(5)
    near = rng.integers(0, 2, 1009)
    images = (60 + 120 * near[:, None, None] + rng.normal(0, 10, (1009, 3, 3))).astype(np.uint8)
    drawn = GaussianMixture(images, 2, 9, 0).images(4001, 1).astype(float)
    assert drawn.shape == (4001, 3, 3)
    assert drawn.mean() == pytest.approx(images.mean(), abs=4)
    middle = np.abs(drawn.mean((1, 2)) - 120) < 40
    assert middle.mean() < 0.01  # one Gaussian would put most of its draws there
    # A thousandth of white squared is added to each variance.
    spread = np.sqrt(10**2 + 0.001 * 255**2)
    assert drawn[drawn.mean((1, 2)) > 120].std(0).mean() == pytest.approx(spread, abs=0.5)


def test_stacks_are_made_of_single_images_and_come_apart_into_them():
    singles = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
    found = stacks(singles, 3)
    assert found.shape == (2, 2, 2, 3) and np.array_equal(found[1, ..., 2], singles[5])
    twice = single_images(np.concatenate((found, found)))
    assert sorted(map(bytes, twice)) == sorted(map(bytes, singles))


def test_the_ridge_of_the_linear_map_is_a_choice_of_one_of_several_maps():
    rng = np.random.default_rng(6)
    first, second = (rng.integers(low, 200, (211, 3, 3)).astype(np.uint8) for low in (0, 100))
    maps = list(picture_domains.transports(first, second, (1.0, 1e6)))
    moved_ones = [each(first).astype(float) for each in maps]
    spread = second.std(0).mean()
    assert moved_ones[0].std(0).mean() == pytest.approx(spread, rel=0.1)
    assert moved_ones[1].std(0).mean() > 1.5 * spread  # the ridge hides both spreads
