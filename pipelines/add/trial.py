"""A trial of a proposed data set: encode its sample, time a few training steps."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from repertoire.config import RepertoireError, parse
from repertoire.contract import Family, Plan, Preset
from repertoire.data.dataset import Dataset, write_dataset
from repertoire.data.doors import Proposal

SECONDS = 1.0  # of one core, for which steps are timed
UNCOUNTED = 2  # the first steps, which set memory up


@dataclass(frozen=True)
class Trial:
    """What a recipe on these data would be: settings, epochs within the budget, and the time."""

    preset: Preset
    epochs: int
    step_seconds: float
    steps: int
    epoch_minutes: float

    @property
    def minutes(self) -> float:
        return self.epochs * self.epoch_minutes


def run_trial(
    family: Family, reader: ModuleType, proposal: Proposal, seed: int, minutes: float
) -> Trial:
    """Encode the sample as ``prepare`` will, train for seconds as ``train`` will; keep nothing."""
    import torch

    table = proposal.sample
    if not (training := int((table["split"] == "train").sum())):
        raise RepertoireError("no row is left for training; the lines above say why")
    whole = proposal.rows / len(table)
    # Not `settle`: deterministic kernels cost seconds of imports, and nothing of this is kept.
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    config = parse(reader.Config, proposal.config, "the proposal")
    encoded = reader.encode(config, table)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder, encoded, {"kind": reader.KIND, "dataset": "trial"})
        data = Dataset(folder)
        preset: Preset | None = family.preset(data.facts, round(training * whole))
        while preset is not None:
            trial = _tried(family, preset, data, seed, (whole, minutes))
            if trial.epoch_minutes <= minutes or preset.smaller is None:
                break
            preset = preset.smaller
    epochs = max(1, min(trial.preset.epochs, int(minutes / trial.epoch_minutes)))
    return replace(trial, epochs=epochs)


def _tried(
    family: Family, preset: Preset, data: Dataset, seed: int, scale: tuple[float, float]
) -> Trial:
    """One preset, timed; ``scale``: how many times the sample all rows are, and the minutes.

    What is too slow by its steps alone, and has a smaller one, is not evaluated.
    """
    from repertoire.training.torch_run import TorchRun

    settings: Any = parse(family.Config, preset.config, f"the preset of {family.name}")
    network = family.build(settings, data.facts)
    learner = family.learner(network, settings, data, Plan(seed, 1))
    whole, minutes = scale
    step_seconds, counted = _timed(learner)
    steps = max(1, round(counted * whole))
    if preset.smaller is not None and steps * step_seconds / 60 > minutes:
        return Trial(preset, preset.epochs, step_seconds, steps, steps * step_seconds / 60)
    run = TorchRun(family.graphs(network, data.facts))
    family.snapshot(run, settings, data)  # which warms graphs up, too
    began = time.process_time()
    family.snapshot(run, settings, data)
    snapshot = time.process_time() - began
    family.evaluate(run, settings, data, "valid")
    validation = time.process_time() - began - snapshot
    epoch = (steps * step_seconds + validation * whole + snapshot) / 60
    return Trial(preset, preset.epochs, step_seconds, steps, epoch)


def _timed(learner: Any) -> tuple[float, int]:
    """Seconds of a step, and the steps of an epoch on the sample."""
    spent, timed, count = 0.0, 0, 0
    for batch in learner.batches(0):
        count += 1
        if spent < SECONDS:
            began = time.process_time()
            learner.step(batch)
            if count > UNCOUNTED:
                spent, timed = spent + time.process_time() - began, timed + 1
            else:
                first = time.process_time() - began
    return (spent / timed if timed else first), count
