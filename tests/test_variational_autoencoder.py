"""Bounds against quadrature, divergences against torch, and what each switch of the family does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from repertoire.config import RepertoireError, parse
from repertoire.contract import Plan
from repertoire.families.variational_autoencoder import codes
from repertoire.families.variational_autoencoder.config import Config
from repertoire.families.variational_autoencoder.evaluation import bounds, log_weights
from repertoire.families.variational_autoencoder.network import Gated, binarise
from repertoire.kinds.images.binarisation import drawn
from repertoire.metrics.uncertainty import values
from repertoire.training.torch_run import TorchRun
from tests.families import small


def made(project, name="vae_digits", **changes):
    """Family, config with changes, data, and a network of seed 0."""
    family, config, data, _ = small(name, project.folder)
    config = replace(config, **changes)
    torch.manual_seed(0)
    return family, config, data, family.build(config, data.facts).eval()


def engine(family, network, data):
    return TorchRun(family.graphs(network, data.facts))


def test_the_divergence_is_that_of_two_normal_distributions():
    rng = np.random.default_rng(3)
    mean, log_variance = rng.standard_normal((2, 5, 7)).astype(np.float32)
    deviation = torch.exp(0.5 * torch.from_numpy(log_variance))
    expected = kl_divergence(Normal(torch.from_numpy(mean), deviation), Normal(0.0, 1.0))
    np.testing.assert_allclose(codes.divergences(mean, log_variance), expected, atol=1e-5)


def test_many_draws_reach_the_likelihood_that_quadrature_over_the_code_gives(project):
    family, config, data, network = made(project, latent=1, chunk=10_000)
    images = data.arrays("test")["images"][:5]
    grid = torch.linspace(-9, 9, 3001, dtype=torch.float64)
    with torch.no_grad():
        logits = network.logits(grid.float().unsqueeze(1)).double().flatten(1)
    binary = binarise(torch.from_numpy(images)).double().flatten(1)
    given = binary @ logits.T - torch.nn.functional.softplus(logits).sum(1)
    joint = given + Normal(0.0, 1.0).log_prob(grid)
    exact = torch.logsumexp(joint, 1) + torch.log(grid[1] - grid[0])
    evidence, tighter = bounds(engine(family, network, data), config, {"images": images}, 3001)
    np.testing.assert_allclose(tighter, exact, atol=0.1)
    assert (evidence < exact.numpy()).all()


def test_a_run_of_the_bound_decodes_no_more_pictures_than_a_chunk(project):
    family, config, data, network = made(project, chunk=29)
    run, sizes = engine(family, network, data), []

    def watched(graph, **inputs):
        sizes.append(inputs["noise"].shape[:2])
        return run(graph, **inputs)

    watched.graph = run.graph
    images = data.arrays("test")["images"][:23]
    blocks = list(log_weights(watched, config, {"images": images}, 13))
    assert np.concatenate(blocks, 1).shape == (23, 13)
    assert max(rows * draws for rows, draws in sizes) <= 29
    assert {draws for _, draws in sizes} == {5, 3}


def test_the_importance_weighted_loss_is_below_that_of_the_same_draws_averaged(project):
    losses = {}
    for draws in (1, 7):
        changes = {"objective": "iwae", "training_samples": draws}
        family, config, data, network = made(project, **changes)
        learner = family.learner(network, config, data, Plan(1, 1))
        losses[draws] = learner.step(next(learner.batches(0)))
    assert losses[1]["loss_nats"] == pytest.approx(losses[1]["negative_elbo_nats"], rel=1e-6)
    assert losses[7]["loss_nats"] < losses[7]["negative_elbo_nats"]


def test_draws_of_the_evidence_bound_are_averaged(project):
    found = []
    for draws in (1, 101):
        family, config, data, network = made(project, training_samples=draws)
        learner = family.learner(network, config, data, Plan(1, 1))
        found.append(learner.step(next(learner.batches(0))))
    one, many = found
    assert many["divergence_nats"] == pytest.approx(one["divergence_nats"], rel=1e-6)
    assert many["reconstruction_nats"] == pytest.approx(one["reconstruction_nats"], rel=0.01)


@pytest.mark.parametrize(("beta", "free"), [(1.0, 0.0), (4.0, 0.0), (1.0, 50.0), (2.0, 50.0)])
def test_nats_below_the_free_ones_cost_as_much_as_these(project, beta, free):
    family, config, data, network = made(project, beta=beta, free_bits=free)
    learner = family.learner(network, config, data, Plan(1, 1))
    found = learner.step(next(learner.batches(0)))
    charged = max(found["divergence_nats"], free * config.latent)
    assert found["loss_nats"] == pytest.approx(found["reconstruction_nats"] + beta * charged)


def test_free_nats_give_the_encoder_no_reason_to_forget(project):
    family, config, data, network = made(project, free_bits=50.0)
    network.start.weight.data.zero_()  # the decoder does not read the code
    learner = family.learner(network, config, data, Plan(1, 1))
    binary = binarise(next(learner.batches(0))[0])
    loss, _ = learner._evidence(binary, torch.randn(len(binary), 1, config.latent), None)
    loss.backward()
    assert float(network.posterior.weight.grad.abs().max()) == 0


def test_a_weighted_bound_with_a_weighted_divergence_is_refused(project):
    _, config, _, _ = small("vae_digits", project.folder)
    values = {**vars(config), "objective": "iwae"}
    assert parse(Config, values, "x").objective == "iwae"
    for change in ({"beta": 2.0}, {"free_bits": 0.1}):
        with pytest.raises(RepertoireError, match="iwae has no divergence to weigh"):
            parse(Config, {**values, **change}, "x")


def test_pixels_are_drawn_with_the_chance_of_their_grey_level():
    levels = np.array([0, 51, 204, 255], np.uint8)
    found = drawn(np.tile(levels, (20011, 1)), np.random.default_rng(5))
    assert set(np.unique(found)) == {0, 255}
    shares = (found == 255).mean(0)
    assert shares[0] == 0 and shares[3] == 1
    assert shares[1:3] == pytest.approx([0.2, 0.8], abs=0.015)


def test_static_pixels_stay_and_dynamic_ones_are_drawn_anew(project):
    seen = {}
    for kind in ("half", "static", "dynamic"):
        family, config, data, network = made(project, binarisation=kind, shift=0, batch=97)
        learner = family.learner(network, config, data, Plan(1, 2))
        epochs = [next(learner.batches(epoch))[0].numpy() for epoch in (0, 1)]
        # Pictures of all epochs in one order: sorted by their bytes.
        seen[kind] = [sorted(image.tobytes() for image in epoch) for epoch in epochs]
        assert kind == "half" or set(np.unique(epochs)) == {0, 255}
    assert seen["half"][0] == seen["half"][1] and seen["static"][0] == seen["static"][1]
    assert seen["dynamic"][0] != seen["dynamic"][1]
    assert seen["half"][0] != seen["static"][0]


def test_drawn_pixels_are_measured_on_one_draw_of_each_split(project):
    _, config, data, _ = made(project, binarisation="dynamic")
    first, again = (codes.inputs(config, data, "valid")["images"] for _ in range(2))
    assert np.array_equal(first, again) and set(np.unique(first)) == {0, 255}
    static = codes.inputs(replace(config, binarisation="static"), data, "valid")["images"]
    assert np.array_equal(first, static)


def test_a_conditional_net_is_told_the_label_in_every_graph(project):
    family, _, data, network = made(project, "vae_conditional")
    for graph in family.graphs(network, data.facts):
        [port] = [port for port in graph.inputs if port.name == "labels"]
        assert (port.dtype, port.shape, port.low, port.high) == ("int64", ("batch",), 0, 9)
    family, _, data, plain = made(project)
    assert not any(p.name == "labels" for g in family.graphs(plain, data.facts) for p in g.inputs)


def test_the_label_moves_both_the_code_and_the_picture(project):
    family, config, data, network = made(project, "vae_conditional")
    run = engine(family, network, data)
    images = np.repeat(data.arrays("test")["images"][:1], 2, axis=0)
    labels = np.array([3, 8])
    means = run("encode", images=images, labels=labels)["mean"]
    assert np.abs(means[0] - means[1]).max() > 1e-3
    pictures = run("decode", latents=np.zeros((2, config.latent), np.float32), labels=labels)
    assert not np.array_equal(*pictures["images"])


def test_draws_of_a_bound_are_told_the_label_of_their_own_picture(project):
    family, config, data, network = made(project, "vae_conditional")
    run = engine(family, network, data)
    images, labels = data.arrays("test")["images"][:5], np.array([2, 7, 1, 8, 2])
    noise = np.random.default_rng(0).standard_normal((5, 3, config.latent), np.float32)
    together = run("bound", images=images, noise=noise, labels=labels)["log_likelihood"]
    for place in range(5):
        own = slice(place, place + 1)
        alone = run("bound", images=images[own], noise=noise[own, 2:], labels=labels[own])
        assert together[place, 2] == pytest.approx(alone["log_likelihood"][0, 0], rel=1e-5)


def test_a_reconstruction_is_what_the_mean_code_decodes_to(project):
    for name in ("vae_digits", "vae_conditional"):
        family, config, data, network = made(project, name)
        run, arrays = engine(family, network, data), data.arrays("test")
        labels = codes.told(config, arrays["labels"][:7])
        given = {"images": arrays["images"][:7], **labels}
        decoded = run("decode", latents=run("encode", **given)["mean"], **labels)["images"]
        assert np.array_equal(decoded, run("reconstruct", **given)["reconstruction"])


def test_arithmetic_moves_a_code_from_the_mean_of_its_class_to_that_of_another(project):
    _, config, _, _ = made(project)
    found = np.array([[1, 2], [3, 2], [10, 20], [30, 20]], np.float32)
    labels = np.array([0, 0, 1, 1])
    means = codes.means_of_classes(found, labels, 2)
    assert means.tolist() == [[2, 2], [20, 20]]
    moved = codes.changed(config, means, found, labels, 1 - labels)
    assert moved.tolist() == [[19, 20], [21, 20], [-8, 2], [12, 2]]
    told = replace(config, conditional=True)
    assert codes.changed(told, means, found, labels, 1 - labels) is found


def test_a_gated_block_with_a_shut_gate_changes_nothing():
    block = Gated(5)
    block.both.bias.data[5:] = -1e9
    images = torch.randn(3, 5, 7, 7)
    assert torch.equal(block(images), images)


def test_a_class_lies_where_the_codes_of_its_training_pictures_do(project):
    family, config, data, network = made(project)
    train = data.arrays("train")

    def run(graph, output, images):
        assert (graph, output) == ("encode", "mean")
        return {"mean": images.reshape(len(images), -1)[:, 300:303].astype(np.float32)}

    run.graph = engine(family, network, data).graph
    found = codes.class_means(run, config, data)
    flat = train["images"].reshape(len(train["images"]), -1)[:, 300:303]
    for label in np.unique(train["labels"]):
        np.testing.assert_allclose(found[label], flat[train["labels"] == label].mean(0), rtol=1e-5)


def test_both_splits_have_the_bound_that_chooses_the_epoch_and_the_test_a_tighter_one(project):
    changes = {"validation_samples": 3, "importance_samples": 211, "binarisation": "static"}
    family, config, data, network = made(project, **changes)
    run = engine(family, network, data)
    found = {s: values(family.evaluate(run, config, data, s)) for s in ("valid", "test")}
    bound = "negative_drawn_iwae_{}_nats"
    assert bound.format(3) in found["valid"] and bound.format(211) not in found["valid"]
    assert bound.format(3) in found["test"]
    assert found["test"][bound.format(211)] < found["test"]["negative_drawn_elbo_nats"]
