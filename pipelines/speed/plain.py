"""The language model as anyone would write it in PyTorch, to compare ours with.

``Parts`` puts what our learner does differently into the plain loop, one at a time.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.contract import Arrays
from repertoire.families.language_model.config import Config
from repertoire.families.language_model.network import LanguageModel
from repertoire.nn.softmax import fastest_precision, linear_cross_entropy
from repertoire.training.process import (
    LARGEST_MMAP_THRESHOLD,
    M_MMAP_THRESHOLD,
    M_TRIM_THRESHOLD,
    clip_gradients,
)
from repertoire.training.schedule import warmup_cosine

VOCABULARY = 10_000
CORPUS = Path("data/shakespeare_words")
CONFIG = Config(
    cell="lstm",
    embedding=200,
    units=200,
    layers=2,
    window=0,
    dropout=0.0,
    regularisation=None,
    tied=False,
    cutoffs=(),
    batch=20,
    time=35,
    chunk=512,
    learning_rate=0.004,
    core_rate=1.0,
    restart=0.0,
    warmup=0.05,
    identity=0.0,
    clip_norm=1.0,
    weight_decay=0.0,
    softmax="fastest",
    prompt="",
    sample_tokens=0,
)
SCALE = CONFIG.embedding**0.5  # of embeddings as inputs, as in our net
Batch = tuple[bool, Tensor, Tensor]


class Stream:
    """A data set of one stream: words where the pipeline has prepared them, else synthetic ones."""

    def __init__(self, tokens: int) -> None:
        self.real = (CORPUS / "train.safetensors").exists()
        self.facts: dict[str, Any] = {"vocabulary": VOCABULARY, "level": "word"}
        self._arrays = {n: {"tokens": t} for n, t in self._parts(tokens).items()}

    def _parts(self, tokens: int) -> Arrays:
        if self.real:
            from safetensors.numpy import load_file

            files = {name: CORPUS / f"{name}.safetensors" for name in ("train", "valid")}
            loaded = {name: load_file(file)["tokens"] for name, file in files.items()}
            if max(int(part.max()) for part in loaded.values()) < VOCABULARY:
                return {name: part[:tokens] for name, part in loaded.items()}
            self.real = False
        return {"train": synthetic(tokens, 0), "valid": synthetic(tokens, 1)}

    def arrays(self, name: str) -> Arrays:
        return self._arrays[name]

    @property
    def encodings(self) -> dict[str, Any]:
        return {}

    def texts(self, split: str) -> dict[str, list[str]]:
        raise KeyError(f"no texts of {split!r}: this stream has only ids")

    def encoding(self, name: str) -> Any:
        raise KeyError(f"no encoding {name!r}: this stream has only ids")


def synthetic(tokens: int, seed: int) -> np.ndarray[Any, Any]:
    """Zipf's law, and after every other token one that its predecessor decides: learnable."""
    rng = np.random.default_rng(seed)
    stream = np.minimum(rng.zipf(1.2, tokens), VOCABULARY) - 1
    follows = np.flatnonzero(rng.random(tokens - 1) < 0.5) + 1
    stream[follows] = (stream[follows - 1] * 31 + 7) % VOCABULARY
    return stream.astype(np.int32)


@dataclass(frozen=True)
class Parts:
    """How a loop differs from the plainest one, which has none of these."""

    head: Literal["float32", "fastest", "fused"]
    fused_optimizer: bool = False
    conditional_clip: bool = False
    kept_memory: bool = False


PLAIN = Parts("fastest")
ADDED = {
    "fused loss": replace(PLAIN, head="fused"),
    "fused optimizer": replace(PLAIN, fused_optimizer=True),
    "conditional clipping": replace(PLAIN, conditional_clip=True),
    "freed memory kept": replace(PLAIN, kept_memory=True),
}


def process_settings(deterministic: bool, kept_memory: bool) -> None:
    """Settings that belong to the process, so every block of steps chooses its own.

    Not kept: what glibc arrives at by itself once it has freed buffers of this size.
    """
    torch.use_deterministic_algorithms(deterministic)
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        trim = 2**31 - 1 if kept_memory else 2 * LARGEST_MMAP_THRESHOLD
        library.mallopt(M_TRIM_THRESHOLD, trim)


class PlainLoop:
    """nn.Embedding, nn.LSTM, nn.Linear, cross-entropy, clip_grad_norm_, AdamW."""

    def __init__(self, weights: LanguageModel, parts: Parts, steps: int) -> None:
        self.parts = parts
        self.embedding = nn.Embedding(VOCABULARY, CONFIG.embedding)
        self.lstm = nn.LSTM(CONFIG.embedding, CONFIG.units, CONFIG.layers, batch_first=True)
        self.output = nn.Linear(CONFIG.units, VOCABULARY)
        self.network = nn.ModuleList([self.embedding, self.lstm, self.output])
        with torch.no_grad():
            for ours, theirs in zip(self.network.parameters(), weights.parameters(), strict=True):
                ours.copy_(theirs)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=CONFIG.learning_rate,
            weight_decay=CONFIG.weight_decay,
            fused=True if parts.fused_optimizer else None,
        )
        self.schedule = warmup_cosine(self.optimizer, steps, CONFIG.warmup)
        self.states: tuple[Tensor, Tensor] | None = None

    def _loss(self, features: Tensor, targets: Tensor) -> Tensor:
        weight, bias = self.output.weight, self.output.bias
        if self.parts.head == "fused":
            return linear_cross_entropy(features, weight, bias, targets, fastest_precision())
        if self.parts.head == "fastest":
            low = fastest_precision()
            logits = functional.linear(features.to(low), weight.to(low), bias.to(low)).float()
        else:
            logits = functional.linear(features, weight, bias)
        return functional.cross_entropy(logits, targets)

    def step(self, batch: Batch) -> float:
        first, tokens, targets = batch
        features, states = self.lstm(self.embedding(tokens) * SCALE, None if first else self.states)
        self.states = (states[0].detach(), states[1].detach())
        loss = self._loss(features.flatten(0, 1), targets.flatten())
        self.optimizer.zero_grad()
        loss.backward()
        if self.parts.conditional_clip:
            clip_gradients(self.network.parameters(), CONFIG.clip_norm)
        else:
            nn.utils.clip_grad_norm_(self.network.parameters(), CONFIG.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()


def held_out_nats(modules: Iterator[nn.Module], tokens: Tensor) -> float:
    """Loss in float32 of (embedding, LSTM, output) on a stream that none of them saw."""
    embedding, lstm, output = modules
    width = (len(tokens) - 1) // CONFIG.batch
    inputs = tokens[: width * CONFIG.batch].view(CONFIG.batch, width)
    targets = tokens[1 : width * CONFIG.batch + 1].view(CONFIG.batch, width)
    states, total, windows = None, 0.0, width // CONFIG.time
    with torch.inference_mode():
        for window in range(windows):
            part = slice(window * CONFIG.time, (window + 1) * CONFIG.time)
            features, states = lstm(embedding(inputs[:, part]) * SCALE, states)
            logits = output(features).flatten(0, 1)
            total += functional.cross_entropy(logits, targets[:, part].flatten()).item()
    return total / windows
