"""How much the two learning rates of a GAN matter, on a ring of eight Gaussians.

Every pair of rates of generator and critic is tried by the same nets, steps and points, and judged
by the modes it covers (protocol of ``gan_modes``). The question is whether R1 (Mescheder et al.
2018) makes more pairs work than the loss alone. Nets of all pairs are trained side by side.
"""

from dataclasses import dataclass

import numpy as np
import torch

from repertoire.config import Count, Positive, Seed
from repertoire.contract import Array, Figure, Kind
from repertoire.nn.adversarial import Objective
from repertoire.nn.duels import Duels, Nets, ring
from repertoire.studies import HARD_SPACE, Findings, metric_name
from repertoire.training.process import settle


@dataclass(frozen=True)
class Config:
    """Each pair of rates is tried from ``starts`` starts."""

    seed: Seed
    threads: Count
    nets: Nets
    starts: Count
    steps: Count
    samples: Count
    generator_rates: tuple[Positive, ...]
    critic_rates: tuple[Positive, ...]
    rules: dict[str, Objective]


def covered(config: Config, objective: Objective) -> tuple[Array, Array]:
    """Shares of the modes covered and of points of high quality, means over starts.

    Both are (critic rates, generator rates).
    """
    settle(config.seed, config.threads)
    grid = torch.cartesian_prod(
        torch.tensor(config.critic_rates), torch.tensor(config.generator_rates)
    )
    target = ring()
    duels = Duels(target, objective, grid.flip(1).repeat(config.starts, 1), config.nets)
    for _ in range(config.steps):
        duels.step()
    # A diverged net makes no numbers, and so covers nothing.
    points = duels.points(config.samples).nan_to_num(1e6)
    found = np.array([target.quality(each) for each in points])
    shape = (config.starts, len(config.critic_rates), len(config.generator_rates))
    modes, shares = (column.reshape(shape).mean(0) for column in found.T)
    return modes / len(target.means), shares


def study(config: Config) -> Findings:
    """Heat maps over both rates for each set of rules."""
    sizes = (
        f"{config.starts} trainings of {config.steps:,} steps of {config.nets.batch} points a "
        f"cell, two hidden layers of {config.nets.units} units, seed {config.seed}"
    )
    figures, metrics, rows = [], {}, []
    for label, objective in config.rules.items():
        modes, shares = covered(config, objective)
        figures.append(_map(config, label, modes, sizes))
        key = metric_name(label)
        metrics[f"{key}_modes_percent"] = 100 * float(modes.mean())
        metrics[f"{key}_high_quality_percent"] = 100 * float(shares.mean())
        metrics[f"{key}_whole_ring_percent"] = 100 * float((modes == 1).mean())
        whole = f"{np.sum(modes == 1)} of {modes.size}"
        rows.append((label, whole, f"{100 * modes.mean():.1f} %", f"{100 * shares.mean():.1f} %"))
    table = Figure(
        "pairs",
        Kind.TABLE,
        f"Over all pairs of rates: those that cover all eight modes from every start, modes "
        f"covered, and points of high quality. {sizes}.",
        columns=("loss", "pairs with all modes", "modes covered", "high quality"),
        cells=rows,
    )
    return (*figures, table), metrics


def _map(config: Config, label: str, modes: Array, sizes: str) -> Figure:
    return Figure(
        f"modes-{label.replace(' ', '-').lower()}",
        Kind.HEATMAP,
        f"Share of the eight modes covered (loss: {label}), from none (light) to all (dark). Down: "
        f"learning rate of the critic; across: of the generator. {sizes}.",
        values=modes,
        rows=[f"critic{HARD_SPACE}{rate:g}" for rate in config.critic_rates],
        columns=[f"generator{HARD_SPACE}{rate:g}" for rate in config.generator_rates],
    )
