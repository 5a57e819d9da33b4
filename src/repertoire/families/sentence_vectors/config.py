"""What a recipe of this family says."""

from dataclasses import dataclass

TASKS = ("nearest_sentences", "rewrite")


@dataclass(frozen=True)
class Config:
    """``width`` is that of the vector, of the encoder's and of the decoder's state.

    ``word_dropout`` is the share of the words before that the decoder is not told of; ``noise``
    the standard deviation of what is added to a vector in training, whose parts lie in -1 to 1.
    ``chunk`` is the batch of evaluation.
    """

    embedding: int
    width: int
    word_dropout: float
    noise: float
    batch: int
    chunk: int
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    weight_decay: float
    queries: int  # sentences in the table of the nearest
    examples: int
    map_sentences: int
    between: int  # steps from one sentence to another
