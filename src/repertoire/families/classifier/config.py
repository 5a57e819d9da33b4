"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.measured import Metric
from repertoire.metrics.classification import LABEL_METRICS

TASKS = ("classify",)
KINDS = ("labelled_texts",)  # of data
METRICS = (
    *LABEL_METRICS,
    Metric("nats_per_text", "Cross-entropy", "nats per text", "lower"),
)


@dataclass(frozen=True)
class Config:
    """``model`` decides the core; ``window``, in tokens, is that of ``fixed_window`` alone.

    ``embedding``, ``units`` and ``pooling`` say nothing to ``bag_linear``, nor ``pooling`` to
    ``bag_average``. ``units`` is the width of the hidden layer or of each direction. Bags alone
    hold, beside tokens, runs of up to ``ngrams`` of them, which are hashed into ``buckets``.
    """

    model: Literal["bag_linear", "bag_average", "fixed_window", "rnn", "gru", "lstm", "bilstm"]
    embedding: Count
    spread: NonNegative  # standard deviation of the embeddings at the start
    units: Count
    window: Natural
    ngrams: Count
    buckets: Natural
    pooling: Literal["last", "mean", "max"]
    dropout: Share
    word_dropout: Share  # share of the tokens that count as unknown while training
    label_smoothing: Share
    batch: Count
    chunk: Count  # the batch of evaluation
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    weight_decay: NonNegative
    seen: Natural  # times in training from which the report judges a word
    examples: Natural
