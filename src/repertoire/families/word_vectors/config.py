"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.kinds.word_vectors.windows import Sampling
from repertoire.measured import Metric
from repertoire.metrics.word_vectors import JUDGED_METRICS

TASKS = ("nearest", "similarity", "analogy")
KINDS = ("word_vectors",)  # of data
METRICS = (
    Metric("skip_gram_nats", "Negative-sampling loss, skip-gram", "nats per pair", "lower"),
    Metric("cbow_nats", "Negative-sampling loss, CBOW", "nats per word", "lower"),
    *JUDGED_METRICS,
)
SAME_IN_BASELINE = {"sampling": "sampling"}  # or the losses are not of the same pairs


@dataclass(frozen=True)
class Config:
    """``skip_gram`` tells a word's neighbours from noise, ``cbow`` a word given their mean.

    A word is the mean of its own vector and those of its character n-grams of ``min_n`` to
    ``max_n`` letters, hashed into ``buckets``; 0 buckets leave n-grams out.
    ``noise_words`` are drawn once a batch and shared by its pairs, weighted so that each pair
    has ``sampling.negatives`` of them.
    """

    model: Literal["skip_gram", "cbow"]
    width: Count
    min_n: Natural
    max_n: Natural
    buckets: Natural
    sampling: Sampling
    noise_words: Count
    length: Count  # words of a block; pairs do not reach from one into the next
    batch: Count  # blocks
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    weight_decay: NonNegative
    neighbours_of: Natural  # words in the table of neighbours
    map_words: Natural
