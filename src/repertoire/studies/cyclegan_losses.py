"""What each loss of CycleGAN is worth, on two rings of points whose true partners are known.

Domain A is a ring of Gaussians, domain B the same ring turned by a few degrees and moved aside. The
nets see points of both, never which belong together. Validity alone says where translations should
lie, not which goes where; reconstruction makes the map one to one, which every turn of the ring is;
identity, that a point of B already stays where it is, prefers the map that moves least (Zhu et al.
2017, sections 3 and 5.2). Each is left out in turn, and the way to the true partner, which no
training sees, tells what is lost.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from repertoire.config import Count, Natural, NonNegative, Positive, Seed
from repertoire.contract import Array, Figure, Kind, Line
from repertoire.nn.cycle import Cycle, discriminator_loss, generator_losses
from repertoire.nn.patch import frozen
from repertoire.studies import Findings, metric_name
from repertoire.training.adversary import Adversary
from repertoire.training.process import settle


@dataclass(frozen=True)
class Config:
    """A ring of ``modes`` of radius 1; lengths are in its unit, the turn in degrees."""

    seeds: tuple[Seed, ...]
    threads: Count
    modes: Count
    spread: NonNegative
    turn: NonNegative
    aside: NonNegative
    units: Count
    batch: Count
    steps: Count
    test: Natural
    learning_rate: Positive
    reconstruction: NonNegative
    identity: NonNegative


@dataclass(frozen=True)
class Found:
    """Of one training: mean distances to the true partner and after the way there and back.

    ``valid`` is the share of translations within three spreads of a centre of the target, and
    ``reached`` the centres that have at least a tenth of their even share of all translations.
    """

    partner: float
    back: float
    valid: float
    reached: float
    points: Array


def ring(config: Config, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """float32 points of A (count, 2), and the centre of each as a number."""
    numbers = rng.integers(0, config.modes, count)
    angles = 2 * np.pi * numbers / config.modes
    centres = np.stack((np.cos(angles), np.sin(angles)), 1)
    noise = config.spread * rng.standard_normal((count, 2))
    return (centres + noise).astype(np.float32), numbers


def partner(config: Config, points: Array) -> Array:
    """The true partners in B of points of A: turned about the origin and moved to the right."""
    turn = np.deg2rad(config.turn)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return (points @ matrix + [config.aside, 0]).astype(np.float32)


def _net(units: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(2, units),
        nn.ReLU(),
        nn.Linear(units, units),
        nn.ReLU(),
        nn.Linear(units, outputs),
    )


def trained(config: Config, weights: tuple[float, float, float], seed: int) -> Cycle:
    """Nets after ``steps`` with these weights of validity, reconstruction and identity."""
    settle(seed, config.threads)
    nets = Cycle(*(_net(config.units, outputs) for outputs in (2, 2, 1, 1)))
    generators = Adversary(nets.generators(), config.learning_rate, config.steps)
    discriminators = Adversary(nets.discriminators(), config.learning_rate, config.steps)
    rng = np.random.default_rng(seed)
    for _ in range(config.steps):
        a = torch.from_numpy(ring(config, rng, config.batch)[0])
        b = torch.from_numpy(partner(config, ring(config, rng, config.batch)[0]))
        with frozen(nets.discriminator_a), frozen(nets.discriminator_b):
            losses = generator_losses(nets, a, b)
        generators.step(losses.total(*weights))
        discriminators.step(discriminator_loss(nets, (a, b), (losses.fake_a, losses.fake_b)))
    return nets


@torch.no_grad()
def measured(config: Config, nets: Cycle) -> Found:
    """From A to B on points that no training saw."""
    points, _ = ring(config, np.random.default_rng(0), config.test)
    angles = 2 * np.pi * np.arange(config.modes) / config.modes
    centres = partner(config, np.stack((np.cos(angles), np.sin(angles)), 1))
    given = torch.from_numpy(points)
    there = nets.a_to_b(given)
    back = nets.b_to_a(there)
    found = there.numpy()
    ways = np.linalg.norm(found[:, None] - centres, axis=2)
    valid = ways.min(1) < 3 * config.spread
    counts = np.bincount(ways.argmin(1)[valid], minlength=config.modes)
    return Found(
        float(np.linalg.norm(found - partner(config, points), axis=1).mean()),
        float(np.linalg.norm(back.numpy() - points, axis=1).mean()),
        100 * float(valid.mean()),
        float(np.sum(counts >= 0.1 * config.test / config.modes)),
        found,
    )


def study(config: Config) -> Findings:
    """All three losses, and each left out in turn."""
    whole = (1.0, config.reconstruction, config.identity)
    settings = {
        "all three": whole,
        "without validity": (0.0, *whole[1:]),
        "without reconstruction": (whole[0], 0.0, whole[2]),
        "without identity": (*whole[:2], 0.0),
        "validity alone": (1.0, 0.0, 0.0),
    }
    found = {
        label: [measured(config, trained(config, weights, seed)) for seed in config.seeds]
        for label, weights in settings.items()
    }
    metrics = {}
    for label, runs in found.items():
        key = metric_name(label)
        metrics[f"{key}_partner_distance"] = float(np.mean([run.partner for run in runs]))
        metrics[f"{key}_return_distance"] = float(np.mean([run.back for run in runs]))
        metrics[f"{key}_valid_percent"] = float(np.mean([run.valid for run in runs]))
        metrics[f"{key}_modes_reached"] = float(np.mean([run.reached for run in runs]))
    return (_table(config, found), *_maps(config, found)), metrics


def _table(config: Config, found: dict[str, list[Found]]) -> Figure:
    def cell(values: list[float], digits: int) -> str:
        return ", ".join(f"{value:.{digits}f}" for value in values)

    rows = [
        (
            label,
            cell([run.partner for run in runs], 2),
            cell([run.back for run in runs], 2),
            cell([run.valid for run in runs], 0),
            cell([run.reached for run in runs], 0),
        )
        for label, runs in found.items()
    ]
    points, _ = ring(config, np.random.default_rng(0), config.test)
    still = np.linalg.norm(points - partner(config, points), axis=1).mean()
    return Figure(
        "what-each-loss-is-worth",
        Kind.TABLE,
        f"From A to B, {config.test} new points; one value for each of the seeds "
        f"{', '.join(map(str, config.seeds))}. A ring of {config.modes} turned by {config.turn:g} "
        f"degrees and moved by {config.aside:g}; points left where they are lie {still:.2f} from "
        f"their partners. Weights {1:g}, {config.reconstruction:g} and {config.identity:g}.",
        columns=(
            "losses",
            "distance to the true partner",
            "distance after there and back",
            "valid, %",
            f"modes reached of {config.modes}",
        ),
        cells=rows,
    )


def _maps(config: Config, found: dict[str, list[Found]]) -> list[Figure]:
    """Where the translations of the first seed lie, by the mode they come from."""
    _, numbers = ring(config, np.random.default_rng(0), config.test)
    return [
        Figure(
            f"translations-{label.replace(' ', '-')}",
            Kind.LINES,
            f"Translations to B of the points of each mode of A, {label}; seed {config.seeds[0]}. "
            "A mode keeps its colour and number.",
            columns=("x", "y"),
            lines=[
                Line(
                    str(mode),
                    runs[0].points[numbers == mode, 0][:40].tolist(),
                    runs[0].points[numbers == mode, 1][:40].tolist(),
                    points=True,
                )
                for mode in range(config.modes)
            ],
        )
        for label, runs in found.items()
    ]
