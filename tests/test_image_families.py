"""What is particular to the variational autoencoder and the adversarial net."""

import numpy as np
import pytest
import torch

from repertoire.config import RepertoireError
from repertoire.contract import Plan
from repertoire.families.variational_autoencoder.evaluation import log_weights
from repertoire.metrics.uncertainty import values
from repertoire.nn.images import shifted
from repertoire.training.torch_run import TorchRun
from tests.families import small


def test_the_importance_weighted_bound_is_tighter_than_the_evidence_bound(project):
    family, config, data, _ = small("vae_digits", project.folder)
    torch.manual_seed(0)
    run = TorchRun(family.graphs(family.build(config, data.facts).eval(), data.facts))
    metrics = values(family.evaluate(run, config, data, "test"))
    assert metrics["negative_iwae_50_nats"] < metrics["negative_elbo_nats"]


def test_a_decoder_that_ignores_its_code_gives_the_exact_likelihood(project):
    # With q(z|x) = p(z) and a constant decoder every importance weight is p(x) itself.
    family, config, data, _ = small("vae_digits", project.folder)
    network = family.build(config, data.facts)
    for parameter in network.parameters():
        parameter.data.zero_()
    logit = 0.7
    network.decoder[-1].bias.data.fill_(logit)
    run = TorchRun(family.graphs(network.eval(), data.facts))
    images = data.arrays("test")["images"][:5]
    ink = (images >= 128).reshape(5, -1)
    exact = ink.sum(1) * logit - ink.shape[1] * np.log1p(np.exp(logit))
    [found] = log_weights(run, config, {"images": images}, 3)
    np.testing.assert_allclose(found.T, np.tile(exact, (3, 1)), rtol=1e-5)


def test_shifting_moves_ink_without_losing_it():
    images = torch.zeros((31, 13, 13), dtype=torch.uint8)
    images[:, 6, 6] = 255
    moved = shifted(images, np.random.default_rng(0), 2)
    places = moved.nonzero()[:, 1:]
    assert moved.shape == images.shape and len(places) == 31
    assert places.min() == 4 and places.max() == 8
    assert shifted(images, np.random.default_rng(0), 0) is images


def test_colours_are_shifted_together():
    images = torch.zeros((31, 13, 13, 3), dtype=torch.uint8)
    images[:, 6, 6] = torch.tensor([7, 11, 13], dtype=torch.uint8)
    moved = shifted(images, np.random.default_rng(0), 2)
    grey = shifted(images[..., 0], np.random.default_rng(0), 2)
    assert moved.shape == images.shape and torch.equal(moved[..., 0], grey)
    assert torch.equal(moved.sum((1, 2)), torch.tensor([7, 11, 13]).repeat(31, 1))


def test_each_adversary_is_moved_by_its_own_optimizer_alone(project):
    family, config, data, _ = small("gan_digits", project.folder)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(1, 1))
    owned = {
        name: {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, optimizer in (("g", learner.generator), ("d", learner.discriminator))
    }
    assert owned["g"] == {id(p) for p in network.generator.parameters()}
    assert owned["d"] == {id(p) for p in network.discriminator.parameters()}
    assert not owned["g"] & owned["d"]


def test_the_averaged_generator_follows_the_generator(project):
    family, config, data, _ = small("gan_digits", project.folder)
    torch.manual_seed(1)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(1, 1))
    before = network.average.start.weight.clone()
    learner.step(next(learner.batches(0)))
    expected = before.lerp(network.generator.start.weight.detach(), 1 - config.average)
    assert torch.allclose(network.average.start.weight, expected)
    assert float((network.average.start.weight - before).abs().max()) > 0


@pytest.mark.parametrize("name", ["vae_digits", "gan_digits"])
def test_an_image_side_that_cannot_be_halved_twice_is_refused(name, project):
    family, config, data, _ = small(name, project.folder)
    with pytest.raises(RepertoireError, match="side 30 is not a multiple of 4"):
        family.build(config, {**data.facts, "side": 30})
