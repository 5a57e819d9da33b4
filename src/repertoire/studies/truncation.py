"""What truncated backpropagation through time can learn: an echo, by lag and by truncation.

A stream of random bits comes in, and the target is the bit of some steps ago. Gradients stop at the
border of every window of so many steps (Williams and Peng 1990). If the state starts from zero at
each border too, a share of lag / window of the targets is out of sight, and with windows no longer
than the lag there is nothing to learn. If the state is carried, the recurrent weights still get no
gradient across the border, but what they happen to keep reaches the output, which learns to read
it. Updates and the bits seen are the same for all; only the borders differ.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from repertoire.config import Count, Positive, Seed, Share
from repertoire.contract import Figure, Kind, Line
from repertoire.studies import HARD_SPACE, Findings
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import settle

STATES = ("carried", "reset")


@dataclass(frozen=True)
class Config:
    """Each of ``updates`` sees the next ``chunk`` steps, a multiple of every truncation."""

    seed: Seed
    threads: Count
    lags: tuple[Count, ...]
    truncations: tuple[Count, ...]
    chunk: Count
    units: Count
    streams: Count
    updates: Count
    test_chunks: Count
    learning_rate: Positive
    warmup: Share
    clip_norm: Positive


def draw(rng: np.random.Generator, streams: int, steps: int, lag: int) -> tuple[Tensor, Tensor]:
    """Bits and the bits of ``lag`` steps before, both (streams, steps); all targets are defined."""
    bits = torch.from_numpy(rng.integers(0, 2, (streams, steps + lag)).astype(np.float32))
    return bits[:, lag:], bits[:, :steps]


class Echo(nn.Module):
    """A GRU and the logit that the target is 1."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.core = nn.GRU(1, units, batch_first=True)
        self.output = nn.Linear(units, 1)
        for weight in self.core.get_parameter("weight_hh_l0").data.split(units):
            nn.init.orthogonal_(weight)

    def forward(self, bits: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """(streams, steps) -> logits of that shape, and the state after them."""
        features, after = self.core(2 * bits.unsqueeze(2) - 1, state)
        return self.output(features).squeeze(2), after


def cut(
    network: Echo, bits: Tensor, state: Tensor | None, truncation: int, carried: bool
) -> tuple[Tensor, Tensor | None]:
    """Logits of (streams, steps) without a gradient across windows, and the state to go on from."""
    if not carried:
        logits, _ = network(bits.reshape(-1, truncation), None)
        return logits.view(bits.shape), None
    parts = []
    for window in bits.split(truncation, dim=1):
        logits, after = network(window, state)
        parts.append(logits)
        state = after.detach()
    return torch.cat(parts, dim=1), state


def test_bits(config: Config, lag: int, truncation: int, carried: bool) -> float:
    """Cross-entropy, bits a bit, on the chunks that follow those of the training."""
    settle(config.seed, config.threads)
    network = Echo(config.units)
    chunks = config.updates + config.test_chunks
    rng = np.random.default_rng((config.seed, lag))
    stream = draw(rng, config.streams, chunks * config.chunk, lag)
    pairs = list(zip(*(part.split(config.chunk, dim=1) for part in stream), strict=True))
    optimisation = Optimisation(
        network.parameters(),
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        warmup=config.warmup,
        steps=config.updates,
        clip_norm=config.clip_norm,
    )
    state: Tensor | None = None
    losses = []
    for index, (bits, targets) in enumerate(pairs):
        with torch.set_grad_enabled(index < config.updates):
            logits, state = cut(network, bits, state, truncation, carried)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, targets)
        if index < config.updates:
            optimisation.step(loss)
        else:
            losses.append(float(loss))
    return float(np.mean(losses) / np.log(2))


def floor(lag: int, truncation: int, carried: bool) -> float:
    """The least cross-entropy that any net can reach, bits a bit: one for a target out of sight."""
    return 0.0 if carried else min(lag, truncation) / truncation


def study(config: Config) -> Findings:
    """Cross-entropy by lag, by truncation and by what becomes of the state."""
    kinds = [(lag, state) for lag in config.lags for state in STATES]
    found = {
        (lag, state): [test_bits(config, lag, t, state == "carried") for t in config.truncations]
        for lag, state in kinds
    }
    sizes = (
        f"GRU of {config.units} units, {config.updates} updates of {config.streams} streams × "
        f"{config.chunk} steps, tested on the next {config.test_chunks * config.chunk} steps, "
        f"seed {config.seed}; one training each"
    )
    figures = (
        _lines(config, found, sizes),
        Figure(
            "cross-entropy",
            Kind.HEATMAP,
            f"The same in bits, from 0 (light: it echoes) to 1 (dark: it guesses). {sizes}.",
            values=np.clip(np.array(list(found.values())), 0, 1),
            rows=[f"lag {lag}, {state}".replace(" ", HARD_SPACE) for lag, state in kinds],
            columns=[str(truncation) for truncation in config.truncations],
        ),
        _table(config, found, sizes),
    )
    return figures, {
        f"lag_{lag}_window_{truncation}_{state}_bits": value
        for (lag, state), values in found.items()
        for truncation, value in zip(config.truncations, values, strict=True)
    }


def _lines(config: Config, found: dict[tuple[int, str], list[float]], sizes: str) -> Figure:
    lines = [
        Line(f"lag {lag}, state {state}", config.truncations, values)
        for (lag, state), values in found.items()
    ]
    for lag in config.lags:
        least = [floor(lag, truncation, False) for truncation in config.truncations]
        lines.append(Line(f"lag {lag}, least with reset", config.truncations, least, points=True))
    return Figure(
        "cross-entropy-by-truncation",
        Kind.LINES,
        "Cross-entropy of the echo by length of the window that gradients stay in; 1 bit is "
        f"guessing. Dots: the least that is possible if the state is reset. {sizes}.",
        columns=("steps of a window", "cross-entropy, bits"),
        lines=lines,
        logarithmic="x",
    )


def _table(config: Config, found: dict[tuple[int, str], list[float]], sizes: str) -> Figure:
    rows = []
    for (lag, state), values in found.items():
        rows.append((f"lag {lag}, state {state}", *(f"{value:.3f}" for value in values)))
        if state == "reset":
            least = (floor(lag, truncation, False) for truncation in config.truncations)
            rows.append((f"lag {lag}, least with reset", *(f"{value:.3f}" for value in least)))
    return Figure(
        "bits",
        Kind.TABLE,
        f"The same numbers, bits a bit. {sizes}.",
        columns=("net", *(f"window {truncation}" for truncation in config.truncations)),
        cells=rows,
    )
