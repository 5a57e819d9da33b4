"""What is particular to pictures that become pictures: closed forms, edges, pairs, domains."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from repertoire.baselines import picture_domains, picture_pairs
from repertoire.config import RepertoireError
from repertoire.data.dataset import Dataset
from repertoire.data.domains import enlarged
from repertoire.data.edges import edges
from repertoire.data.readers import emoji_domains, emoji_pairs, mnist_usps
from repertoire.data.sources import Files
from repertoire.data.validation import ValidationError, common, validate, with_identity
from repertoire.engines.torch_engine import TorchRun
from repertoire.families.cyclegan.past import PastPictures
from repertoire.metrics.similarity import l1_levels, ssim
from repertoire.nn.cycle import Cycle, generator_losses, judge_loss
from repertoire.nn.patch import PatchDiscriminator, frozen, receptive_field, rows_of
from repertoire.nn.translation import (
    ResidualGenerator,
    UNet,
    check_side,
    image_shape,
    levels,
    moved_alike,
    unit,
)
from repertoire.studies import cyclegan_losses
from tests.families import small
from tests.small import emoji
from tests.test_studies import small as small_study

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


# Pictures as tensors, and the nets.


@pytest.mark.parametrize(("colours", "shape"), [((), (5, 1, 8, 8)), ((3,), (5, 3, 8, 8))])
def test_pictures_come_back_from_the_unit_scale_as_they_were(colours, shape):
    images = torch.from_numpy(pictures(5, 8, *colours))
    scaled = unit(images)
    assert scaled.shape == shape and scaled.min() >= -1 and scaled.max() <= 1
    assert torch.equal(levels(scaled), images)
    facts = {"side": 8, "colours": colours[0] if colours else 1}
    assert image_shape(facts) == ("batch", 8, 8, *colours)


@pytest.mark.parametrize("mirrored", [False, True])
def test_both_pictures_of_a_pair_are_moved_alike(mirrored):
    first = torch.from_numpy(pictures(31, 11))
    second = (255 - first)[..., None].repeat(1, 1, 1, 3)
    one, other = moved_alike((first, second), np.random.default_rng(0), 2, mirrored)
    assert torch.equal(one, 255 - other[..., 1]) and not torch.equal(one, first)
    # Away from the rim every picture is a shifted, perhaps mirrored copy.
    ways = [first, first.flip(2)] if mirrored else [first]
    for before, after in zip(zip(*ways, strict=True), one, strict=True):
        windows = (
            way[2 + d : 9 + d, 2 + r : 9 + r]
            for way in before
            for d in range(-2, 3)
            for r in range(-2, 3)
        )
        assert any(torch.equal(after[2:9, 2:9], window) for window in windows)


def test_pictures_stay_where_they_are_without_a_shift():
    pair = (torch.zeros(3, 5, 5), torch.ones(3, 5, 5))
    assert moved_alike(pair, np.random.default_rng(0), 0, False) is pair


@pytest.mark.parametrize(("depth", "side"), [(1, 6), (2, 12), (5, 32)])
def test_a_unet_keeps_the_size_and_lets_details_pass_by_the_skips(depth, side):
    torch.manual_seed(0)
    net = UNet(1, 3, depth, 0.5).eval()
    given = torch.zeros(2, 1, side, side)
    given[1, 0, 3, 3] = 1
    out = net(given)
    assert out.shape == given.shape and out.abs().max() <= 1
    net.up[0][1].weight.data.zero_()  # the innermost level says nothing any more
    changed = (net(given)[0] != net(given)[1]).any()
    assert bool(changed) == (depth > 1)


def test_dropout_is_noise_in_training_and_off_in_the_exported_graph(project):
    family, config, data, _ = small("pix2pix_edges", project.folder)
    network = family.build(replace(config, dropout=0.5), data.facts)
    given = unit(torch.from_numpy(data.arrays("test")["sources"][:7]))
    assert not torch.equal(network.generator(given), network.generator(given))
    run = TorchRun(family.graphs(network, data.facts))
    images = data.arrays("test")["sources"][:7]
    first, second = (run("translate_image", images=images)["translated"] for _ in range(2))
    assert np.array_equal(first, second) and network.training


def test_a_residual_generator_without_blocks_of_effect_keeps_the_size():
    net = ResidualGenerator(3, 5, 2, 2, 7)
    assert net(torch.zeros(2, 3, 20, 20)).shape == (2, 3, 20, 20)


@pytest.mark.parametrize("halvings", [0, 1, 2, 3])
def test_a_logit_sees_a_patch_of_the_stated_size(halvings):
    torch.manual_seed(0)
    net = PatchDiscriminator(1, 3, halvings)
    # A window over the whole picture would see all of it: the norms are taken out.
    for n, layer in enumerate(net.layers):
        if isinstance(layer, nn.InstanceNorm2d):
            net.layers[n] = nn.Identity()
    side = 128
    given = torch.zeros(1, 1, side, side, requires_grad=True)
    logits = net(given)
    rows = rows_of(side, halvings)
    assert logits.shape == (1, rows, rows)
    [gradient] = torch.autograd.grad(logits[0, rows // 2, rows // 2], given)
    seen = gradient[0, 0].abs().sum(0).nonzero()
    assert int(seen.max() - seen.min()) + 1 == receptive_field(halvings)


def test_patches_of_the_published_sizes():
    assert [receptive_field(n) for n in (1, 3)] == [16, 70]  # Isola et al. 2017, appendix 6.1.2


def test_sides_that_cannot_be_halved_so_often_are_refused(project):
    with pytest.raises(RepertoireError, match="side 30 is not a multiple of 4"):
        check_side({"side": 30}, 2)
    for name in ("pix2pix_edges", "cyclegan_digits"):
        family, config, data, _ = small(name, project.folder)
        with pytest.raises(RepertoireError, match="side 27 is not a multiple"):
            family.build(config, {**data.facts, "side": 27})


def test_a_frozen_net_passes_gradients_on_and_keeps_none():
    net, given = nn.Linear(3, 5), torch.ones(2, 3, requires_grad=True)
    with frozen(net):
        net(given).sum().backward()
    assert given.grad is not None and net.weight.grad is None and net.weight.requires_grad


# The losses and the past of CycleGAN.


class Shift(nn.Module):
    """Adds a number."""

    def __init__(self, by):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, x):
        return x + self.by


def test_the_three_losses_of_shifts_are_known():
    nets = Cycle(Shift(0.5), Shift(-0.25), Shift(0.0), Shift(0.0))
    a, b = torch.zeros(7, 1), torch.full((5, 1), 2.0)
    losses = generator_losses(nets, a, b)
    assert losses.reconstruction.item() == pytest.approx(0.25 + 0.25)  # off by 0.25 either way
    assert losses.identity.item() == pytest.approx(0.5 + 0.25)
    assert losses.validity.item() == pytest.approx((0.5 - 1) ** 2 + (1.75 - 1) ** 2)
    assert losses.total(2.0, 3.0, 5.0).item() == pytest.approx(2 * 0.8125 + 3 * 0.5 + 5 * 0.75)
    told = judge_loss(nets, (a, b), (losses.fake_a, losses.fake_b))
    wanted = 0.5 * ((0 - 1) ** 2 + 1.75**2) + 0.5 * ((2 - 1) ** 2 + 0.5**2)
    assert told.item() == pytest.approx(wanted)
    inverse = Cycle(Shift(0.5), Shift(-0.5), Shift(0.0), Shift(0.0))
    assert generator_losses(inverse, a, b).reconstruction.item() == 0


@pytest.mark.parametrize("left", ["validity", "reconstruction", "identity"])
def test_a_loss_left_out_is_reported_and_moves_nothing(left):
    torch.manual_seed(0)
    nets = Cycle(*(nn.Linear(3, 3) for _ in range(2)), *(nn.Linear(3, 1) for _ in range(2)))
    a, b = torch.randn(7, 3), torch.randn(5, 3)

    def moved(**weights):
        losses = generator_losses(nets, a, b)
        none = {"validity": 0.0, "reconstruction": 0.0, "identity": 0.0}
        assert min(float(getattr(losses, name)) for name in none) > 0
        total = losses.total(**{**none, **weights})
        return sum(float(g.abs().sum()) for g in torch.autograd.grad(total, nets.generators()))

    assert moved() == 0 and moved(**{left: 2.0}) == pytest.approx(2 * moved(**{left: 1.0}))
    assert moved(**{left: 1.0}) > 0


def test_past_pictures_come_back_and_each_is_kept_once():
    torch.manual_seed(0)
    past = PastPictures(13, 5)
    seen = 0
    for start in range(0, 100, 5):
        fresh = torch.arange(start, start + 5.0).view(5, 1)
        given = past.exchange(fresh)
        assert given.shape == fresh.shape
        if start < 10:
            assert torch.equal(given, fresh)
        seen += int((given < start).sum())
        assert len(past.pictures) == min(13, start + 5)
        assert len(past.pictures.unique()) == len(past.pictures)
    assert 0.3 < seen / 85 < 0.7  # at even chances, once it is full


def test_no_past_gives_every_picture_back_and_too_short_a_one_is_refused():
    fresh = torch.rand(7, 1)
    assert PastPictures(0, 7).exchange(fresh) is fresh
    with pytest.raises(RepertoireError, match="past: 3 is less than the batch of 7"):
        PastPictures(3, 7)


def test_the_past_goes_on_from_its_saved_state():
    torch.manual_seed(0)
    past, other = PastPictures(5, 3), PastPictures(5, 3)
    for _ in range(4):
        past.exchange(torch.rand(3, 2))
    other.load_state_dict({"pictures": past.state_dict()["pictures"].clone()})
    state, fresh = torch.get_rng_state(), torch.rand(3, 2)
    torch.set_rng_state(state)
    first = past.exchange(fresh)
    torch.set_rng_state(state)
    assert torch.equal(first, other.exchange(fresh))


# Baselines.


def test_ridge_finds_the_linear_map_in_pixels_and_in_pictures():
    rng = np.random.default_rng(0)
    matrix = rng.normal(0, 0.1, (16, 16))
    for count in (7, 211):  # fewer pictures than pixels, and more
        sources = pictures(count, 4)
        flat = sources.reshape(count, -1).astype(float)
        targets = np.clip((flat - 128) @ matrix + 128, 0, 255).round().astype(np.uint8)
        train = {"sources": sources, "targets": targets.reshape(-1, 4, 4)}
        guess = picture_pairs.Linear(train, 1e-4)(sources)
        assert l1_levels(guess, train["targets"]) < 1


def test_the_nearest_source_is_found():
    known = pictures(31, 5)
    asked = np.clip(known[[17, 3]].astype(int) + 2, 0, 255).astype(np.uint8)
    assert picture_pairs.nearest_sources(known, asked).tolist() == [17, 3]


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
    moved = picture_domains.transport(first, second, 1.0)(first).reshape(-1, 9)
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


# The study.


def test_true_partners_of_the_study_keep_all_distances():
    _, config = small_study("cyclegan_losses", turn=90.0, aside=2.0)
    points, numbers = cyclegan_losses.ring(config, np.random.default_rng(0), 101)
    moved = cyclegan_losses.partner(config, points)
    assert moved == pytest.approx(np.stack((2 - points[:, 1], points[:, 0]), 1), abs=1e-6)
    assert set(numbers) == set(range(config.modes))
    angles = np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)
    assert (
        np.round(angles / (2 * np.pi) * config.modes).astype(int) % config.modes == numbers
    ).all()


def test_the_true_map_and_its_inverse_lose_nothing():
    _, config = small_study("cyclegan_losses", turn=0.0, aside=0.5)
    nets = Cycle(Shift([0.5, 0.0]), Shift([-0.5, 0.0]), Shift(0.0), Shift(0.0))
    found = cyclegan_losses.measured(config, nets)
    assert found.partner == pytest.approx(0, abs=1e-6) and found.back == pytest.approx(0, abs=1e-6)
    assert found.valid > 95 and found.reached == config.modes
