"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.data.windows import Sampling

TASKS = ("nearest", "similarity", "analogy")


@dataclass(frozen=True)
class Config:
    """``skip_gram`` tells a word's neighbours from noise, ``cbow`` a word given their mean.

    A word is the mean of its own vector and those of its character n-grams of ``min_n`` to
    ``max_n`` letters, hashed into ``buckets``; 0 buckets leave n-grams out.
    ``noise_words`` are drawn once a batch and shared by its pairs, weighted so that each pair
    has ``sampling.negatives`` of them.
    """

    model: Literal["skip_gram", "cbow"]
    width: int
    min_n: int
    max_n: int
    buckets: int
    sampling: Sampling
    noise_words: int
    length: int  # words of a block; pairs do not reach from one into the next
    batch: int  # blocks
    chunk: int
    learning_rate: float
    warmup: float  # share of the steps
    weight_decay: float
    neighbours_of: int  # words in the table of neighbours
    map_words: int
