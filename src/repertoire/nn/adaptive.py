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
        self.edges = list(itertools.pairwise((*cutoffs, vocabulary)))
        if not all(low < high for low, high in ((0, cutoffs[0]), *self.edges)):
            raise ValueError(f"cutoffs {list(cutoffs)} must rise from 1 to below {vocabulary}")
        self.head = nn.Linear(width, cutoffs[0] + len(self.edges))
        self.clusters = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, narrow := max(1, width // SHRINK**depth), bias=False),
                nn.Linear(narrow, high - low),
            )
            for depth, (low, high) in enumerate(self.edges, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Log-probability of every id: (rows, width) -> (rows, vocabulary)."""
        head = torch.log_softmax(self.head(features), dim=1)
        common = head.shape[1] - len(self.edges)
        parts = [head[:, :common]]
        for number, cluster in enumerate(self.clusters):
            inner = torch.log_softmax(cluster(features), dim=1)
            parts.append(inner + head[:, common + number : common + number + 1])
        return torch.cat(parts, dim=1)

    def loss(self, features: Tensor, targets: Tensor, precision: torch.dtype) -> Tensor:
        """Mean cross-entropy in nats; a cluster sees only the rows whose target it holds."""
        common = self.head.out_features - len(self.edges)
        asked, total = targets.clone(), features.new_zeros(())
        for number, (cluster, (low, high)) in enumerate(
            zip(self.clusters, self.edges, strict=True)
        ):
            rows = ((targets >= low) & (targets < high)).nonzero().flatten()
            asked[rows] = common + number
            logits = cluster(features[rows])
            total = total + functional.cross_entropy(logits, targets[rows] - low, reduction="sum")
        head = linear_cross_entropy(features, self.head.weight, self.head.bias, asked, precision)
        return head + total / len(targets)
