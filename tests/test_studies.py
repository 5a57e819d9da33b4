"""Studies: closed forms, autograd as the judge, and what every one of them must offer."""

import ast

import numpy as np
import pytest
import torch
from torch import nn

from pipelines.params import StudyParams
from repertoire.config import RepertoireError, parse, read_yaml
from repertoire.contract import Kind
from repertoire.nn import duels
from repertoire.studies import (
    adding_problem,
    code_maps,
    gradient_flow,
    load_study,
    metric_name,
    rtrl,
    sequence_demands,
    study_modules,
    truncation,
)
from repertoire.training.process import settle
from tests.project import ROOT, SMALL_STUDIES

STUDIES = read_yaml(ROOT / "params.yaml")["studies"]


def small(name, **changes):
    """The module of a study and its config in small."""
    params = parse(StudyParams, STUDIES[name], name)
    module = load_study(params.module)
    values = {**params.config, **SMALL_STUDIES[name], **changes}
    return module, parse(module.Config, values, name)


def test_every_study_of_params_yaml_is_a_module_and_has_small_sizes():
    assert set(study_modules()) == {block["module"] for block in STUDIES.values()}
    assert set(SMALL_STUDIES) == set(STUDIES) and len(STUDIES) == 11


def test_an_unknown_study_is_refused_with_the_known_ones():
    with pytest.raises(RepertoireError, match="no study 'horoscope'; there are: adding_problem"):
        load_study("horoscope")


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_study_gives_the_same_figures_and_metrics_twice(name):
    module, config = small(name)
    figures, metrics = module.study(config)
    torch.rand(7), np.random.rand(7)  # what came before must not matter
    again, same = module.study(config)
    assert metrics == same and np.isfinite(list(metrics.values())).all() and metrics
    assert len({figure.name for figure in figures}) == len(figures) >= 2
    for one, other in zip(figures, again, strict=True):
        assert len(one.caption) > 40 and one.caption == other.caption
        assert one.lines == other.lines and one.cells == other.cells
        if one.kind == Kind.HEATMAP:
            assert one.values.shape == (len(one.rows), len(one.columns))
            assert np.array_equal(one.values, other.values)
            assert (one.values >= 0).all() and (one.values <= 1).all()
        elif one.kind == Kind.IMAGES:
            assert one.images.dtype == np.uint8 and np.array_equal(one.images, other.images)
        elif one.kind == Kind.LINES:
            assert 1 <= len(one.lines) <= 8 and len(one.columns) == 2
            for line in one.lines:
                assert len(line.x) == len(line.y) and np.isfinite([*line.x, *line.y]).all()
                assert "y" not in one.logarithmic or min(line.y) > 0
        elif one.kind == Kind.IMAGES:
            assert one.images.dtype == np.uint8 and one.images.ndim == 4
            assert np.array_equal(one.images, other.images)
        else:
            assert {len(row) for row in one.cells} == {len(one.columns)}


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_study_has_a_docstring_and_a_config_without_defaults(name):
    tree = ast.parse((ROOT / f"src/repertoire/studies/{name}.py").read_text())
    assert len(ast.get_docstring(tree)) > 200
    [config] = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == "Config"]
    fields = [n for n in config.body if isinstance(n, ast.AnnAssign)]
    assert fields and all(field.value is None for field in fields)


def linear_norms(weight, steps=17):
    step = gradient_flow.plain("linear", weight)
    size = len(weight)
    inputs = torch.randn(steps, 3, size, dtype=torch.float64)
    return gradient_flow.norms(step, inputs, torch.zeros(3, size, dtype=torch.float64), size)


def test_a_linear_net_with_an_orthogonal_matrix_keeps_the_norm():
    assert linear_norms(gradient_flow.matrix("orthogonal", 11)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.3])
def test_a_linear_net_with_a_scaled_identity_has_powers_of_the_scale(scale):
    found = linear_norms(gradient_flow.matrix("identity", 7, scale))
    assert found == pytest.approx(scale ** np.arange(18.0), rel=1e-12)
    assert gradient_flow.factor(found) == pytest.approx(scale)


def test_a_sigmoid_net_shrinks_the_norm_by_a_quarter_at_least():
    weight = gradient_flow.matrix("orthogonal", 11)
    start = torch.zeros(3, 11, dtype=torch.float64)
    inputs = torch.randn(5, 3, 11, dtype=torch.float64)
    found = gradient_flow.norms(gradient_flow.plain("sigmoid", weight), inputs, start, 11)
    assert (found[1:] <= found[:-1] / 4).all() and found[-1] > 0


def test_a_gaussian_matrix_of_scale_one_keeps_the_norm_on_average():
    norms = [np.square(linear_norms(gradient_flow.matrix("Gaussian", 101), 1))[1] for _ in range(7)]
    assert np.mean(norms) == pytest.approx(1, abs=0.15)


def test_an_lstm_that_forgets_nothing_keeps_the_gradient_of_its_memory():
    cell = nn.LSTMCell(5, 5, dtype=torch.float64)
    for weight in cell.parameters():
        nn.init.zeros_(weight)
    nn.init.constant_(cell.bias_ih.data[5:10], 50.0)  # the forget gate: 1 to rounding
    inputs = torch.randn(13, 3, 5, dtype=torch.float64)
    start = torch.zeros(3, 10, dtype=torch.float64)
    found = gradient_flow.norms(gradient_flow.gated(cell), inputs, start, 5)
    # The output gate is half open and tanh is steepest at 0.
    assert found[1:] == pytest.approx(0.5, abs=1e-12)


def autograd_gradient(task):
    weights = torch.tensor(task.weights, requires_grad=True)
    state, loss = torch.zeros(len(task.weights), dtype=torch.float64), 0.0
    for x, target in zip(*map(torch.from_numpy, (task.inputs, task.targets)), strict=True):
        state = torch.tanh(weights @ torch.cat((state, x, torch.ones(1, dtype=torch.float64))))
        loss = loss + (state - target).square().sum() / 2
    loss.backward()
    return weights.grad.numpy()


@pytest.mark.parametrize(("width", "length", "inputs"), [(2, 1, 3), (5, 11, 2), (13, 29, 7)])
def test_both_gradients_are_those_of_autograd(width, length, inputs):
    task = rtrl.problem(width, length, inputs, 3)
    expected = autograd_gradient(task)
    for method in (rtrl.backpropagation, rtrl.real_time):
        assert method(task).gradient == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize(("width", "length", "inputs"), [(2, 3, 5), (7, 11, 3)])
def test_counted_multiplications_are_those_of_the_closed_forms(width, length, inputs):
    task = rtrl.problem(width, length, inputs, 3)
    for run, cost in (
        (rtrl.backpropagation(task), rtrl.backpropagation_cost),
        (rtrl.real_time(task), rtrl.real_time_cost),
    ):
        assert (run.multiplications, run.numbers_kept) == cost(width, length, inputs)


def test_real_time_learning_costs_the_fourth_power_of_the_width_and_no_memory_for_the_length():
    (wide, _), (half, _) = (rtrl.real_time_cost(n, 3, 2) for n in (4000, 2000))
    assert wide / half == pytest.approx(16, rel=0.01)
    assert rtrl.real_time_cost(7, 3, 2)[1] == rtrl.real_time_cost(7, 300, 2)[1] == 7 * 7 * 10


def test_the_sum_of_two_marked_numbers_has_mean_one_and_the_stated_variance():
    inputs, targets = adding_problem.draw(np.random.default_rng(0), 20011, 11)
    assert targets.mean().item() == pytest.approx(1, abs=0.01)
    assert targets.var().item() == pytest.approx(adding_problem.VARIANCE, rel=0.03)
    numbers, marks = inputs.unbind(2)
    assert (marks[:, :5].sum(1) == 1).all() and (marks[:, 5:].sum(1) == 1).all()
    assert torch.allclose((numbers * marks).sum(1), targets)


def test_an_identity_net_adds_up_what_it_is_shown():
    core = adding_problem.identity(3)
    nn.init.ones_(core.weight_ih_l0)
    inputs = torch.rand(5, 7, 2)
    assert torch.allclose(core(inputs)[0][:, -1, 0], inputs.sum((1, 2)))


def test_an_echo_is_the_stream_of_some_steps_before():
    bits, targets = truncation.draw(np.random.default_rng(0), 3, 29, 5)
    assert torch.equal(bits[:, :-5], targets[:, 5:]) and bits.shape == targets.shape == (3, 29)


@pytest.mark.parametrize("carried", [True, False])
def test_no_gradient_crosses_the_border_of_a_window(carried):
    network = truncation.Echo(5)
    bits = torch.rand(3, 12, requires_grad=True)
    logits, _ = truncation.cut(network, bits, None, 4, carried)
    [gradient] = torch.autograd.grad(logits[:, 7].sum(), bits)
    assert (gradient[:, :4] == 0).all() and (gradient[:, 4:8] != 0).all()
    assert (gradient[:, 8:] == 0).all()


def test_a_carried_state_gives_the_logits_of_the_uncut_stream_and_a_reset_one_does_not():
    network, bits = truncation.Echo(5), torch.rand(3, 12)
    whole, _ = truncation.cut(network, bits, None, 12, True)
    carried, _ = truncation.cut(network, bits, None, 3, True)
    reset, _ = truncation.cut(network, bits, None, 3, False)
    assert torch.allclose(whole, carried, atol=1e-6)
    assert torch.allclose(whole[:, :3], reset[:, :3], atol=1e-6)
    assert not torch.allclose(whole, reset, atol=1e-3)


def test_an_echo_is_learned_within_a_window_and_not_beyond_it():
    sizes = {"units": 13, "streams": 31, "chunk": 6, "updates": 97, "test_chunks": 11}
    _, config = small("truncation", **sizes, learning_rate=0.05)
    assert truncation.floor(1, 6, False) == pytest.approx(1 / 6)
    assert truncation.test_bits(config, 1, 6, False) == pytest.approx(1 / 6, abs=0.05)
    assert truncation.test_bits(config, 1, 1, False) > 0.98
    assert truncation.test_bits(config, 1, 6, True) < 0.05


def drawn(demand, tested):
    _, config = small("sequence_demands")
    task = sequence_demands.tasks(config)[demand]
    ids, classes = task.draw(np.random.default_rng(1), 1009, tested)
    return config, task, ids, classes, np.isin(ids, sequence_demands.MARKS)


@pytest.mark.parametrize("tested", [False, True])
def test_each_task_shows_its_marks_and_no_other_symbol_tells_the_class(tested):
    for demand in ("order", "long range", "shared weights", "variable length"):
        config, task, ids, classes, marks = drawn(demand, tested)
        first = ids[np.arange(len(ids)), marks.argmax(1)]
        assert np.array_equal(first == sequence_demands.MARKS[1], classes == 1)
        assert set(marks.sum(1)) == ({2} if demand == "order" else {1})
        assert 0.4 < classes.mean() < 0.6 and ids.max() < 3 + config.fillers
        assert tested or (ids[:, task.length :] == sequence_demands.PAD).all()


def test_marks_lie_where_the_model_that_lacks_the_demand_cannot_see_them():
    config, _, _, _, marks = drawn("long range", True)
    assert marks.argmax(1).max() < config.long - config.short
    _, _, _, _, trained = drawn("shared weights", False)
    _, _, _, _, tested = drawn("shared weights", True)
    assert set(trained.argmax(1)) == {0, 2} and set(tested.argmax(1)) == {1, 3}
    config, task, ids, _, marks = drawn("variable length", True)
    lengths = (ids != sequence_demands.PAD).sum(1)
    assert marks.argmax(1).min() >= task.length
    assert (lengths - marks.argmax(1)).max() <= config.short


def test_a_window_reads_the_last_symbol_of_sequences_shorter_than_itself():
    config = sequence_demands.Config(**SIZES)
    torch.manual_seed(3)
    model = sequence_demands.MODELS["window"](config, config.short)
    texts = torch.tensor([[4, 5, 1, 0, 0, 0, 0], [4, 5, 2, 0, 0, 0, 0]])
    one, other = model(texts)
    assert (one - other).abs().max() > 1e-3
    # What follows the sequence is padding, however much there is of it.
    assert torch.allclose(model(texts), model(texts[:, :3]))


SIZES = {
    **{"seed": 3, "threads": 1, "fillers": 5, "short": 5, "long": 11, "units": 7, "batch": 13},
    **{"steps": 2, "test": 17, "learning_rate": 0.01, "warmup": 0.0, "clip_norm": 1.0},
}


def test_the_ending_of_a_sequence_is_padded_on_the_left():
    ids = torch.tensor([[5, 6, 7, 0, 0], [5, 6, 7, 8, 9]])
    assert sequence_demands.ending(ids, 4).tolist() == [[0, 5, 6, 7], [6, 7, 8, 9]]


def test_a_bag_does_not_see_order_and_positions_without_training_have_no_say():
    _, config = small("sequence_demands")
    settle(1, 1)
    ids = torch.tensor([[1, 3, 4, 2], [2, 4, 3, 1]])
    bag = sequence_demands.Bag(config)
    nn.init.normal_(bag.net[0].weight)
    assert torch.allclose(bag(ids)[0], bag(ids)[1])
    untrained = sequence_demands.ByPosition(config)(ids)
    assert torch.equal(untrained[0], untrained[1])


def test_a_decoder_of_even_odds_gives_each_pixel_one_bit_under_any_code():
    network = code_maps.Autoencoder(5)
    for parameter in network.parameters():
        parameter.data.zero_()
    pixels = (np.random.default_rng(3).random((7, 64)) < 0.3).astype(np.float32)
    assert code_maps.nats_under_prior(network, pixels) == pytest.approx(64 * np.log(2))
    found = network.nats(torch.from_numpy(pixels), torch.randn(7, 2)).detach().numpy()
    assert found == pytest.approx(np.full(7, 64 * np.log(2)), rel=1e-6)


def test_the_likelihood_under_the_prior_is_the_mean_over_many_codes():
    torch.manual_seed(0)
    network = code_maps.Autoencoder(5)
    network.decoder[-1].weight.data.mul_(9)  # so that the code matters
    pixels = torch.from_numpy((np.random.default_rng(3).random((3, 64)) < 0.3).astype(np.float32))
    with torch.no_grad():
        every = [network.nats(each.expand(100_003, -1), torch.randn(100_003, 2)) for each in pixels]
    drawn = [float(torch.log(torch.tensor(100_003.0)) - torch.logsumexp(-e, 0)) for e in every]
    found = code_maps.nats_under_prior(network, pixels.numpy())
    assert found == pytest.approx(np.mean(drawn), abs=0.02)


def test_points_near_a_mean_are_of_high_quality_and_cover_its_mode():
    target = duels.Target(torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 7.0]]), 0.1)
    points = torch.tensor([[0.0, 0.29], [0.2, 0.0], [5.0, 0.31], [0.0, 7.0], [2.5, 0.0]])
    covered, share = target.quality(points)
    assert (covered, share) == (2, pytest.approx(3 / 5))


@pytest.mark.parametrize(("target", "modes"), [(duels.ring(), 8), (duels.grid(), 25)])
def test_draws_of_a_target_cover_its_modes_and_lie_within_three_deviations_of_them(target, modes):
    torch.manual_seed(3)
    covered, share = target.quality(target.draw(20011))
    assert covered == modes == len(target.means)
    # The distance of a Gaussian point from its mean has a Rayleigh distribution.
    assert share == pytest.approx(1 - np.exp(-(3**2) / 2), abs=0.003)


def test_a_loss_is_as_good_as_on_the_target_where_it_covers_the_smaller_share():
    module, config = small("gan_modes", steps=31)
    _, metrics = module.study(config)
    losses = [metric_name(label) for label in config.rules]
    assert losses[:2] == ["non_saturating", "non_saturating_with_r1"] and len(losses) == 4
    for loss in losses:
        ring, grid = (metrics[f"{target}_{loss}_fewest_modes"] for target in ("ring", "grid"))
        worst = min(100 * ring / 8, 100 * grid / 25)
        assert metrics[f"{loss}_fewest_modes_percent"] == pytest.approx(worst)


def test_the_modes_of_the_ring_lie_on_a_circle_and_those_of_the_grid_two_apart():
    ring, grid = duels.ring().means, duels.grid().means
    assert torch.allclose(ring.norm(dim=1), torch.ones(8))
    side = 2 * np.sin(np.pi / 8)
    assert torch.cdist(ring, ring).fill_diagonal_(9).amin(1).numpy() == pytest.approx(side)
    assert torch.cdist(grid, grid).fill_diagonal_(9).amin(1).numpy() == pytest.approx(2)
    assert grid.abs().max() == 4 and torch.equal(grid.sum(0), torch.zeros(2))


def test_nets_side_by_side_move_as_each_would_alone_at_its_own_rate():
    rates = torch.tensor([0.003, 0.02])
    ensemble = duels.Ensemble([3, 5, 2], rates)
    alone = [nn.Sequential(nn.Linear(3, 5), nn.LeakyReLU(0.2), nn.Linear(5, 2)) for _ in rates]
    for number, net in enumerate(alone):
        parameters = (net[0].weight, net[0].bias, net[2].weight, net[2].bias)
        for parameter, start in zip(parameters, ensemble.starts, strict=True):
            parameter.data.copy_(start[number].T.squeeze())
    one = torch.optim.Adam(ensemble.parameters(), lr=1)
    each = [
        torch.optim.Adam(n.parameters(), lr=float(r)) for n, r in zip(alone, rates, strict=True)
    ]
    for _ in range(7):
        values = torch.randn(11, 3)
        losses = [net(values).square().sum() for net in alone]
        together = ensemble(values.expand(2, 11, 3))
        assert torch.allclose(together, torch.stack([net(values) for net in alone]), atol=1e-4)
        for optimizer in (one, *each):
            optimizer.zero_grad()
        (together.square().sum() + sum(losses)).backward()
        for optimizer in (one, *each):
            optimizer.step()
