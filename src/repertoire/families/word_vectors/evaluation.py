"""Agreement with people, and the loss on unseen text; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Run
from repertoire.data.windows import FIRST, held_out_windows
from repertoire.families.word_vectors.config import Config
from repertoire.metrics.word_vectors import (
    SETS,
    judged_metrics,
    negative_sampling_nats,
    unit_rows,
)

DRAWS = 25  # noise words beside each held-out word


def all_vectors(run: Run, data: Data) -> Array:
    """The vectors of the whole vocabulary: float32 (vocabulary, width)."""
    return run("embed", ids=np.arange(data.facts["vocabulary"], dtype=np.int64))["vectors"]


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """Rank correlation with human means, analogies, and nats a pair of the split's text.

    The numbers of pairs and questions stand beside them, for they are few.
    """
    arrays = data.arrays(split)
    metrics = judged_metrics(all_vectors(run, data), arrays, FIRST)
    counts = {f"{name}_pairs": float(len(arrays[f"{name}_pairs"])) for name in SETS}
    counts["analogy_questions"] = float(len(arrays["analogies"]))
    nats = held_out_nats(run, config, arrays["tokens"], data.arrays("vocabulary")["counts"])
    return {**metrics, f"{config.model}_nats": nats, **counts}


def held_out_nats(run: Run, config: Config, tokens: Array, counts: Array) -> float:
    """Mean loss of a pair of the text, thinned out and told from noise as in training."""
    words, around, noise = held_out_windows(tokens, counts, config.sampling, DRAWS)
    backwards = config.model == "cbow"
    given, told = (around, words[:, None]) if backwards else (words[:, None], around)
    candidates = np.concatenate((told, noise), axis=1)
    parts = [slice(n, n + config.chunk) for n in range(0, len(words), config.chunk)]
    logits = np.concatenate(
        [run("score", given=given[p], candidates=candidates[p])["logits"] for p in parts]
    )
    near, far = np.split(logits, [told.shape[1]], axis=1)
    return negative_sampling_nats(near, told != 0, far, config.sampling.negatives)
