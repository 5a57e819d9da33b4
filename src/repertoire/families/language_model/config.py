"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from repertoire.contract import Arrays, Port

TASKS = ("score", "generate", "complete", "rescore")


@dataclass(frozen=True)
class Config:
    """``cell`` decides the core; ``window`` is the context, in tokens, of ``feedforward``, which
    keeps the order of its words, and of ``bag``, which does not.

    ``identity`` scales the recurrent weights that ``relu_identity`` starts from.
    ``time`` is the length of truncated backpropagation, ``chunk`` that of a scoring call.
    ``softmax`` is the precision of the output product while training: ``fastest`` is bfloat16 where
    the processor multiplies it, else float32.
    """

    cell: Literal["feedforward", "bag", "tanh", "relu_identity", "gru", "lstm"]
    embedding: int
    units: int
    layers: int
    window: int
    identity: float
    dropout: float
    tied: bool
    batch: int
    time: int
    chunk: int
    learning_rate: float
    core_rate: float  # share of the learning rate for the core; ReLU without gates needs little
    warmup: float  # share of the steps
    restart: float  # chance that a stream's state starts anew at a window, as every request does
    clip_norm: float
    weight_decay: float
    softmax: Literal["float32", "fastest"]
    prompt: str
    sample_tokens: int


def state_ports(config: Config) -> tuple[Port, ...]:
    """The states that one call hands to the next; each starts as zeros.

    A context of zeros is a context of end tokens, as at the start of a line.
    """
    if config.cell in ("feedforward", "bag"):
        return (Port("context", "int64", ("batch", config.window - 1)),)
    names = ("hidden", "cell") if config.cell == "lstm" else ("hidden",)
    shape = (config.layers, "batch", config.units)
    return tuple(Port(name, "float32", shape) for name in names)


def initial_states(config: Config, batch: int) -> Arrays:
    """Zeros for every state."""
    return {
        port.name: np.zeros([batch if isinstance(s, str) else s for s in port.shape], port.dtype)
        for port in state_ports(config)
    }
