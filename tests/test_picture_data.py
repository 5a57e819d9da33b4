"""Pairs and domains of pictures: similarity, edges, baselines, emoji and official digits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from repertoire.data.dataset import Dataset
from repertoire.data.sources import Files
from repertoire.data.validation import ValidationError, common, validate, with_identity
from repertoire.kinds.image_domains import baselines as picture_domains
from repertoire.kinds.image_domains.encoding import enlarged
from repertoire.kinds.image_pairs import baselines as picture_pairs
from repertoire.metrics.similarity import l1_levels, ssim
from repertoire.readers import emoji_domains, emoji_pairs, mnist_usps
from repertoire.readers.helpers.images.edges import edges
from tests.small import emoji

LUMINANCE, CONTRAST = 2.55**2, 7.65**2


def pictures(count, side, *colours, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, side, side, *colours), dtype=np.uint8)


# Structural similarity.


@pytest.mark.parametrize("colours", [(), (3,)])
def test_a_picture_is_wholly_similar_to_itself_and_less_to_any_other(colours):
    images = pictures(5, 17, *colours)
    assert ssim(images, images) == pytest.approx(np.ones(5))
    others = pictures(5, 17, *colours, seed=1)
    assert (ssim(images, others) < 0.5).all()
    assert ssim(images, others) == pytest.approx(ssim(others, images))


@pytest.mark.parametrize(("one", "other"), [(0, 255), (31, 37), (200, 3)])
def test_constant_pictures_are_as_similar_as_their_means(one, other):
    first, second = (np.full((2, 13, 13), value, np.uint8) for value in (one, other))
    wanted = (2 * one * other + LUMINANCE) / (one**2 + other**2 + LUMINANCE)
    assert ssim(first, second) == pytest.approx([wanted, wanted])


def test_a_negative_of_the_same_mean_has_the_opposite_structure():
    images = pictures(1, 11)
    weights = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    weights = np.outer(weights, weights) / weights.sum() ** 2
    mean = (weights * images[0]).sum()
    variance = (weights * (images[0] - mean) ** 2).sum()
    # With the mean m of one window, 255 - x has the mean 255 - m and the covariance -variance.
    means = (2 * mean * (255 - mean) + LUMINANCE) / (mean**2 + (255 - mean) ** 2 + LUMINANCE)
    wanted = means * (CONTRAST - 2 * variance) / (CONTRAST + 2 * variance)
    assert ssim(images, 255 - images)[0] == pytest.approx(wanted)


def test_windows_are_those_of_a_convolution_with_a_gaussian():
    first, second = pictures(3, 19), pictures(3, 19, seed=1)
    weights = torch.exp(-0.5 * ((torch.arange(11.0, dtype=torch.float64) - 5) / 1.5) ** 2)
    kernel = (torch.outer(weights, weights) / weights.sum() ** 2)[None, None]
    x, y = (torch.from_numpy(images).double()[:, None] for images in (first, second))
    mx, my, xx, yy, xy = (nn.functional.conv2d(v, kernel) for v in (x, y, x * x, y * y, x * y))
    above = (2 * mx * my + LUMINANCE) * (2 * (xy - mx * my) + CONTRAST)
    below = (mx**2 + my**2 + LUMINANCE) * (xx - mx**2 + yy - my**2 + CONTRAST)
    assert ssim(first, second) == pytest.approx((above / below).mean((1, 2, 3)).numpy())


def test_differences_are_in_grey_levels_and_do_not_wrap_around():
    first = np.array([[[0, 255]]], np.uint8)
    assert l1_levels(first, 255 - first) == 255
    assert l1_levels(first, np.array([[[3, 250]]], np.uint8)) == 4


# Edges and enlarged pictures.


def test_edges_of_a_square_are_a_closed_line_one_pixel_wide():
    image = np.zeros((1, 17, 17), np.uint8)
    image[0, 5:12, 5:12] = 255
    found = edges(image, 0.4)[0] > 0
    assert found[8].sum() == 2 and found[:, 8].sum() == 2
    assert not found[7:10, 7:10].any() and not found[:3].any()
    assert set(np.unique(edges(image, 0.4))) == {0, 255}


def test_a_slope_below_the_threshold_is_no_edge():
    image = np.zeros((1, 13, 13), np.uint8)
    image[0, :, 6:] = 100
    assert edges(image, 0.35)[0, 3:-3].any()
    assert not edges(image, 0.45)[0, 3:-3].any()
    assert not edges(np.full((1, 13, 13), 77, np.uint8), 0.1)[0, 2:-2, 2:-2].any()


def test_enlarging_keeps_constants_ramps_and_the_mean():
    assert enlarged(np.full((1, 5, 5), 7.0), 15) == pytest.approx(np.full((1, 15, 15), 7.0))
    ramp = np.tile(np.arange(5.0), (1, 5, 1))
    large = enlarged(ramp, 15)
    assert large[0, 0, 1:-1] == pytest.approx((np.arange(1, 14) + 0.5) / 3 - 0.5)
    assert large.mean() == pytest.approx(ramp.mean())
    noise = pictures(3, 8).astype(float)
    assert np.array_equal(enlarged(noise, 8), noise)


# Baselines.


def test_ridge_finds_the_linear_map_in_pixels_and_in_pictures():
    rng = np.random.default_rng(0)
    matrix = rng.normal(0, 0.1, (16, 16))
    for count in (7, 211):  # fewer pictures than pixels, and more
        sources = pictures(count, 4)
        flat = sources.reshape(count, -1).astype(float)
        targets = np.clip((flat - 128) @ matrix + 128, 0, 255).round().astype(np.uint8)
        train = {"sources": sources, "targets": targets.reshape(-1, 4, 4)}
        guess = picture_pairs.Linear(picture_pairs.Moments(train), 1e-4)(sources)
        assert l1_levels(guess, train["targets"]) < 1


def test_the_nearest_source_is_found():
    known = pictures(31, 5)
    asked = np.clip(known[[17, 3]].astype(int) + 2, 0, 255).astype(np.uint8)
    assert picture_pairs.nearest_sources(known, asked)[:, 0].tolist() == [17, 3]
    near = picture_pairs.nearest_sources(known, asked, 5)
    distances = np.square(known.astype(float)[None] - asked[:, None]).sum((2, 3))
    assert np.array_equal(near, np.argsort(distances, 1)[:, :5])


PAIRS = picture_pairs.Config(
    copies=(0, 7), shift=2, mirrored=True, neighbours=(1, 3), penalties=(1.0, 100.0), seed=0
)


def test_copies_of_a_pair_are_moved_alike_and_as_far_as_the_net_moves_them():
    sources = np.zeros((31, 11, 11), np.uint8)
    sources[:, 5, 4] = 255
    found = picture_pairs.with_copies(PAIRS, {"sources": sources, "targets": sources // 5}, 7)
    assert np.array_equal(found["sources"] // 5, found["targets"])
    assert np.array_equal(found["sources"][:31], sources)
    _, down, right = np.nonzero(found["sources"][31:])
    # Column 4 of 11 is column 6 in the mirror.
    assert set(down) == set(range(3, 8)) and set(right) == set(range(2, 9))
    still = replace(PAIRS, shift=0, mirrored=False)
    again = picture_pairs.with_copies(still, {"sources": sources, "targets": sources}, 1)
    assert np.array_equal(again["sources"][31:], sources)


class Moved:
    """Pairs of a picture and its negative: one of training, moved anywhere to validate and test."""

    def __init__(self):
        pairs = {"sources": pictures(3, 13), "targets": 255 - pictures(3, 13)}
        for name in pairs:
            pairs[name][:, [0, 1, 11, 12]] = pairs[name][:, :, [0, 1, 11, 12]] = 0
        config = replace(PAIRS, seed=1)
        moved = {k: v[3:] for k, v in picture_pairs.with_copies(config, pairs, 31).items()}
        self.tables = {"train": pairs, "valid": moved, "test": moved}

    def arrays(self, split):
        return self.tables[split]


def test_moved_copies_are_used_where_they_help_on_validation():
    found = picture_pairs.baselines(PAIRS, Moved())
    assert found["nearest_source_copies"] == 7 and found["nearest_source_neighbours"] == 1
    alone = picture_pairs.baselines(replace(PAIRS, copies=(0,)), Moved())
    assert found["nearest_source_l1_levels"] < 0.9 * alone["nearest_source_l1_levels"]


def test_matched_levels_have_the_spread_of_the_other_domain():
    first = pictures(101, 7)
    second = (pictures(97, 7, seed=1) // 2 + 100).astype(np.uint8)
    moved = picture_domains.matched_levels(first, second)(first)
    shares = (0.1, 0.5, 0.9)
    assert np.quantile(moved, shares) == pytest.approx(np.quantile(second, shares), abs=2)
    table = picture_domains.matched_levels(first, first)
    assert l1_levels(table(first), first) < 1


def test_transport_gives_the_mean_and_covariance_of_the_other_domain():
    rng = np.random.default_rng(0)
    mix = np.eye(9) + rng.normal(0, 0.2, (2, 9, 9))
    first, second = (
        (rng.standard_normal((4001, 9)) @ m * 15 + 120).reshape(-1, 3, 3).astype(np.uint8)
        for m in mix
    )
    [translate] = picture_domains.transports(first, second, (1.0,))
    moved = translate(first).reshape(-1, 9)
    flat = second.reshape(-1, 9)
    assert moved.mean(0) == pytest.approx(flat.mean(0), abs=1)
    spread = np.cov(flat, rowvar=False)
    assert np.abs(np.cov(moved, rowvar=False) - spread).max() < 0.05 * np.abs(spread).max()


# Emoji and the official digits.


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1F468-1F3FD-200D-1F373", "1F469-200D-1F373", True),  # cooks
        ("1F9D1-200D-1F373", "1F469-1F3FB-200D-1F373", True),
        ("1F3C3-200D-2640-FE0F", "1F3C3-1F3FF", True),  # runners
        ("0031-FE0F-20E3", "0032-FE0F-20E3", False),  # keys
        ("1F1E6-1F1E8", "1F1E6-1F1E9", False),  # flags
    ],
)
def test_skin_and_sex_do_not_change_what_an_emoji_is_of(one, other, same):
    assert (emoji_pairs.subject(one) == emoji_pairs.subject(other)) == same


def test_variants_of_an_emoji_are_in_one_split_and_tiles_lie_within_their_rims(tmp_path):
    table = with_identity(emoji_pairs.tabulate(emoji.PAIRS, emoji.write_files(tmp_path)))
    assert len(table) == emoji.COUNT - 1  # the first was drawn by one vendor
    variants = table[table["subject"] == f"1F{0x600 + emoji.COUNT - 2:03X}"]
    assert len(variants) == 2 and variants["split"].nunique() == 1
    pixels, target = table.iloc[0][["pixels", "target"]]
    assert pixels.shape == (32, 32, 3) and (pixels[0, 0] == 255).all()
    assert (pixels[16, 16] == target[16, 16]).all()  # both are of one colour
    records = validate("emoji", table, [*common([]), *emoji_pairs.expectations(emoji.PAIRS)][1:])
    assert all(record["success"] for record in records)


def test_a_subject_in_two_splits_is_found(tmp_path):
    table = with_identity(emoji_pairs.tabulate(emoji.PAIRS, emoji.write_files(tmp_path)))
    table.loc[0, "splits_of_subject"] = 2
    with pytest.raises(ValidationError, match="no subject is in two splits"):
        validate("emoji", table, emoji_pairs.expectations(emoji.PAIRS))


def test_no_training_picture_has_its_partner_in_training_and_test_pictures_have(project):
    data = Dataset(project.folder / "data/emoji_domains_small")
    pairs = Dataset(project.folder / "data/emoji_pairs_small").arrays("train")
    train, test = data.arrays("train"), data.arrays("test")
    partners = {x.tobytes(): y.tobytes() for x, y in zip(*pairs.values(), strict=True)}
    known = {y.tobytes() for y in train["b"]}
    assert len(train["a"]) and len(known)
    assert not any(partners[x.tobytes()] in known for x in train["a"])
    assert len(test["a"]) == len(test["b"]) and data.facts["paired"]
    assert (test["a"][:, 16, 16] == test["b"][:, 16, 16]).all()
    assert (test["a_labels"] == test["b_labels"]).all()


def test_true_pairs_score_a_translation_where_there_are_any(project):
    data = Dataset(project.folder / "data/emoji_domains_small")
    found = picture_domains.baselines(picture_domains.Config(None), data)
    test = data.arrays("test")
    assert found["identity_a_to_b_l1_levels"] == l1_levels(test["a"], test["b"])
    assert found["identity_l1_levels"] == found["identity_a_to_b_l1_levels"]
    assert "transport_frechet_distance" not in found


def test_other_emoji_domains_share_the_split_of_the_pairs(tmp_path):
    files = emoji.write_files(tmp_path)
    pairs = emoji_pairs.tabulate(emoji.PAIRS, files)
    domains = emoji_domains.tabulate(emoji.DOMAINS, files)
    for table in (pairs, domains):
        assert table.groupby("subject")["split"].nunique().max() == 1
    split_of = dict(zip(pairs["subject"], pairs["split"], strict=True))
    assert (domains["subject"].map(split_of) == domains["split"]).all()
    validate("emoji", with_identity(domains), emoji_domains.expectations(emoji.DOMAINS))


def write_official(folder, side=28):
    """Small official files of digits: 31 + 11 of the one, 23 + 7 of the other."""
    import gzip

    from scipy.io import savemat

    paths = {}
    for split, count, seed in (("train", 31, 0), ("test", 11, 1)):
        images = pictures(count, side, seed=seed)
        for name, values in (("images", images), ("labels", np.arange(count, dtype=np.uint8) % 10)):
            head = bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">i4").tobytes()
            paths[f"{split}_{name}"] = folder / f"{split}-{name}.gz"
            paths[f"{split}_{name}"].write_bytes(gzip.compress(head + values.tobytes()))
    rows = np.column_stack((pictures(30, 16, seed=2).reshape(30, -1), np.arange(30) % 10 + 1))
    paths["usps"] = folder / "usps.mat"
    savemat(paths["usps"], {"zip": rows.astype(np.uint8)})
    return Files(paths)


def test_official_digits_keep_their_splits_and_repeats_are_left_out_of_training(tmp_path):
    config = mnist_usps.Config(28, 10, 23, 0.2, 3, (7,), 2)
    files = write_official(tmp_path)
    table = with_identity(mnist_usps.tabulate(config, files))
    counts = table.groupby(["domain", "split"]).size()
    assert counts["a"]["test"] == 11 and counts["b"]["test"] == 7
    assert counts["a"].sum() == 42 and counts["b"].sum() == 30 and counts.min() > 0
    validate("digits", table, mnist_usps.expectations(config))
    encoded = mnist_usps.encode(config, table)
    assert encoded.arrays["test"]["b"].shape == (7, 28, 28)
    assert encoded.arrays["test"]["b_labels"].tolist() == [(23 + n) % 10 for n in range(7)]
    assert encoded.arrays["test"]["a_labels"].tolist() == [n % 10 for n in range(11)]
