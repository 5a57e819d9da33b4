"""Particular to style transfer: loss network, optimisation, moments, colours, the command."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from pipelines import stylize as command
from repertoire.config import RepertoireError
from repertoire.contract import Plan
from repertoire.data.image_files import middle, read_whole, with_shorter_side
from repertoire.families.style_transfer.network import Given, OfAll, Stylist, of_each
from repertoire.kinds.styles.colours import from_opponents, opponents, with_colours_of
from repertoire.kinds.styles.encoding import likeness
from repertoire.kinds.styles.metrics import matched_iterations
from repertoire.nn.measure import Measure
from repertoire.nn.perceptual import PerceptualLoss, gram, optimised, pixels, scaled
from repertoire.nn.vgg import Vgg, depth
from repertoire.runtime.inference import painting
from repertoire.training.torch_run import TorchRun
from tests.families import small

MEASURE = Measure("relu2_1", ("relu1_2", "relu2_1"), 3.0)
WIDTHS = (3, 5, 7, 11)


def photograph(height, width, seed=0):
    """uint8 (1, height, width, 3): smooth, with noise on it."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (3, 5, 3), dtype=np.uint8)
    smooth = np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    noise = rng.integers(-9, 10, smooth.shape)
    return torch.from_numpy(np.clip(smooth + noise, 0, 255).astype(np.uint8))[None]


def stylist(blocks=2, width=3):
    torch.manual_seed(0)
    net = Stylist(width, blocks).eval()
    nn.init.normal_(net.paint.weight, std=0.1)  # untrained it paints nothing
    return net


def loss_network(style=None):
    torch.manual_seed(1)
    made = PerceptualLoss(WIDTHS, MEASURE)
    weights = {k: v.numpy() for k, v in made.vgg.convolutions.state_dict().items()}
    return made.learn(weights, scaled(photograph(31, 37, seed=2) if style is None else style))


def test_the_net_of_the_judge_is_that_of_table_1():
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    whole = Vgg(widths, ["relu5_3"])
    assert sum(p.numel() for p in whole.parameters()) == 14_714_688
    assert depth(["relu1_2", "relu3_3"]) == 7
    with torch.no_grad():
        found = Vgg(widths[:8], ["relu1_1", "relu3_3"])(torch.zeros(2, 3, 24, 40))
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "relu1_1": (2, 64, 24, 40),
        "relu3_3": (2, 256, 6, 10),
    }


def test_features_are_those_of_the_same_layers_in_a_row():
    net = Vgg(WIDTHS, ["relu2_1"])
    convolutions = [net.convolutions[f"conv{name}"] for name in ("1_1", "1_2", "2_1")]
    row = nn.Sequential(
        convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU(), nn.MaxPool2d(2), convolutions[2]
    )
    image = torch.rand(2, 3, 14, 22)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    given = (image - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    torch.testing.assert_close(net(image)["relu2_1"], torch.relu(row(given)))


def test_correlations_are_a_mean_over_places_and_blind_to_where():
    features = torch.rand(2, 5, 3, 7)
    expected = np.einsum("bihw,bjhw->bij", features.numpy(), features.numpy()) / 21
    np.testing.assert_allclose(gram(features), expected, rtol=1e-5)
    torch.testing.assert_close(gram(features.flip(3)), gram(features))


def test_a_picture_loses_nothing_to_itself_and_a_style_is_its_own():
    style = photograph(31, 37, seed=2)
    made, own = loss_network(style), scaled(style)
    content, distance = made(own, made.content(own))
    assert content.item() == 0 and distance.item() == pytest.approx(0, abs=1e-10)
    other = scaled(photograph(31, 37, seed=5))
    content, distance = made(other, made.content(own))
    assert content.item() > 0 and distance.item() > 0


def test_a_content_of_no_features_at_all_is_lost_whole():
    made = loss_network()
    wanted = made.content(scaled(photograph(13, 17)))
    with torch.no_grad():
        for layer in made.vgg.convolutions.values():
            layer.weight.zero_()
            layer.bias.zero_()
    content, style = made(scaled(photograph(13, 17, seed=3)), wanted)
    assert content.item() == pytest.approx(1) and style.item() == pytest.approx(1)


def test_optimisation_begins_with_the_photograph_and_ends_nearer_the_style():
    made, start = loss_network(), scaled(photograph(23, 29))
    stages = list(optimised(made, start, 17))
    assert len(stages) == 18
    assert torch.equal(stages[0].picture, start) and stages[0].content == pytest.approx(0, abs=1e-9)
    losses = [stage.content + 3.0 * stage.style for stage in stages]
    assert losses[-1] < 0.5 * losses[0]
    last = stages[-1]
    assert last.picture.min() >= 0 and last.picture.max() <= 1
    content, style = made(last.picture, made.content(start))
    assert (content.item(), style.item()) == pytest.approx((last.content, last.style), rel=1e-4)


def test_pixels_come_back_as_they_went():
    image = photograph(5, 7)
    assert torch.equal(pixels(scaled(image)), image)


@pytest.mark.parametrize("size", [(1, 1), (1, 13), (6, 3), (23, 29), (32, 36)])
def test_a_picture_of_any_size_keeps_its_size(size):
    with torch.no_grad():
        painted = stylist()(torch.rand(2, 3, *size))
    assert painted.shape == (2, 3, *size)
    assert painted.min() >= 0 and painted.max() <= 1


def test_moments_are_those_of_instance_normalisation():
    features = torch.randn(3, 5, 11, 13) * 7 + 2
    mean, deviation = of_each(features, 0.3)
    expected = nn.InstanceNorm2d(5, eps=0.3)(features)
    torch.testing.assert_close((features - mean) / deviation, expected, rtol=1e-4, atol=1e-5)


def test_an_even_picture_is_painted_evenly():
    net, even = stylist().double(), torch.full((1, 3, 23, 29), 0.4)
    with torch.no_grad():
        painted = net(even.double())
        nearly = net(even.double() + 1e-6 * torch.randn(1, 3, 23, 29, dtype=torch.float64))
    assert (painted - painted[..., :1, :1]).abs().max() < 1e-9
    assert (painted - nearly).abs().max() < 1e-3


def test_moments_of_one_picture_give_it_back_as_by_its_own():
    net, image = stylist(), scaled(photograph(37, 41))
    seen = OfAll()
    with torch.no_grad():
        alone, first = net(image), net(image, seen)
        means, deviations = (torch.cat(each) for each in zip(*seen.seen, strict=True))
        again = net(image, Given(means, deviations))
    assert len(means) == net.channels
    torch.testing.assert_close(first, alone)
    torch.testing.assert_close(again, alone)


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_pixel_depends_on_no_pixel_beyond_the_reach(blocks):
    net = stylist(blocks)
    image = torch.rand(1, 3, 212, 8).requires_grad_()
    seen = OfAll()
    with torch.no_grad():
        net(image, seen)
    means, deviations = (torch.cat(each) for each in zip(*seen.seen, strict=True))
    farthest = 0
    for row in range(100, 104):  # one of each place within a stride
        painted = net(image, Given(means, deviations))
        [gradient] = torch.autograd.grad(painted[0, :, row].sum(), image)
        rows = gradient.abs().sum((0, 1, 3)).nonzero().flatten()
        farthest = max(farthest, row - int(rows.min()), int(rows.max()) - row)
    assert net.reach - 6 <= farthest <= net.reach <= painting.OVERLAP


def run_of(net):
    from repertoire.families.style_transfer.network import FindMoments, Stylize, StylizeBy

    modules = {"stylize": Stylize(net), "moments": FindMoments(net), "stylize_by": StylizeBy(net)}
    names = {"stylize": ["pictures"], "moments": ["means", "deviations"]}

    @torch.no_grad()
    def run(graph, *outputs, **inputs):
        found = modules[graph](
            *(torch.from_numpy(np.ascontiguousarray(v)) for v in inputs.values())
        )
        flat = found if isinstance(found, tuple) else (found,)
        wanted = names.get(graph, ["pictures"])
        return {n: t.numpy() for n, t in zip(wanted, flat, strict=True)}

    return run


def tiled(run, image, moments):
    picture = np.empty_like(image)
    assert len(list(painting.tiled(run, image, picture, moments))) == 3 * 4
    return picture


def test_tiles_by_the_moments_of_the_whole_are_the_whole(monkeypatch):
    monkeypatch.setattr(painting, "TILE", 68)
    run, image = run_of(stylist()), photograph(157, 211)[0].numpy()
    whole = run("stylize", images=image[None])["pictures"][0]
    moments = run("moments", images=image[None])
    painted = tiled(run, image, moments)
    assert np.abs(painted.astype(int) - whole).max() <= 1  # a rounding


def test_tiles_that_look_after_themselves_would_show_their_seams(monkeypatch):
    # The reason for moments: the same tiles, each normalised by its own, are far from the whole.
    monkeypatch.setattr(painting, "TILE", 68)
    run, image = run_of(stylist()), photograph(157, 211)[0].numpy()
    whole = run("stylize", images=image[None])["pictures"][0]

    def alone(graph, *outputs, images):
        return run("stylize", images=images)

    apart = np.abs(tiled(alone, image, {}).astype(int) - whole)
    assert apart.max() > 20


def test_colours_come_back_as_they_went():
    image = photograph(11, 13)[0].numpy()
    assert np.abs(from_opponents(opponents(image)).astype(int) - image).max() <= 1


def test_a_grey_picture_has_no_opponent_colours():
    grey = np.full((3, 5, 3), 128, np.uint8)
    # The published table of cones is rounded to four digits.
    assert np.abs(opponents(grey)[..., 1:]).max() < 0.005


def test_colours_of_a_style_are_its_moments():
    image, style = (np.clip(photograph(31, 37, s)[0].numpy(), 60, 190) for s in (0, 4))
    given = opponents(with_colours_of(image, style))
    np.testing.assert_allclose(given.mean((0, 1)), opponents(style).mean((0, 1)), atol=0.02)
    same = with_colours_of(image, image)
    assert np.abs(same.astype(int) - image).max() <= 1


@pytest.mark.parametrize(("loss", "expected"), [(9.0, 0), (4.0, 2), (3.5, 3), (0.5, 4)])
def test_a_loss_is_worth_the_first_iteration_that_reaches_it(loss, expected):
    assert matched_iterations(np.array([8.0, 5.0, 4.0, 3.0, 2.0]), loss) == expected


def test_a_style_that_is_not_there_is_refused(project):
    family, config, data, _ = small("style_poured_paint", project.folder)
    config = type(config)(**{**vars(config), "style": "cubist"})
    with pytest.raises(RepertoireError, match="style 'cubist' is none of the data set's: "):
        family.build(config, data.facts)


def test_crops_are_parts_of_training_photographs_as_they_are_or_mirrored(project):
    family, config, data, _ = small("style_poured_paint", project.folder)
    learner = family.learner(family.build(config, data.facts), config, data, Plan(1, 2))
    [crop, *_] = next(learner.batches(0)).numpy()
    side, images = config.crop, data.arrays("train")["images"]
    found = np.lib.stride_tricks.sliding_window_view(images, (side, side), (1, 2))
    places = [np.moveaxis(found, 3, -1), np.moveaxis(found, 3, -1)[..., ::-1, :]]
    assert any((place == crop).all((3, 4, 5)).any() for place in places)


def test_training_moves_the_stylist_and_never_the_perceptual(project):
    family, config, data, _ = small("style_poured_paint", project.folder)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(1, 2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for batch in list(learner.batches(0))[:2]:  # the first one teaches how to paint, not what
        learner.step(batch)
    moved = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    # A shift before a normalisation does nothing, so the convolutions' own stay.
    assert moved >= {"stylist.paint.bias", "stylist.down.0.gain", "stylist.blocks.0.first.shift"}
    assert not any(name.startswith("loss_network") for name in moved)


def test_a_crop_larger_than_the_photographs_is_refused(project):
    family, config, data, _ = small("style_poured_paint", project.folder)
    large = type(config)(**{**vars(config), "crop": 1000})
    with pytest.raises(RepertoireError, match="crop: 1000 is more than the"):
        family.learner(family.build(config, data.facts), large, data, Plan(1, 2))


def test_the_loss_of_a_net_is_that_of_optimisation_at_the_start(project):
    # A net that changes nothing would be worth no iteration: both sides measure alike.
    family, config, data, _ = small("style_poured_paint", project.folder)
    network = family.build(config, data.facts)
    family.learner(network, config, data, Plan(1, 2))
    run = TorchRun(family.graphs(network.eval(), data.facts))
    images = data.arrays("test")["images"]
    found = run("loss_network", pictures=images, images=images)
    start = data.arrays("optimised")["poured_paint_losses"][0]
    np.testing.assert_allclose(found["style"], start[:, 1], rtol=1e-4)
    assert np.abs(found["content"]).max() == 0 and np.abs(start[:, 0]).max() < 1e-9


def test_a_picture_is_turned_upright_and_cut_in_its_middle():
    pixels_ = np.zeros((30, 50, 3), np.uint8)
    pixels_[:, :10] = 255
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter turn clockwise
    file = io.BytesIO()
    Image.fromarray(pixels_).save(file, "JPEG", exif=turned)
    upright = read_whole(file.getvalue(), "turned.jpg")
    assert upright.shape == (50, 30, 3) and upright[:8].min() > 200 and upright[12:].max() < 50
    assert with_shorter_side(upright, 15).shape == (25, 15, 3)
    assert np.array_equal(middle(upright, 20), upright[15:35, 5:25])


def test_a_copy_of_a_picture_in_another_size_is_known_again():
    image = photograph(120, 160)[0].numpy()
    assert likeness(image) == likeness(with_shorter_side(image, 90))
    assert likeness(image) != likeness(image[:, ::-1])


@pytest.fixture
def files(tmp_path):
    Image.fromarray(photograph(24, 31)[0].numpy()).save(tmp_path / "a.png")
    Image.fromarray(photograph(29, 23, seed=7)[0].numpy()).save(tmp_path / "b.jpg")
    return tmp_path


def test_the_command_paints_one_picture_and_tells_how_far_it_is(
    project, files, monkeypatch, capsys
):
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REPERTOIRE_MIRROR", str(project.mirror))
    arguments = ["--content", files / "a.png", "--style", files / "b.jpg"]
    arguments += ["--output", files / "c.png", "--iterations", 3, "--size", 17]
    command.main([str(each) for each in arguments])
    assert Image.open(files / "c.png").size == (22, 17)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("  iteration 0/3 content ")
    assert said[-2].startswith("  iteration 3/3 content ") and "c.png: content loss" in said[-1]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"--content": "none.png"}, "none.png: no such file; check the name"),
        ({"--style": "params.yaml"}, "params.yaml is not an image"),
        ({"--output": "c.gif"}, "c.gif: does not end in .png; rename the output"),
        ({"--iterations": "0"}, "--iterations 0: takes 1 or more"),
        ({"--size": "7"}, "--size 7: takes 16 to 2048"),
    ],
)
def test_the_command_refuses_in_one_line_and_writes_nothing(
    project, files, monkeypatch, change, line
):
    monkeypatch.chdir(project.folder)
    given = {"--content": files / "a.png", "--style": files / "b.jpg", "--output": files / "c.png"}
    arguments = [str(part) for pair in ({**given, **change}).items() for part in pair]
    with pytest.raises(SystemExit) as refused:
        command.main(arguments)
    assert str(refused.value).startswith("stylize: ") and line in str(refused.value)
    assert "\n" not in str(refused.value)
    assert {p.name for p in files.iterdir()} == {"a.png", "b.jpg"}
