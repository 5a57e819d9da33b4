"""The optimizers and the average of weights, against PyTorch's own, and after a resumption."""

import math

import pytest
import torch
from torch import nn

from repertoire.training import checkpoint
from repertoire.training.adversary import Adversary
from repertoire.training.averaging import Averaged
from repertoire.training.optimisation import Optimisation

STEPS, WARMUP, DECAY = 13, 0.25, 0.3
RATES = (0.05, 0.2)  # one of each group


def net():
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2))


def batches():
    generator = torch.Generator().manual_seed(11)
    return [torch.randn(17, 5, generator=generator) for _ in range(STEPS)]


def loss_of(network, batch):
    return (network(batch) - 3).square().sum()


def groups(network):
    return [
        {"params": list(part.parameters()), "lr": rate}
        for part, rate in zip(network, RATES, strict=True)
    ]


def optimisation(network, clip_norm):
    return Optimisation(
        groups(network),
        learning_rate=1.0,
        weight_decay=DECAY,
        warmup=WARMUP,
        steps=STEPS,
        clip_norm=clip_norm,
    )


def factor(step):
    rising = 3  # a quarter of 13 steps
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (STEPS - rising)))


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_a_step_is_that_of_adamw_with_the_joint_norm_clipped_and_the_rates_scheduled(clip_norm):
    ours, theirs = net(), net()
    mine = optimisation(ours, clip_norm)
    reference = torch.optim.AdamW(groups(theirs), weight_decay=DECAY)
    for step, batch in enumerate(batches()):
        record = mine.step(loss_of(ours, batch))
        reference.zero_grad()
        loss_of(theirs, batch).backward()
        if clip_norm is None:
            assert record == {}
        else:
            norm = nn.utils.clip_grad_norm_(theirs.parameters(), clip_norm)
            assert record == pytest.approx({"gradient_norm": float(norm)}, rel=1e-5)
        for group, rate in zip(reference.param_groups, RATES, strict=True):
            group["lr"] = rate * factor(step)
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_an_adversary_is_adam_with_half_the_momentum_and_a_falling_rate():
    ours, theirs = net(), net()
    mine = Adversary(ours.parameters(), 0.1, STEPS)
    reference = torch.optim.Adam(theirs.parameters(), betas=(0.5, 0.999))
    for step, batch in enumerate(batches()):
        mine.step(loss_of(ours, batch))
        reference.zero_grad()
        loss_of(theirs, batch).backward()
        # The first step is the rise; half a cosine falls over the other twelve.
        falling = 0.5 * (1 + math.cos(math.pi * max(0, step - 1) / (STEPS - 1)))
        reference.param_groups[0]["lr"] = 0.1 * falling
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


class Average(Averaged):
    """The average after each step of plain gradient descent."""

    def step(self, loss):
        for parameter in self.trained.parameters():
            parameter.grad = None
        loss.backward()
        with torch.no_grad():
            for parameter in self.trained.parameters():
                parameter -= 1e-4 * parameter.grad
        super().step()


@pytest.mark.parametrize(
    "kind",
    [
        lambda network: optimisation(network, 0.5),
        lambda network: Adversary(network.parameters(), 0.1, STEPS),
        lambda network: Average(network, 0.9),
    ],
    ids=["optimisation", "adversary", "average"],
)
def test_a_saved_state_goes_on_bit_for_bit(kind, tmp_path):
    def steps(network, mover, part):
        for batch in part:
            mover.step(loss_of(getattr(mover, "trained", network), batch))

    whole = net()
    mover = kind(whole)
    steps(whole, mover, batches()[:5])
    saved = {"network": whole.state_dict(), "mover": mover.state_dict()}
    checkpoint.save(tmp_path / "c", saved)
    steps(whole, mover, batches()[5:])

    resumed, saved = net(), checkpoint.load(tmp_path / "c")
    mover = kind(resumed)
    resumed.load_state_dict(saved["network"])
    mover.load_state_dict(saved["mover"])
    steps(resumed, mover, batches()[5:])
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
