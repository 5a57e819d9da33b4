"""Which of many modes a generator finds and keeps: points on a ring of 8 and a grid of 25.

The protocol of Srivastava et al. 2017 (VEEGAN), section 4.1: of 2,500 generated points those within
three standard deviations of the nearest mean are of high quality, and a mode is covered if one of
them is nearest to its mean. Small nets of the same shape are trained by each loss from several
starts. The question is what a loss alone leaves out or visits in turn, and what changes with a
penalty on the critic's gradient: R1 (Mescheder et al. 2018) or that of Gulrajani et al. 2017.
"""

from dataclasses import dataclass

import numpy as np
import torch

from repertoire.config import Count, Positive, Seed
from repertoire.contract import Array, Figure, Kind, Line
from repertoire.nn.adversarial import Objective
from repertoire.nn.duels import NEAR, Duels, Nets, Target, grid, ring
from repertoire.studies import Findings, metric_name
from repertoire.training.process import settle

SHOWN = 400  # points of a scatter diagram


@dataclass(frozen=True)
class Config:
    """``runs`` are trainings from different starts, measured ``looks`` times on ``samples``."""

    seed: Seed
    threads: Count
    nets: Nets
    runs: Count
    steps: Count
    looks: Count
    samples: Count
    generator_rate: Positive
    critic_rate: Positive
    rules: dict[str, Objective]


@dataclass(frozen=True)
class Course:
    """``modes`` and ``shares`` of high quality (looks, runs); ``points`` (count, 2) of one run."""

    steps: list[int]
    modes: Array
    shares: Array
    points: Array


def compete(config: Config, target: Target, objective: Objective) -> Course:
    """Train ``runs`` pairs by the same rules, and look at them from time to time."""
    settle(config.seed, config.threads)
    rates = torch.tensor([[config.generator_rate, config.critic_rate]]).repeat(config.runs, 1)
    duels = Duels(target, objective, rates, config.nets)
    steps = np.linspace(0, config.steps, config.looks + 1).round().astype(int)[1:].tolist()
    found = []
    for step in range(1, config.steps + 1):
        duels.step()
        if step in steps:
            points = duels.points(config.samples)
            found.append([target.quality(each) for each in points])
    measured = np.array(found, float)
    return Course(steps, measured[..., 0], measured[..., 1], points[0, :SHOWN].numpy())


def study(config: Config) -> Findings:
    """Modes and quality by loss on both targets."""
    targets = {"ring": ring(), "grid": grid()}
    found = {
        name: {label: compete(config, target, each) for label, each in config.rules.items()}
        for name, target in targets.items()
    }
    sizes = (
        f"{config.runs} trainings of {config.steps:,} steps of {config.nets.batch} points by each "
        f"loss, two hidden layers of {config.nets.units} units, {config.samples:,} points judged, "
        f"seed {config.seed}"
    )
    figures = [_table(found, targets, sizes)]
    for name, courses in found.items():
        figures += _curves(name, courses, sizes)
        figures += [_scatter(name, targets[name], label, c) for label, c in courses.items()]
    return tuple(figures), _metrics(found, targets)


def _metrics(found: dict[str, dict[str, Course]], targets: dict[str, Target]) -> dict[str, float]:
    """Of the worst training, and the share of modes on the target where that is the smaller."""
    metrics: dict[str, float] = {}
    covered: dict[str, list[float]] = {}
    for name, courses in found.items():
        for label, course in courses.items():
            fewest = float(course.modes[-1].min())
            metrics[metric_name(name, label, "fewest modes")] = fewest
            quality = 100 * float(course.shares[-1].mean())
            metrics[metric_name(name, label, "high quality percent")] = quality
            covered.setdefault(label, []).append(fewest / len(targets[name].means))
    for label, shares in covered.items():
        metrics[metric_name(label, "fewest modes percent")] = 100 * min(shares)
    return metrics


def _table(found: dict[str, dict[str, Course]], targets: dict[str, Target], sizes: str) -> Figure:
    return Figure(
        "modes",
        Kind.TABLE,
        "Modes covered after training, on average over trainings and in the worst, and the share "
        f"of points of high quality: within {NEAR} standard deviations of a mean. {sizes}.",
        columns=("target", "loss", "modes", "covered", "worst training", "high quality"),
        cells=[
            (
                name,
                label,
                len(targets[name].means),
                f"{course.modes[-1].mean():.1f}",
                f"{course.modes[-1].min():.0f}",
                f"{100 * course.shares[-1].mean():.1f} %",
            )
            for name, courses in found.items()
            for label, course in courses.items()
        ],
    )


def _curves(name: str, courses: dict[str, Course], sizes: str) -> list[Figure]:
    """What a duel has found at each look; bands reach from the worst to the best training."""
    drawn = {
        "modes": ("modes covered", {k: c.modes for k, c in courses.items()}),
        "quality": ("share of high quality", {k: c.shares for k, c in courses.items()}),
    }
    return [
        Figure(
            f"{name}-{what}",
            Kind.LINES,
            f"{axis.capitalize()} of the {name} by training step: mean over trainings, and a band "
            f"from the worst to the best. {sizes}.",
            columns=("step", axis),
            lines=[
                Line(
                    label,
                    courses[label].steps,
                    values.mean(1).tolist(),
                    values.min(1).tolist(),
                    values.max(1).tolist(),
                )
                for label, values in measured.items()
            ],
        )
        for what, (axis, measured) in drawn.items()
    ]


def _scatter(name: str, target: Target, label: str, course: Course) -> Figure:
    means = target.means.numpy()
    return Figure(
        f"{name}-{label.replace(' ', '-').lower()}",
        Kind.LINES,
        f"The first {len(course.points)} points of the first training on the {name}, and the means "
        f"of the modes. Loss: {label}.",
        columns=("first coordinate", "second coordinate"),
        lines=[
            Line(
                "generated",
                x=course.points[:, 0].tolist(),
                y=course.points[:, 1].tolist(),
                points=True,
            ),
            Line("means", x=means[:, 0].tolist(), y=means[:, 1].tolist(), points=True),
        ],
    )
