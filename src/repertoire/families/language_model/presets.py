"""Settings for somebody's text, by how many tokens there are to learn from.

Small texts want small nets that are kept from learning by heart: the masks of AWD-LSTM (Merity et
al. 2018), and tied weights (Press and Wolf 2017). Of large ones a training of minutes sees each
token once or twice, and what regularises only slows it (Zaremba et al. 2014, sections 3 and 4.1).
"""

from typing import NamedTuple

from repertoire.contract import Preset
from repertoire.kinds.running_text.facts import Facts

STEPS = 40  # of an epoch at least, where the text is long enough for them
FEWEST_TOKENS = 32  # of a step
ADAPTIVE = 5000  # tokens from which an adaptive softmax is faster than a full one


class Size(NamedTuple):
    """What suits texts of at most so many training tokens."""

    tokens: float
    embedding: int
    units: int
    learning_rate: float
    dropped: float  # share of the masks: embeddings, outputs; the recurrent weights take more
    epochs: int


SIZES = (
    Size(2e4, 32, 64, 0.008, 0.2, 60),
    Size(2e5, 64, 128, 0.006, 0.2, 30),
    Size(1e6, 96, 192, 0.004, 0.1, 16),
    Size(4e6, 128, 256, 0.004, 0.0, 6),
    Size(float("inf"), 160, 256, 0.004, 0.0, 2),
)


def preset(facts: Facts, rows: int) -> Preset:
    """An LSTM for ``rows`` rows like those that the facts count the tokens of."""
    tokens = facts["tokens"]["train"] * rows / max(1, facts["rows"]["train"])
    size = next(size for size in SIZES if tokens <= size.tokens)
    batch, time = _window(tokens, facts["level"])
    cutoffs = _cutoffs(facts)
    return Preset(
        config={
            "cell": "lstm",
            "embedding": size.embedding,
            "units": size.units,
            "layers": 1,
            "window": 0,
            "identity": 0.0,
            "dropout": 0.0,
            "regularisation": _regularisation(size.dropped),
            "tied": not cutoffs,
            "cutoffs": cutoffs,
            "batch": batch,
            "time": time,
            "chunk": 512,
            "learning_rate": size.learning_rate,
            "core_rate": 1.0,
            "warmup": 0.05,
            "restart": 0.02,
            "clip_norm": 1.0,
            "weight_decay": 0.0,
            "softmax": "fastest" if cutoffs else "float32",
            "prompt": facts["prompt"],
            "sample_tokens": 100 if facts["level"] == "character" else 40,
        },
        metric="perplexity",
        better="lower",
        epochs=size.epochs,
    )


def _window(tokens: float, level: str) -> tuple[int, int]:
    """Streams side by side, and the tokens of a step in each: fewer where there is little text."""
    time = 64 if level == "character" else 35
    for batch in (32, 16, 8, 4):
        if batch * time * STEPS <= tokens:
            return batch, time
    each = max(FEWEST_TOKENS, int(tokens / STEPS))
    return 4, max(8, min(time, each // 4))


def _cutoffs(facts: Facts) -> list[int]:
    """Ends of the head and of a cluster; subwords are not in the order of their frequency."""
    vocabulary = facts["vocabulary"]
    if facts["level"] == "subword" or vocabulary < ADAPTIVE:
        return []
    return [vocabulary // 16, vocabulary // 4]


def _regularisation(dropped: float) -> dict[str, float] | None:
    if not dropped:
        return None
    return {
        "words": dropped / 4,
        "inputs": dropped / 2,
        "layers": 0.0,
        "outputs": dropped,
        "recurrent_weights": 1.5 * dropped,
        "activation": 1.0,
        "temporal": 0.5,
        "average": 0.98,
    }
