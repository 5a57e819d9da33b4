"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

TASKS = ("classify",)


@dataclass(frozen=True)
class Config:
    """``model`` decides the core; ``window``, in tokens, is that of ``fixed_window`` alone.

    ``embedding``, ``units`` and ``pooling`` say nothing to ``bag_linear``, nor ``pooling`` to
    ``bag_average``. ``units`` is the width of the hidden layer or of each direction. Bags alone
    hold, beside tokens, runs of up to ``ngrams`` of them, which are hashed into ``buckets``.
    """

    model: Literal["bag_linear", "bag_average", "fixed_window", "rnn", "gru", "lstm", "bilstm"]
    embedding: int
    spread: float  # standard deviation of the embeddings at the start
    units: int
    window: int
    ngrams: int
    buckets: int
    pooling: Literal["last", "mean", "max"]
    dropout: float
    word_dropout: float  # share of the tokens that count as unknown while training
    label_smoothing: float
    batch: int
    chunk: int  # the batch of evaluation
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    weight_decay: float
    seen: int  # times in training from which the report judges a word
    examples: int
