"""Negative sampling over blocks of running text."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from repertoire.contract import Data, Plan
from repertoire.families.word_vectors.config import Config
from repertoire.families.word_vectors.network import WordVectors
from repertoire.kinds.word_vectors.windows import (
    END,
    keep_probability,
    noise_distribution,
    thinned_words,
)
from repertoire.training.optimisation import Optimisation

Batch = tuple[Tensor, Tensor, Tensor]


class WordVectorsLearner:
    """One Adam step a batch of blocks of running text."""

    def __init__(self, network: WordVectors, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.tokens = data.arrays("train")["tokens"]
        counts, sampling = data.arrays("vocabulary")["counts"], config.sampling
        self.keep = keep_probability(counts, sampling.subsample)
        self.noise = noise_distribution(counts, sampling.noise_power)
        blocks = np.ceil(self.keep[self.tokens].sum() / config.length)
        self.optimisation = Optimisation(
            list(network.parameters()),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * int(np.ceil(blocks / config.batch)),
            clip_norm=None,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """(ids (blocks, length), reaches of the same shape, noise words).

        Words are thinned out anew in every epoch, and blocks begin elsewhere. A reach is how many
        words to each side a word sees: near ones count for more (2013a, section 3.2).
        """
        config = self.config
        rng = np.random.default_rng((self.plan.seed, epoch))
        thinned = thinned_words(self.tokens, self.keep, rng)
        lead = int(rng.integers(config.length))
        padded = np.pad(thinned, (lead, -(lead + len(thinned)) % config.length))
        blocks = padded.reshape(-1, config.length)
        reaches = rng.integers(1, config.sampling.window + 1, blocks.shape)
        order = rng.permutation(len(blocks))
        for start in range(0, len(blocks), config.batch):
            part = order[start : start + config.batch]
            noise = rng.choice(len(self.noise), config.noise_words, p=self.noise)
            yield (
                torch.from_numpy(blocks[part]),
                torch.from_numpy(reaches[part]),
                torch.from_numpy(noise),
            )

    def step(self, batch: Batch) -> dict[str, float]:
        """Loss in nats per pair: of word and neighbour, or of word and its neighbours' mean."""
        ids, reaches, noise = batch
        loss = block_loss(self.network, ids, seen(ids, reaches), noise)
        self.optimisation.step(loss)
        return {"loss_nats": loss.item()}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def seen(ids: Tensor, reaches: Tensor) -> Tensor:
    """1 where word i sees word j of the same passage: float32 (blocks, length, length)."""
    place = torch.arange(ids.shape[1])
    apart = (place.unsqueeze(0) - place.unsqueeze(1)).abs().unsqueeze(0)
    passage = (ids == END).cumsum(1)
    same = passage.unsqueeze(1) == passage.unsqueeze(2)
    words = (ids != END).unsqueeze(1) & (ids != END).unsqueeze(2)
    return (same & words & (apart > 0) & (apart <= reaches.unsqueeze(2))).to(torch.float32)


def block_loss(network: WordVectors, ids: Tensor, sees: Tensor, noise: Tensor) -> Tensor:
    """Mean over pairs of -log s(told) - negatives * mean over noise of log s(-noise).

    Equation 4 of Mikolov et al. 2013b, its expectation taken over noise words that the batch
    shares. Whole blocks are multiplied and the pairs that count picked out afterwards: ten times
    as fast as looking up each pair's vectors.
    """
    given, other = network.vectors(ids), functional.embedding(ids, network.other)
    around = sees.sum(2)
    if network.config.model == "skip_gram":
        hidden, pairs = given, around
        near = (functional.softplus(-(hidden @ other.transpose(1, 2))) * sees).sum()
    else:
        hidden = (sees @ given) / around.clamp(min=1).unsqueeze(2)
        pairs = (around > 0).to(torch.float32)
        near = (functional.softplus(-(hidden * other).sum(2)) * pairs).sum()
    against = functional.embedding(noise, network.other)
    far = functional.softplus(hidden.flatten(0, 1) @ against.t()).mean(1)
    negatives = network.config.sampling.negatives
    return (near + negatives * (far * pairs.flatten()).sum()) / pairs.sum().clamp(min=1)


def learner(network: WordVectors, config: Config, data: Data, plan: Plan) -> WordVectorsLearner:
    """A learner for any of the models of this family."""
    return WordVectorsLearner(network, config, data, plan)
