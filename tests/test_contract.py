"""What every family must do, tested once over all recipes of params.yaml."""

import ast
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipelines.declared import declared
from pipelines.params import Recipe
from pipelines.report.limits import limits
from repertoire.config import parse
from repertoire.contract import Kind, Plan, family_names
from repertoire.export import verify
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import ParityError, compare_metrics, verify_graph
from repertoire.metrics.uncertainty import (
    standard_errors,
    values,
)
from repertoire.runtime.onnx_run import OnnxRun
from repertoire.training import checkpoint
from repertoire.training.torch_run import TorchRun
from tests.documented import directions
from tests.families import RECIPES, small
from tests.project import ROOT

NAMES = sorted(RECIPES)
every_recipe = pytest.mark.parametrize("name", NAMES)


def built(name, project):
    family, config, data, recipe = small(name, project.folder)
    torch.manual_seed(recipe.seed)
    network = family.build(config, data.facts)
    return family, config, data, network


def test_the_default_scale_holds_recipes_of_every_family():
    assert len(NAMES) >= 63  # 62 of the default scale, and one kind of net that it lacks
    assert {RECIPES[name]["family"] for name in NAMES} == set(family_names())


@every_recipe
def test_training_lowers_the_first_loss(name, project):
    family, config, data, network = built(name, project)
    learner = family.learner(network, config, data, Plan(1, 5))
    losses = [
        next(iter(learner.step(batch).values()))
        for epoch in range(5)
        for batch in learner.batches(epoch)
    ]
    assert len(losses) >= 10 and np.isfinite(losses).all()
    if family.name != "gan":  # two adversaries have no common loss to lower
        assert np.mean(losses[-5:]) < np.mean(losses[:3])


@every_recipe
def test_batches_depend_on_seed_and_epoch_alone(name, project):
    family, config, data, network = built(name, project)

    def first(seed, epoch):
        batch = next(iter(family.learner(network, config, data, Plan(seed, 3)).batches(epoch)))
        parts = batch if isinstance(batch, tuple) else (batch,)
        return [p.clone() for p in parts if isinstance(p, torch.Tensor)]

    again = zip(first(1, 0), first(1, 0), strict=True)
    assert all(torch.equal(one, other) for one, other in again)
    other = first(1, 1) + first(2, 0)
    assert not all(
        one.shape == o.shape and torch.equal(one, o)
        for one, o in zip(first(1, 0) * 2, other, strict=True)
    )


@every_recipe
def test_a_learner_goes_on_from_its_saved_state_bit_for_bit(name, project, tmp_path):
    family, config, data, network = built(name, project)

    def steps(learner, count, skip=0):
        for index, batch in enumerate(learner.batches(0)):
            if skip <= index < skip + count:
                learner.step(batch)

    torch.manual_seed(3)
    learner = family.learner(network, config, data, Plan(1, 2))
    steps(learner, 2)
    saved = {"net": network.state_dict(), "learner": learner.state_dict()}
    checkpoint.save(tmp_path / "c", {**saved, "random": torch.get_rng_state()})
    steps(learner, 2, skip=2)

    *_, fresh = built(name, project)
    resumed = family.learner(fresh, config, data, Plan(1, 2))
    state = checkpoint.load(tmp_path / "c")
    fresh.load_state_dict(state["net"])
    resumed.load_state_dict(state["learner"])
    torch.set_rng_state(state["random"])
    steps(resumed, 2, skip=2)
    pairs = zip(network.state_dict().values(), fresh.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@every_recipe
def test_graphs_export_with_parity_and_the_same_bytes_twice(name, project):
    family, _, data, network = built(name, project)
    graphs = family.graphs(network.eval(), data.facts)
    assert len(graphs) >= 2
    contents = [export_graph(graph) for graph in graphs]
    for graph, content in zip(graphs, contents, strict=True):
        assert export_graph(graph) == content
        parity = verify_graph(graph, content, 7, 13, 1e-4)
        assert len(parity.shapes) >= 5
        assert {1} in [set(sizes.values()) for sizes in parity.shapes]


@every_recipe
def test_evaluation_gives_the_same_metrics_by_both_engines(name, project, tmp_path):
    family, config, data, network = built(name, project)
    graphs = family.graphs(network.eval(), data.facts)
    for graph in graphs:
        (tmp_path / f"{graph.name}.onnx").write_bytes(export_graph(graph))
    by_torch = values(family.evaluate(TorchRun(graphs), config, data, "valid"))
    by_onnx = values(family.evaluate(OnnxRun.of_files(tmp_path, graphs, 1), config, data, "valid"))
    assert RECIPES[name]["gate"]["metric"] in by_torch
    means = declared(family.name, data.facts["kind"])
    assert all(means.metric(key).key == key for key in by_torch)
    assert max(compare_metrics(by_torch, by_onnx, 1e-3).values()) <= 1e-3


@every_recipe
def test_every_test_metric_has_a_standard_error_and_the_card_says_its_limits(name, project):
    family, config, data, network = built(name, project)
    recipe = parse(Recipe, RECIPES[name], name)
    run = TorchRun(family.graphs(network.eval(), data.facts))
    measurements = family.evaluate(run, config, data, "test")
    metrics, errors = values(measurements), standard_errors(measurements, 19)
    for key in metrics:
        ways = {declared(family.name, data.facts["kind"]).metric(key).better}
        assert directions(key) == ways, f"{key}: docs/measures lacks it, or its direction"
    said = limits(data.facts, metrics, recipe, declared(family.name, data.facts["kind"]))
    assert len(said) >= 2 and all(note.endswith(".") for note in said)
    # A test statistic is in units of its own standard error.
    known = {key for key, value in metrics.items() if np.isfinite(value)}
    assert known - errors.keys() <= {"dm_statistic", "dm_p_value"}
    assert errors[RECIPES[name]["gate"]["metric"]] >= 0
    assert all(np.isfinite(value) and value >= 0 for value in errors.values())
    for measurement in measurements:
        # What a part of the units says does not depend on their order.
        rows = np.arange(measurement.units)
        again = measurement.measure(rows[::-1])
        for key, value in measurement.measure(rows).items():
            assert again[key] == pytest.approx(value, rel=1e-6, abs=1e-9, nan_ok=True), key


@every_recipe
def test_figures_have_captions_and_content(name, project):
    family, config, data, network = built(name, project)
    run = TorchRun(family.graphs(network.eval(), data.facts))
    snapshots = {k: np.stack([v, v]) for k, v in family.snapshot(run, config, data).items()}
    figures = family.illustrate(run, config, data, snapshots)
    assert figures and len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        assert len(figure.caption) > 20
        if figure.kind == Kind.IMAGES:
            assert figure.images.dtype == np.uint8 and figure.images.ndim in (4, 5)
        elif figure.kind == Kind.HEATMAP:
            assert figure.values.shape == (len(figure.rows), len(figure.columns))
            assert (figure.values >= 0).all() and (figure.values <= 1 + 1e-4).all()
        elif figure.kind == Kind.LINES:
            assert figure.lines and len(figure.columns) == 2
            for line in figure.lines:
                assert len(line.x) == len(line.y) and np.isfinite([*line.x, *line.y]).all()
        else:
            assert figure.cells


def test_a_graph_whose_file_differs_is_refused(project):
    family, _, data, network = built("lstm_characters", project)
    graph = family.graphs(network.eval(), data.facts)[0]
    content = export_graph(graph)
    with torch.no_grad():
        network.output.bias += torch.arange(len(network.output.bias)) / 100
    with pytest.raises(ParityError, match=r"graph score, output log_probs at .* differs"):
        verify_graph(graph, content, 7, 13, 1e-4)


def test_verification_draws_within_the_range_that_a_graph_narrows(project, monkeypatch):
    family, _, data, network = built("dates", project)
    graph = next(g for g in family.graphs(network.eval(), data.facts) if g.name == "translate")
    drawn = []
    draw = verify.example
    monkeypatch.setattr(verify, "example", lambda *given: drawn.append(draw(*given)) or drawn[-1])
    narrow = replace(graph, drawn={"max_length": (3, 5)})
    verify_graph(narrow, export_graph(graph), 7, 13, 1e-4)
    assert len(drawn) == 6 and {int(inputs["max_length"]) for inputs in drawn} <= {3, 4, 5}
    assert max(int(inputs["beam"]) for inputs in drawn) > 5


@pytest.mark.parametrize("family", family_names())
def test_evaluation_imports_no_torch(family):
    code = (
        f"import sys, pipelines.evaluate, repertoire.families.{family}.evaluation as e;"
        "assert 'torch' not in sys.modules, 'torch'; assert e.evaluate"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("family", family_names())
def test_a_config_has_no_defaults_because_params_yaml_holds_every_number(family):
    tree = ast.parse((ROOT / f"src/repertoire/families/{family}/config.py").read_text())
    [config] = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == "Config"]
    fields = [n for n in config.body if isinstance(n, ast.AnnAssign)]
    assert fields and all(field.value is None for field in fields)
