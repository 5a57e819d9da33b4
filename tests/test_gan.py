"""What is particular to the adversarial nets and to stacked digits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from repertoire.contract import Plan
from repertoire.kinds.stacked_images.encoding import CHANNELS
from repertoire.metrics.generation import EvaluationClassifier
from repertoire.metrics.uncertainty import values
from repertoire.training.torch_run import TorchRun
from tests.families import small


def trained(name, project, **changes):
    family, config, data, _ = small(name, project.folder)
    config = replace(config, **changes)
    torch.manual_seed(1)
    network = family.build(config, data.facts)
    return family, config, data, network, family.learner(network, config, data, Plan(1, 1))


def test_the_critic_takes_its_steps_and_the_generator_one(project):
    _, config, _, _, learner = trained("gan_wasserstein", project, critic_steps=3)
    batch = next(learner.batches(0))
    assert len(batch) == 3 * config.batch
    learner.step(batch)
    taken = [
        {int(state["step"]) for state in optimizer.state.values()}
        for optimizer in (learner.discriminator, learner.generator)
    ]
    assert taken == [{3}, {1}]


def test_spectral_normalisation_is_a_switch(project):
    for name, wanted in (("gan_hinge", True), ("gan_wasserstein", False)):
        *_, network, _ = trained(name, project)
        layers = [m for m in network.discriminator.layers if hasattr(m, "weight")]
        assert len(layers) == 3 and all(is_parametrized(m) == wanted for m in layers)


@pytest.mark.parametrize("weights", [{"gradient_penalty": 10.0}, {"r1": 100.0}])
def test_a_penalty_holds_the_gradient_of_the_critic_down(weights, project):
    slopes = []
    for penalties in ({"gradient_penalty": 0.0, "r1": 0.0}, weights):
        *_, network, learner = trained(
            "gan_wasserstein", project, discriminator_rate=0.01, **penalties
        )
        for epoch in range(5):
            for batch in learner.batches(epoch):
                learner.step(batch)
        images = torch.rand(17, 1, 28, 28, requires_grad=True)
        [gradient] = torch.autograd.grad(network.discriminator(images).sum(), images)
        slopes.append(float(gradient.flatten(1).norm(dim=1).mean()))
    assert slopes[1] < 0.5 * slopes[0]


def test_colours_come_and_go_as_the_last_axis(project):
    family, config, data, network, learner = trained("gan_stacked", project)
    run = TorchRun(family.graphs(network.eval(), data.facts))
    codes = np.random.default_rng(0).standard_normal((5, config.latent), np.float32)
    images = run("decode", latents=codes)["images"]
    assert images.shape == (5, 28, 28, 3) and images.dtype == np.uint8
    logits = run("discriminate", images=images)["logit"]
    swapped = run("discriminate", images=images[..., ::-1].copy())["logit"]
    assert logits.shape == (5,) and not np.allclose(logits, swapped)
    assert next(learner.batches(0)).shape == (23, 28, 28, 3)


def test_a_stack_shows_the_three_digits_that_its_label_spells(project):
    _, _, data, _ = small("gan_stacked", project.folder)
    classifier = EvaluationClassifier(data.arrays("classifier"))
    for split in ("train", "valid", "test"):
        arrays = data.arrays(split)
        digits = np.stack([arrays["labels"] // place % 10 for place in (100, 10, 1)])
        read = np.stack([classifier.classes(arrays["images"][..., c]) for c in range(CHANNELS)])
        assert (read == digits).mean() > (0.9 if split == "train" else 0.6)
        assert np.array_equal(classifier.classes(arrays["images"]), [100, 10, 1] @ read)


def test_no_digit_of_a_test_stack_is_in_another_split(project):
    _, _, data, _ = small("gan_stacked", project.folder)

    def digits(split):
        images = np.moveaxis(data.arrays(split)["images"], 3, 1)
        return {digit.tobytes() for digit in images.reshape(-1, 28 * 28)}

    seen = [digits(split) for split in ("train", "valid", "test")]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


def test_a_generator_of_one_digit_covers_one_mode_and_diverges_by_the_log_of_all(project):
    family, config, data, network, _ = trained("gan_stacked", project)
    for parameter in network.average.parameters():
        parameter.data.zero_()  # every code gives the same picture
    run = TorchRun(family.graphs(network.eval(), data.facts))
    metrics = values(family.evaluate(run, config, data, "test"))
    assert metrics["modes_covered"] == 1
    assert metrics["mode_divergence_nats"] == pytest.approx(np.log(1000))
    assert metrics["coverage_percent"] < 20
