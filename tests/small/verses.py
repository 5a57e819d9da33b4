"""Lines of the small plays; they hold no questions."""

from tests.small.vectors import DATA as VECTORS

DATA = {"shakespeare_verses": {**VECTORS["shakespeare_vectors"], "known": 61}}
BASELINES = {"shakespeare_verses": {"width": 5}}
RECIPES = {
    "sentence_vectors": {
        "embedding": 7,
        "width": 11,
        "batch": 13,
        "chunk": 31,
        "learning_rate": 0.02,
        "queries": 5,
        "examples": 5,
        "map_sentences": 7,
        "between": 3,
    }
}
