"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.contract import Arrays, Port
from repertoire.measured import Metric

TASKS = ("score", "generate", "complete", "rescore")
KINDS = ("running_text",)  # of data
METRICS = (
    Metric("perplexity", "Perplexity", "", "lower"),
    Metric("nats_per_token", "Cross-entropy", "nats per token", "lower"),
    Metric("bits_per_character", "Cross-entropy", "bits per character", "lower"),
    Metric(
        "fresh_window_nats_per_token",
        "Cross-entropy, contexts of 256 at most",
        "nats per token",
        "lower",
    ),
    Metric("rescored_accuracy_percent", "Top-1 accuracy after n-best rescoring", "%", "higher"),
)


@dataclass(frozen=True)
class Regularisation:
    """What AWD-LSTM (Merity et al. 2018) puts on a recurrent net; each number is off at zero.

    The shares are of what a mask drops. A mask is locked: drawn once for a window, and the same at
    each of its tokens (Gal and Ghahramani 2016). ``average`` is the decay a step of the averaged
    weights, which are those that are validated and shipped.
    """

    words: Share  # share of the vocabulary whose embedding is dropped whole
    inputs: Share
    layers: Share  # between recurrent layers
    outputs: Share
    recurrent_weights: Share  # DropConnect (Wan et al. 2013) from hidden to hidden
    activation: NonNegative  # weight of the mean square of the outputs
    temporal: NonNegative  # weight of the mean square of their change from token to token
    average: Share


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
    embedding: Count
    units: Count
    layers: Count
    window: Natural
    identity: NonNegative
    dropout: Share
    regularisation: Regularisation | None
    tied: bool
    cutoffs: tuple[Count, ...]
    batch: Count
    time: Count
    chunk: Count
    learning_rate: Positive
    core_rate: Positive  # share of the learning rate for the core; ReLU without gates needs little
    warmup: Share  # share of the steps
    restart: Share  # chance that a stream's state starts anew at a window, as every request does
    clip_norm: Positive
    weight_decay: NonNegative
    softmax: Literal["float32", "fastest"]
    prompt: str
    sample_tokens: Natural


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
