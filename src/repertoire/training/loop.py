"""The one training loop: it knows no loss, no optimizer and no family."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from repertoire.config import RepertoireError
from repertoire.contract import Arrays, Learner
from repertoire.training import checkpoint
from repertoire.training.process import placed, random_state, set_random_state
from repertoire.training.progress import Progress


@dataclass(frozen=True)
class Watch:
    """What is looked at after every epoch, and what decides which epoch is kept."""

    validate: Callable[[], dict[str, float]]
    snapshot: Callable[[], Arrays]
    metric: str
    better: str  # "lower" or "higher"


@dataclass
class Trajectory:
    """All that a killed training must find again, besides the learner's state."""

    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    block: list[dict[str, float]] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    snapshots: list[dict[str, torch.Tensor]] = field(default_factory=list)
    best: float | None = None
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    seconds: float = 0.0  # of all processes that took part, as far as checkpoints tell
    started: float = field(default_factory=time.time)  # seconds since 1970, like those below
    step_times: list[float] = field(default_factory=list)  # when each of ``steps`` was recorded
    epoch_times: list[float] = field(default_factory=list)


def train(
    learner: Learner,
    epochs: int,
    watch: Watch,
    saved: Path,
    every_seconds: float,
    record_steps: int,
) -> Trajectory:
    """Train for ``epochs`` and return the trajectory with the weights of the best epoch.

    Starts from the checkpoint ``saved`` if there is one. The result depends neither on when
    checkpoints were taken nor on whether the process was killed between them.
    """
    at = _resume(learner, saved)
    last_save = time.monotonic()
    earlier, begun = at.seconds, last_save
    with Progress(epochs, at.epoch) as progress:
        while at.epoch < epochs:
            for index, batch in enumerate(learner.batches(at.epoch)):
                if index < at.batch:
                    continue
                _record(at, learner.step(placed(batch)), record_steps)
                at.batch = index + 1
                progress.step(at.batch, at.block)
                if time.monotonic() - last_save > every_seconds:
                    at.seconds = earlier + time.monotonic() - begun
                    _save(learner, at, saved)
                    last_save = time.monotonic()
            _close_epoch(learner, at, watch)
            progress.epoch(at.epochs[-1])
            at.seconds = earlier + time.monotonic() - begun
            _save(learner, at, saved)
            last_save = time.monotonic()
    return at


def _record(at: Trajectory, losses: dict[str, float], record_steps: int) -> None:
    if wrong := [name for name, value in losses.items() if not math.isfinite(value)]:
        raise RepertoireError(
            f"{wrong[0]} is {losses[wrong[0]]} after epoch {at.epoch + 1}, batch {at.batch + 1}: "
            "training diverged; lower the learning rate in params.yaml or clip gradients"
        )
    at.block.append(losses)
    if len(at.block) == record_steps:
        step = (at.steps[-1]["step"] if at.steps else 0) + record_steps
        means = {k: sum(b[k] for b in at.block) / record_steps for k in losses}
        at.steps.append({"step": step, **means})
        at.step_times.append(time.time())
        at.block = []


def _close_epoch(learner: Learner, at: Trajectory, watch: Watch) -> None:
    metrics = watch.validate()
    at.epoch, at.batch = at.epoch + 1, 0
    at.epochs.append({"epoch": at.epoch, "steps_done": _steps_done(at), **metrics})
    at.epoch_times.append(time.time())
    at.snapshots.append({k: torch.as_tensor(v, device="cpu") for k, v in watch.snapshot().items()})
    value = metrics[watch.metric]
    if at.best is None or (value < at.best if watch.better == "lower" else value > at.best):
        at.best = value
        state = learner.network.state_dict()
        at.best_weights = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def _steps_done(at: Trajectory) -> int:
    return int(at.steps[-1]["step"] if at.steps else 0) + len(at.block)


def _save(learner: Learner, at: Trajectory, saved: Path) -> None:
    checkpoint.save(
        saved,
        {
            "network": learner.network.state_dict(),
            "learner": learner.state_dict(),
            "random": random_state(),
            "trajectory": vars(at),
        },
    )


def _resume(learner: Learner, saved: Path) -> Trajectory:
    if not saved.exists():
        return Trajectory()
    state = checkpoint.load(saved)
    learner.network.load_state_dict(state["network"])
    learner.load_state_dict(state["learner"])
    set_random_state(state["random"])
    return Trajectory(**state["trajectory"])
