"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.kinds.sentences import metrics
from repertoire.measured import Metric

TASKS = ("nearest_sentences", "rewrite")
KINDS = ("sentences",)  # of data
METRICS = (
    Metric("nats_per_token", "Cross-entropy", "nats per token", "lower"),
    *metrics.METRICS,
)


@dataclass(frozen=True)
class Config:
    """``width`` is that of the vector, of the encoder's and of the decoder's state.

    ``word_dropout`` is the share of the words before that the decoder is not told of; ``noise``
    the standard deviation of what is added to a vector in training, whose parts lie in -1 to 1.
    ``chunk`` is the batch of evaluation.
    """

    embedding: Count
    width: Count
    word_dropout: Share
    noise: NonNegative
    batch: Count
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    weight_decay: NonNegative
    queries: Natural  # sentences in the table of the nearest
    examples: Natural
    map_sentences: Natural
    between: Natural  # steps from one sentence to another
