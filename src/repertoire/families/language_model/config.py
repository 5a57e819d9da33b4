"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from repertoire.contract import Arrays, Port

TASKS = ("score", "generate", "complete", "rescore")


@dataclass(frozen=True)
class Regularisation:
    """What AWD-LSTM (Merity et al. 2018) puts on a recurrent net; each number is off at zero.

    The shares are of what a mask drops. A mask is locked: drawn once for a window, and the same at
    each of its tokens (Gal and Ghahramani 2016). ``average`` is the decay a step of the averaged
    weights, which are those that are validated and shipped.
    """

    words: float  # share of the vocabulary whose embedding is dropped whole
    inputs: float
    layers: float  # between recurrent layers
    outputs: float
    recurrent_weights: float  # DropConnect (Wan et al. 2013) from hidden to hidden
    activation: float  # weight of the mean square of the outputs
    temporal: float  # weight of the mean square of their change from token to token
    average: float


@dataclass(frozen=True)
class Config:
    """``cell`` decides the core; ``window`` is the context, in tokens, of ``feedforward``, which
    keeps the order of its words, and of ``bag``, which does not.

    ``identity`` scales the recurrent weights that ``relu_identity`` starts from.
    ``dropout`` draws anew at each token, before, between and behind the layers;
    ``regularisation`` is for recurrent cells, None for none of it.
    ``cutoffs`` end the head and the clusters of an adaptive softmax, which needs a vocabulary in
    order of frequency; empty for the full softmax.
    ``time`` is the length of truncated backpropagation, ``chunk`` that of a scoring call.
    ``softmax`` is the precision of the output product while training: ``fastest`` is bfloat16 where
    the processor multiplies it faster, else float32.
    """

    cell: Literal["feedforward", "bag", "tanh", "relu_identity", "gru", "lstm"]
    embedding: int
    units: int
    layers: int
    window: int
    identity: float
    dropout: float
    regularisation: Regularisation | None
    tied: bool
    cutoffs: tuple[int, ...]
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
