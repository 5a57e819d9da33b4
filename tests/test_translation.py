"""What is particular to nets that turn pictures into pictures, with pairs and without."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from repertoire.config import RepertoireError
from repertoire.families.cyclegan.past import PastPictures
from repertoire.nn.cycle import Cycle, discriminator_loss, generator_losses
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
from repertoire.training.torch_run import TorchRun
from tests.families import small
from tests.test_studies import small as small_study


def pictures(count, side, *colours, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, side, side, *colours), dtype=np.uint8)


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
    told = discriminator_loss(nets, (a, b), (losses.fake_a, losses.fake_b))
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
