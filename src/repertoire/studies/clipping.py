"""What clipping does to exploding gradients, on a ReLU net that starts from the identity.

The net learns the adding problem by plain gradient descent (the IRNN of Le et al. 2015), once with
its gradients as they are and once with gradients scaled down to a bounded joint norm (Pascanu et
al. 2013, section 3.2). A few steps have gradients of many times the usual norm; one whole step
along such a gradient throws the weights so far that most units are silent from then on.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from repertoire.config import Count, Positive, Seed
from repertoire.contract import Figure, Kind, Line
from repertoire.studies import Findings
from repertoire.studies.adding_problem import VARIANCE, Reader, draw, identity
from repertoire.training.process import clip_gradients, settle

SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)  # of the steps, in the order of their norms


@dataclass(frozen=True)
class Config:
    """Losses are drawn as means over ``block`` steps."""

    seed: Seed
    threads: Count
    length: Count
    units: Count
    batch: Count
    steps: Count
    block: Count
    learning_rate: Positive
    clip_norm: Positive


@dataclass(frozen=True)
class Course:
    """Of each step: the loss, and the joint norm of the gradients before any clipping.

    ``silent`` is the share of units that are zero at every step of a last batch.
    """

    losses: list[float]
    norms: list[float]
    silent: float


def descend(config: Config, largest: float) -> Course:
    """Plain gradient descent; ends early where loss or gradient is no number any more."""
    settle(config.seed, config.threads)
    network = Reader(identity(config.units))
    optimizer = torch.optim.SGD(network.parameters(), lr=config.learning_rate)
    rng = np.random.default_rng(config.seed)
    losses: list[float] = []
    norms: list[float] = []
    for _ in range(config.steps):
        inputs, targets = draw(rng, config.batch, config.length)
        loss = nn.functional.mse_loss(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        norm = clip_gradients(network.parameters(), largest)
        if not np.isfinite([loss.item(), norm]).all():
            break
        losses.append(loss.item())
        norms.append(norm)
        optimizer.step()
    with torch.no_grad():
        features, _ = network.core(draw(rng, config.batch, config.length)[0])
    silent = float((features.abs().amax((0, 1)) == 0).double().mean())
    return Course(losses, norms, silent)


def study(config: Config) -> Findings:
    """Norms and losses of both trainings."""
    courses = {
        "as they are": descend(config, float("inf")),
        f"clipped to {config.clip_norm:g}": descend(config, config.clip_norm),
    }
    sizes = (
        f"Adding problem of {config.length} steps, {config.units} units, batches of "
        f"{config.batch}, learning rate {config.learning_rate:g}, seed {config.seed}"
    )
    figures = (
        _norms(courses, sizes),
        _losses(config, courses, sizes),
        _table(config, courses, sizes),
    )
    metrics = {}
    for label, course in zip(("plain", "clipped"), courses.values(), strict=True):
        metrics[f"{label}_last_mse"] = float(np.mean(course.losses[-config.block :]))
        metrics[f"{label}_largest_norm"] = max(course.norms)
        metrics[f"{label}_median_norm"] = float(np.median(course.norms))
        metrics[f"{label}_silent_percent"] = 100 * course.silent
    return figures, metrics


def _losses(config: Config, courses: dict[str, Course], sizes: str) -> Figure:
    lines = []
    for label, course in courses.items():
        ends = range(config.block, len(course.losses) + 1, config.block)
        means = [float(np.mean(course.losses[end - config.block : end])) for end in ends]
        lines.append(Line(label, list(ends), means))
    lines.append(Line("predicting the mean", [config.block, config.steps], [VARIANCE] * 2))
    return Figure(
        "training-loss",
        Kind.LINES,
        f"Mean squared error of training, mean of {config.block} steps. {sizes}.",
        columns=("step", "mean squared error"),
        lines=lines,
        logarithmic="y",
    )


def _table(config: Config, courses: dict[str, Course], sizes: str) -> Figure:
    rows = []
    for label, course in courses.items():
        above = np.mean(np.array(course.norms) > config.clip_norm)
        quantiles = (f"{v:,.2f}" for v in np.quantile(course.norms, (0.5, 0.99, 1)))
        last = f"{np.mean(course.losses[-config.block :]):.4f}"
        shares = (f"{100 * above:.0f} %", f"{100 * course.silent:.0f} %")
        rows.append((label, *quantiles, *shares, str(len(course.losses)), last))
    return Figure(
        "norms-and-losses",
        Kind.TABLE,
        f"Norms before clipping and the error over the last {config.block} steps; predicting the "
        f"mean leaves {VARIANCE:.4f}. {sizes}.",
        columns=(
            "gradients",
            "median norm",
            "99 % below",
            "largest",
            f"above {config.clip_norm:g}",
            "silent units",
            "steps",
            "last error",
        ),
        cells=rows,
    )


def _norms(courses: dict[str, Course], sizes: str) -> Figure:
    return Figure(
        "gradient-norms",
        Kind.LINES,
        f"Norm of the gradient before clipping that so many of the steps stay below. {sizes}.",
        columns=("share of the steps, %", "norm of the gradient"),
        lines=[
            Line(label, [100 * s for s in SHARES], np.quantile(course.norms, SHARES).tolist())
            for label, course in courses.items()
        ],
        logarithmic="y",
    )
