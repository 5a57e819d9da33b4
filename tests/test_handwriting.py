"""What is particular to pen strokes: the density, the window, drawing, fonts and their words."""

import zipfile

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from repertoire.data.sources import SourceError
from repertoire.families.handwriting.config import initial_states
from repertoire.families.handwriting.density import draw, log_likelihood, mixture
from repertoire.families.handwriting.drawing import picture
from repertoire.families.handwriting.window import window_weights
from repertoire.kinds.strokes.baselines import Config, conditional_log_density, gaussian_nats
from repertoire.readers.helpers.strokes.hershey import parse_font, read_fonts
from repertoire.readers.helpers.strokes.pen import Hand, set_word, write_word
from repertoire.readers.stroke_fonts import words
from repertoire.runtime.inference.handwriting import polylines
from repertoire.training.torch_run import TorchRun
from tests.families import small
from tests.small.strokes import font, source

STILL = {"slant": 0, "size": 0, "turn": 0, "wobble": 0, "speed": 0, "jitter": 0}


def density(seed=0, components=5, bias=0.0):
    raw = torch.randn(1, 1 + 6 * components, generator=torch.Generator().manual_seed(seed))
    return mixture(0.7 * raw.double(), torch.tensor([bias], dtype=torch.float64))


def by_scipy(found, points):
    """Density of offsets (points, 2) under the first row of a mixture, by the reference library."""
    total = np.zeros(len(points))
    for k, log_weight in enumerate(found.log_weights[0]):
        one, two = found.deviations[0, k].tolist()
        across = float(found.correlations[0, k]) * one * two
        spread = [[one**2, across], [across, two**2]]
        total += np.exp(float(log_weight)) * multivariate_normal.pdf(
            points, found.means[0, k].numpy(), spread
        )
    return total


@pytest.mark.parametrize("bias", [0.0, 1.7])
def test_the_density_is_that_of_scipy_times_the_chance_of_the_pen(bias):
    found = density(seed=3, bias=bias)
    rng = np.random.default_rng(0)
    points = np.column_stack((rng.normal(0, 2, (23, 2)), rng.integers(0, 2, 23)))
    chance = 1 / (1 + np.exp(-float(found.pen_logit)))
    pen = np.where(points[:, 2] > 0.5, chance, 1 - chance)
    expected = np.log(by_scipy(found, points[:, :2]) * pen)
    logs = log_likelihood(found, torch.from_numpy(points)[:, None])[:, 0]
    np.testing.assert_allclose(logs, expected, rtol=1e-9)


def test_the_density_integrates_to_one_over_offsets_and_both_states_of_the_pen():
    found = density(seed=1)
    axis = torch.arange(-40, 40, 0.1, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).flatten(0, 1)
    total = 0.0
    for pen in (0.0, 1.0):
        points = torch.cat((grid, torch.full_like(grid[:, :1], pen)), 1)
        total += float(log_likelihood(found, points[:, None]).exp().sum()) * 0.1**2
    assert total == pytest.approx(1, abs=1e-6)


def test_a_bias_divides_deviations_and_sharpens_weights():
    plain, sharp = density(seed=2), density(seed=2, bias=2.0)
    torch.testing.assert_close(sharp.deviations, plain.deviations * np.exp(-2.0))
    torch.testing.assert_close(sharp.log_weights, torch.log_softmax(3 * plain.log_weights, 1))


@pytest.mark.parametrize(
    ("first", "component"), [(0.0, 0), (0.29, 0), (0.31, 1), (0.69, 1), (0.71, 2), (1.0, 2)]
)
def test_a_uniform_number_picks_the_component_in_whose_share_it_lies(first, component):
    means = torch.tensor([[10.0, 20.0, 30.0], [-10.0, -20.0, -30.0]])
    raw = torch.cat(
        (
            torch.tensor([0.0]),
            torch.log(torch.tensor([0.3, 0.4, 0.3])),
            torch.zeros(3),
            means.flatten(),
            torch.full((6,), -5.0),
        )
    )[None]
    point = draw(mixture(raw, torch.zeros(1)), torch.tensor([[first, 0.5, 0.25, 0.5]]))
    assert point[0, 0] == pytest.approx(float(means[0, component]), abs=0.1)
    assert point[0, 1] == pytest.approx(float(means[1, component]), abs=0.1)


def test_uniform_numbers_become_normal_pairs_with_the_stated_spread_and_pen():
    raw = torch.tensor([[np.log(0.2 / 0.8), 0.0, 1.1, 2.0, -1.0, 0.5, -0.5]], dtype=torch.float32)
    found = mixture(raw.expand(40009, -1), torch.zeros(40009))
    points = draw(found, torch.rand(40009, 4)).numpy()
    one, two = np.exp(0.5), np.exp(-0.5)
    across = 0.98 * np.tanh(1.1) * one * two
    np.testing.assert_allclose(points[:, :2].mean(0), [2, -1], atol=0.03)
    np.testing.assert_allclose(
        np.cov(points[:, :2].T), [[one**2, across], [across, two**2]], atol=0.06
    )
    assert points[:, 2].mean() == pytest.approx(0.2, abs=0.01)


def test_even_the_least_and_greatest_uniform_numbers_give_finite_points():
    corners = torch.tensor(np.array(np.meshgrid(*[[0.0, 1.0]] * 4)).reshape(4, -1).T).float()
    raw = torch.randn(16, 13)
    assert torch.isfinite(draw(mixture(raw, torch.zeros(16)), corners)).all()


def test_the_window_weighs_letters_as_written_out_by_hand():
    height, width, place = (torch.tensor([v]) for v in ([2.0, 0.5], [1.0, 3.0], [1.5, 3.0]))
    found = window_weights(height, width, place, torch.tensor([[1.0, 2.0, 3.0]]))[0]
    expected = [
        2 * np.exp(-0.25) + 0.5 * np.exp(-12.0),
        2 * np.exp(-0.25) + 0.5 * np.exp(-3.0),
        2 * np.exp(-2.25) + 0.5,
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def made(name, project):
    family, config, data, _ = small(name, project.folder)
    torch.manual_seed(0)
    network = family.build(config, data.facts).eval()
    return TorchRun(family.graphs(network, data.facts)), config, data


def inputs(config, data, rows):
    arrays = data.arrays("test")
    fed = initial_states(config, data.facts, rows)
    if config.conditional:
        fed["text"] = arrays["text"][:rows].astype(np.int64)
    return arrays["points"][:rows, :19], fed


@pytest.mark.parametrize("name", ["strokes_free", "strokes_written"])
def test_a_word_scored_in_two_pieces_scores_as_a_whole(name, project):
    run, config, data = made(name, project)
    points, fed = inputs(config, data, 5)
    whole = run("score", points=points, **fed)
    head = run("score", points=points[:, :7], **fed)
    fed |= {key: head[f"next_{key}"] for key in fed if key != "text"}
    tail = run("score", points=points[:, 7:], **fed)
    both = np.concatenate((head["log_likelihood"], tail["log_likelihood"]), 1)
    np.testing.assert_allclose(both, whole["log_likelihood"], atol=1e-5)


@pytest.mark.parametrize("name", ["strokes_free", "strokes_written"])
def test_the_parameters_of_the_next_point_give_its_score(name, project):
    run, config, data = made(name, project)
    points, fed = inputs(config, data, 3)
    numbers = {"uniform": np.full((3, 4), 0.5, np.float32), "bias": np.zeros(3, np.float32)}
    for time in range(5):
        found = run("next", **numbers, **fed)
        offset, pen = points[:, time, :2], points[:, time, 2]
        total = 0.0
        for k in range(config.components):
            deviations, rho = found["deviations"][0, k], found["correlations"][0, k]
            across = rho * deviations.prod()
            spread = np.diag(deviations.astype(float) ** 2) + across * (1 - np.eye(2))
            total += found["weights"][0, k] * multivariate_normal.pdf(
                offset[0], found["means"][0, k], spread
            )
        chance = found["end_probability"][0]
        expected = np.log(total * (chance if pen[0] > 0.5 else 1 - chance))
        scored = run("score", points=points[:, time : time + 1], **fed)
        assert scored["log_likelihood"][0, 0] == pytest.approx(expected, abs=1e-4)
        fed |= {key: scored[f"next_{key}"] for key in fed if key != "text"}


def test_padding_of_a_text_changes_no_score_and_no_end(project):
    run, config, data = made("strokes_written", project)
    points, fed = inputs(config, data, 5)
    plain = run("score", points=points, **fed)
    wider = run("score", points=points, **{**fed, "text": np.pad(fed["text"], ((0, 0), (0, 3)))})
    for key in ("log_likelihood", "past"):
        np.testing.assert_allclose(wider[key], plain[key], atol=1e-5)


def test_the_window_only_moves_forward_and_ends_up_past_any_text(project):
    run, config, data = made("strokes_written", project)
    _, fed = inputs(config, data, 2)
    points = np.zeros((2, 307, 3), np.float32)
    found = run("score", points=points, **fed)
    assert (found["past"][:, 0] < 0).all() and (found["past"][:, -1] >= 0).all()
    assert (found["next_place"] > 5).all()


def test_a_glyph_is_its_margins_and_its_strokes_above_the_baseline():
    text = '#{"define_base_line": 4}\n    1  1QS\n    2  6LWRVTR RNNPP\n'
    glyphs = parse_font(text)
    assert (glyphs[" "].left, glyphs[" "].right, glyphs[" "].strokes) == (-1, 1, ())
    mark = glyphs["!"]
    assert (mark.left, mark.right) == (-6, 5)
    assert [s.tolist() for s in mark.strokes] == [[[0, 0], [2, -4]], [[-4, -8], [-2, -6]]]


def test_a_glyph_whose_length_is_not_the_stated_one_is_refused():
    with pytest.raises(ValueError, match="states 3 pairs and has 2"):
        parse_font("    1  3LWRV")


def test_fonts_come_out_of_a_source_that_is_never_run(tmp_path):
    path = tmp_path / "fonts.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack/code.py", source({"plain": font(1)}, "raise SystemExit('ran')"))
        archive.writestr("pack/bad.py", "data = b'####'")
    assert len(read_fonts(path, "pack/code.py", ["plain"])["plain"]) == 95
    with pytest.raises(SourceError, match="no font 'bold' in it; there are: plain"):
        read_fonts(path, "pack/code.py", ["bold"])
    with pytest.raises(SourceError, match=r"not fonts in pack/bad\.py .*base64"):
        read_fonts(path, "pack/bad.py", ["plain"])


def test_a_steady_hand_walks_the_strokes_in_even_steps_and_leaves_for_the_next_word():
    glyphs = parse_font(font(0))
    points = write_word("abca", glyphs, Hand(step=2.0, **STILL), np.random.default_rng(0))
    strokes, end = set_word("abca", glyphs)
    assert points[:, :2].sum(0) == pytest.approx([end, 0]) and end == 4 * 8
    assert points[:, 2].sum() == len(strokes) + 1 and points[-1, 2] == 1
    in_air = np.concatenate(([True], points[:-1, 2] > 0.5))
    lengths = np.hypot(*points[~in_air, :2].T)
    assert lengths.min() > 1.2 and lengths.max() < 2.8  # a stroke is cut into whole steps


def test_strokes_that_meet_are_one_movement():
    meeting = "#{}\n" + "\n".join(f"{n:5}  3LX" + "L[X[" for n in range(95))
    strokes, _ = set_word("aba", parse_font(meeting))
    assert len(strokes) == 1 and len(strokes[0]) == 6


def test_hands_differ_by_their_seed_alone():
    glyphs, hand = parse_font(font(0)), Hand(2.0, 0.2, 0.1, 0.05, 0.4, 0.2, 0.1)
    one, same, other = (
        write_word("abc", glyphs, hand, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.allclose(one, other)


def test_no_word_is_in_two_splits(project):
    *_, data, _ = small("strokes_written", project.folder)
    texts = {split: set(data.texts(split)["text"]) for split in ("train", "valid", "test")}
    assert not texts["test"] & (texts["train"] | texts["valid"])
    made_up = words(np.random.default_rng(0), 211, 3, 5)
    assert {len(word) for word in made_up} == {3, 4, 5}


def test_ink_lies_between_the_points_of_a_stroke_alone():
    points = np.array([[5, 0, 0], [3, 0, 1], [2, 2, 1], [0, 5, 0], [0, 1, 1]], float)
    assert [s.tolist() for s in polylines(points)] == [[[5, 0], [8, 0]], [[10, 7], [10, 8]]]
    ink = picture(np.array([[10, 0, 0], [20, 0, 1], [20, 0, 1]], float), 1.0)
    assert ink.dtype == np.uint8 and ink[30, 20] > 100
    assert ink[:, 45:].max() == 0 and ink[:20].max() == 0


def test_a_gaussian_scores_its_own_entropy():
    rows = np.random.default_rng(0).multivariate_normal([1, 2], [[2, 1], [1, 3]], 50021)
    expected = 0.5 * np.log((2 * np.pi * np.e) ** 2 * 5)
    assert gaussian_nats(rows, rows).mean() == pytest.approx(expected, abs=0.02)


def test_the_mixture_of_regressions_finds_the_noise_around_a_linear_course():
    rng = np.random.default_rng(1)
    before = rng.normal(0, 1, (5003, 4))
    after = before[:, :2] @ np.array([[0.9, 0.3], [-0.3, 0.9]]) + rng.normal(0, 0.1, (5003, 2))
    rows = np.column_stack((before, after))
    logs = conditional_log_density(Config(5003, 2, 20, 0), rows[:4001], rows[4001:])
    assert -logs.mean() == pytest.approx(np.log(2 * np.pi * np.e * 0.01), abs=0.1)
