"""Two tables of vectors, and the graphs they are exported as."""

import torch
from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.word_vectors.config import Config
from repertoire.families.word_vectors.ngrams import pieces
from repertoire.kinds.word_vectors.facts import Facts
from repertoire.kinds.word_vectors.windows import FIRST

NEAREST = 10  # words that the graphs list


class WordVectors(nn.Module):
    """``given`` holds words (and n-grams) as they are known by, ``other`` as they are told apart.

    The first starts small and random, the second as zeros, as in the authors' program.
    """

    rows: Tensor
    starts: Tensor
    sizes: Tensor

    def __init__(self, config: Config, words: list[str]) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = len(words)
        table = torch.empty(len(words) + config.buckets, config.width)
        self.given = nn.Parameter(nn.init.uniform_(table, -0.5 / config.width, 0.5 / config.width))
        self.other = nn.Parameter(torch.zeros(len(words), config.width))
        rows, starts = map(
            torch.from_numpy, pieces(words, FIRST, (config.min_n, config.max_n, config.buckets))
        )
        ends = torch.cat((starts[1:], torch.tensor([len(rows)])))
        for name, value in (("rows", rows), ("starts", starts), ("sizes", ends - starts)):
            self.register_buffer(name, value, persistent=False)

    def vectors(self, ids: Tensor) -> Tensor:
        """ids (any shape) -> (any shape, width): the mean over each word's rows of the table."""
        if not self.config.buckets:
            return nn.functional.embedding(ids, self.given)
        # Each word of the batch is put together once, however often it occurs.
        words, place = ids.unique(return_inverse=True)
        sizes = self.sizes[words]
        offsets = sizes.cumsum(0) - sizes
        inner = torch.arange(int(sizes.sum())) - offsets.repeat_interleave(sizes)
        rows = self.rows[self.starts[words].repeat_interleave(sizes) + inner]
        made = nn.functional.embedding_bag(rows, self.given, offsets, mode="mean")
        return nn.functional.embedding(place, made)

    def finished(self) -> Tensor:
        """All words' vectors (vocabulary, width), a constant to the exporter.

        What is exported holds the result and not the n-grams that it was made of.
        """
        with torch.no_grad():
            made = self.vectors(torch.arange(self.vocabulary))
        return torch.from_numpy(made.numpy().copy())


class Lookup(nn.Module):
    """A module over the finished table, put together anew at every run while training."""

    def __init__(self, network: WordVectors) -> None:
        super().__init__()
        self.network = network

    def table(self) -> Tensor:
        return self.network.finished()

    def unit(self) -> Tensor:
        return torch.from_numpy(nn.functional.normalize(self.table(), dim=1).numpy())


class Embed(Lookup):
    """The vector of each word."""

    def forward(self, ids: Tensor) -> Tensor:
        return self.table()[ids]


def best(unit: Tensor, sought: Tensor, excluded: Tensor) -> tuple[Tensor, Tensor]:
    """Ids and cosines of the words nearest to ``sought`` (batch, width), without ``excluded``.

    ``unit`` holds all words as unit vectors, ``excluded`` is (batch, ids); ids below FIRST are no
    words.
    """
    cosines = sought @ unit.t()
    count = shown(len(unit), excluded.shape[1])
    ids = torch.arange(cosines.shape[1])
    banned = (ids.view(1, 1, -1) == excluded.unsqueeze(2)).any(1) | (ids < FIRST).unsqueeze(0)
    top, top_ids = cosines.masked_fill(banned, -2.0).topk(count, dim=1)
    return top_ids, top


class Nearest(Lookup):
    """The words of largest cosine with each word, itself excluded."""

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        unit = self.unit()
        return best(unit, unit[ids], ids.unsqueeze(1))


class Analogy(Lookup):
    """The words nearest to b - a + c among unit vectors, the three excluded."""

    def forward(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        unit = self.unit()
        sought = nn.functional.normalize(unit[b] - unit[a] + unit[c], dim=1)
        return best(unit, sought, torch.stack((a, b, c), 1))


class Score(Lookup):
    """Logits of candidates beside given words: how much likelier they are than noise."""

    def forward(self, given: Tensor, candidates: Tensor) -> Tensor:
        present = (given != 0).to(torch.float32)
        total = (self.table()[given] * present.unsqueeze(2)).sum(1)
        hidden = total / present.sum(1, keepdim=True).clamp(min=1)
        return (self.network.other[candidates] @ hidden.unsqueeze(2)).squeeze(2)


def shown(vocabulary: int, asked: int) -> int:
    """How many words a list holds when ``asked`` words are excluded."""
    return min(NEAREST, vocabulary - FIRST - asked)


def build(config: Config, facts: Facts) -> WordVectors:
    """The tables for the words ``facts["words"]``."""
    return WordVectors(config, facts["words"])


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``embed``, ``nearest`` and ``analogy`` for clients, ``score`` for the held-out loss."""
    assert isinstance(network, WordVectors)
    size = facts["vocabulary"]

    def words(name: str, *axes: str) -> Port:
        return Port(name, "int64", ("batch", *axes), 0, size - 1)

    def lists(asked: int) -> tuple[Port, Port]:
        count = shown(size, asked)
        ids = Port("top_ids", "int64", ("batch", count))
        return ids, Port("cosines", "float32", ("batch", count))

    vectors = Port("vectors", "float32", ("batch", network.config.width))
    logits = Port("logits", "float32", ("batch", "candidates"))
    ranked = {"top_ids": "cosines"}
    three = (words("a"), words("b"), words("c"))
    pair = (words("given", "given"), words("candidates", "candidates"))
    return (
        Graph("embed", Embed(network), (words("ids"),), (vectors,)),
        Graph("nearest", Nearest(network), (words("ids"),), lists(1), ranked=ranked),
        Graph("analogy", Analogy(network), three, lists(3), ranked=ranked),
        Graph("score", Score(network), pair, (logits,)),
    )
