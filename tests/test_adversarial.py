"""Losses of two adversaries and penalties, by closed forms."""

import numpy as np
import pytest
import torch

from repertoire.nn.adversarial import Objective, gradient_penalty, r1_penalty

REAL, FAKE = torch.tensor([[0.3], [-1.7], [2.0]]), torch.tensor([[0.9], [-0.4], [-3.0]])


def itself(samples):
    return samples.sum(1)


@pytest.mark.parametrize("fake", [-0.7, 0.0, 2.3])
def test_non_saturating_losses_are_cross_entropies_of_a_coin(fake):
    # A discriminator of logit x says "real" with probability s = 1 / (1 + exp(-x)).
    real, told = 1 / (1 + np.exp(-0.3)), 1 / (1 + np.exp(-fake))
    objective = Objective("non_saturating", 0.0, 0.0)
    found = objective.of_critic(itself, torch.tensor([[0.3]]), torch.tensor([[fake]]))
    assert float(found) == pytest.approx(-np.log(real) - np.log(1 - told), rel=1e-6)
    assert float(objective.of_generator(torch.tensor([fake]))) == pytest.approx(
        -np.log(told), rel=1e-6
    )


def test_the_wasserstein_loss_is_the_gap_of_means_with_the_sign_that_is_lowered():
    objective = Objective("wasserstein", 0.0, 0.0)
    assert float(objective.of_critic(itself, REAL, FAKE)) == pytest.approx(-2.5 / 3 - 0.6 / 3)
    assert float(objective.of_generator(FAKE[:, 0])) == pytest.approx(2.5 / 3)


def test_the_hinge_loss_ignores_what_is_told_apart_by_more_than_one():
    objective = Objective("hinge", 0.0, 0.0)
    # Real: 0.7, 2.7 and nothing; generated: 1.9, 0.6 and nothing.
    assert float(objective.of_critic(itself, REAL, FAKE)) == pytest.approx(3.4 / 3 + 2.5 / 3)
    assert float(objective.of_generator(FAKE[:, 0])) == pytest.approx(2.5 / 3)


@pytest.mark.parametrize("slope", [(0.6, 0.8), (3.0, 4.0), (0.0, 0.25)])
def test_penalties_of_a_linear_critic_are_those_of_its_slope(slope):
    weight, norm = torch.tensor(slope), np.hypot(*slope)
    real, fake = torch.randn(7, 2), torch.randn(7, 2)
    found = gradient_penalty(lambda x: x @ weight, real, fake)
    assert float(found) == pytest.approx((norm - 1) ** 2, abs=1e-6)
    assert float(r1_penalty(lambda x: x @ weight, real)) == pytest.approx(norm**2)


def test_a_parabola_is_punished_where_the_real_points_are():
    # The gradient of |x|² / 2 is x itself.
    real = torch.randn(11, 3)
    found = r1_penalty(lambda x: x.square().sum(1) / 2, real)
    assert float(found) == pytest.approx(float(real.square().sum(1).mean()), rel=1e-6)


def test_the_gradient_penalty_is_taken_between_pairs():
    # |gradient| is |x|: 1 between two equal points of length 1, wherever the share falls.
    real = torch.nn.functional.normalize(torch.randn(13, 5), dim=1)
    assert float(gradient_penalty(lambda x: x.square().sum(1) / 2, real, real)) == pytest.approx(
        0, abs=1e-10
    )
    far = gradient_penalty(lambda x: x.square().sum(1) / 2, real, 3 * real)
    assert 0 < float(far) < 4


def test_penalties_join_the_loss_by_their_weights_and_can_be_learned_from():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    real, fake = torch.zeros(7, 2), torch.zeros(7, 2, requires_grad=True)
    objective = Objective("wasserstein", 0.5, 0.25)
    loss = objective.of_critic(lambda x: x @ weight, real, fake)
    assert float(loss) == pytest.approx(0.5 * 16 + 0.25 / 2 * 25)
    loss.backward()
    # d/dw of 0.5 (|w| - 1)² + 0.125 |w|².
    expected = (0.5 * 2 * 4 / 5 + 0.25) * torch.tensor([3.0, 4.0])
    assert torch.allclose(weight.grad, expected)
    assert fake.grad is None
