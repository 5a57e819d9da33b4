"""The adaptive softmax: rare words share a cluster and are asked for only where they occur."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.nn.softmax import linear_cross_entropy

SHRINK = 4  # each cluster works in a width four times smaller than the one before


class AdaptiveSoftmax(nn.Module):
    """Grave et al. 2017, "Efficient softmax approximation for GPUs", section 4.

    The ids of the vocabulary are in order of frequency. The head holds those below the first
    cutoff and one entry for each cluster; a cluster holds the ids from one cutoff to the next, or
    to the end. P(id) = P(cluster | features) P(id | cluster, features): exact, not sampled.
    """

    def __init__(self, width: int, vocabulary: int, cutoffs: Sequence[int]) -> None:
        super().__init__()
        self.common, self.edges = cutoffs[0], edges(vocabulary, cutoffs)
        self.head = nn.Linear(width, self.common + len(self.edges))
        self.clusters = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, narrow := max(1, width // SHRINK**depth), bias=False),
                nn.Linear(narrow, high - low),
            )
            for depth, (low, high) in enumerate(self.edges, 1)
        )

    def outer(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the head: (common + clusters, width), (common + clusters,)."""
        return self.head.weight, self.head.bias

    def inner(self, number: int, features: Tensor) -> Tensor:
        """Logits within a cluster: (rows, width) -> (rows, its ids)."""
        logits: Tensor = self.clusters[number](features)
        return logits

    def forward(self, features: Tensor) -> Tensor:
        """Log-probability of every id: (rows, width) -> (rows, vocabulary)."""
        head = torch.log_softmax(functional.linear(features, *self.outer()), dim=1)
        parts = [head[:, : self.common]]
        for number in range(len(self.edges)):
            within = torch.log_softmax(self.inner(number, features), dim=1)
            parts.append(within + head[:, self.common + number : self.common + number + 1])
        return torch.cat(parts, dim=1)

    def loss(self, features: Tensor, targets: Tensor, precision: torch.dtype) -> Tensor:
        """Mean cross-entropy in nats; a cluster sees only the rows whose target it holds."""
        asked, total = targets.clone(), features.new_zeros(())
        for number, (low, high) in enumerate(self.edges):
            rows = ((targets >= low) & (targets < high)).nonzero().flatten()
            asked[rows] = self.common + number
            logits = self.inner(number, features[rows])
            total = total + functional.cross_entropy(logits, targets[rows] - low, reduction="sum")
        head = linear_cross_entropy(features, *self.outer(), asked, precision)
        return head + total / len(targets)


class TiedAdaptiveSoftmax(AdaptiveSoftmax):
    """The same over the rows of an embedding (Press and Wolf 2017), at its full width everywhere.

    Besides them each cluster has a row of its own in the head.
    """

    def __init__(self, embedding: Tensor, cutoffs: Sequence[int]) -> None:
        nn.Module.__init__(self)
        vocabulary, width = embedding.shape
        self.common, self.edges = cutoffs[0], edges(vocabulary, cutoffs)
        self.embedding = embedding
        self.entries = nn.Parameter(torch.zeros(len(self.edges), width))
        self.bias = nn.Parameter(torch.zeros(vocabulary + len(self.edges)))

    def outer(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the head: (common + clusters, width), (common + clusters,)."""
        weight = torch.cat((self.embedding[: self.common], self.entries))
        return weight, torch.cat((self.bias[: self.common], self.bias[len(self.embedding) :]))

    def inner(self, number: int, features: Tensor) -> Tensor:
        """Logits within a cluster: (rows, width) -> (rows, its ids)."""
        low, high = self.edges[number]
        return functional.linear(features, self.embedding[low:high], self.bias[low:high])


def edges(vocabulary: int, cutoffs: Sequence[int]) -> list[tuple[int, int]]:
    """The first id of each cluster and the first behind it; ValueError for an empty one."""
    found = list(itertools.pairwise((*cutoffs, vocabulary)))
    if not all(low < high for low, high in ((0, cutoffs[0]), *found)):
        raise ValueError(f"cutoffs {list(cutoffs)} must rise from 1 to below {vocabulary}")
    return found
