"""The nets, and the two graphs they are exported as. Padding (0) never changes an answer."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.contract import Graph, Port
from repertoire.families.classifier.config import Config
from repertoire.kinds.labelled_texts.facts import Facts

LOWEST = -1.0  # no feature of a recurrent net or of a rectified window lies below
# Of the hash of runs, a polynomial in the multiplier: products stay far within 64 bits.
MULTIPLIER, MODULUS = 1_000_003, 2**31 - 1


def reversal(ids: Tensor) -> Tensor:
    """Places (batch, time) that reverse each row of ids and leave its padding (0) at the end."""
    length = (ids != 0).to(torch.int64).sum(1, keepdim=True)
    place = torch.ones_like(ids).cumsum(1) - 1
    return torch.where(place < length, length - 1 - place, place)


def mean_over_time(features: Tensor, tokens: Tensor) -> Tensor:
    """(batch, time, width) -> (batch, width), over tokens alone; zeros for a row without any."""
    mask = (tokens != 0).to(features.dtype)
    return (features * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1.0)


def max_over_time(features: Tensor, tokens: Tensor) -> Tensor:
    """(batch, time, width) -> (batch, width), over tokens alone; LOWEST for a row without any."""
    return features.masked_fill((tokens == 0).unsqueeze(2), LOWEST).amax(1)


def last_in_time(features: Tensor, tokens: Tensor) -> Tensor:
    """(batch, time, width) -> (batch, width) at each row's last token."""
    last = (tokens != 0).to(torch.int64).sum(1).clamp(min=1) - 1
    return features.gather(1, last.view(-1, 1, 1).expand(-1, 1, features.shape[2])).squeeze(1)


POOLING = {"mean": mean_over_time, "max": max_over_time, "last": last_in_time}


class Runs(nn.Module):
    """Numbers of the runs of 1 to ``longest`` tokens that begin at each place.

    A token keeps its id; longer runs are hashed into ``buckets`` numbers behind the vocabulary
    (Joulin et al. 2017, section 2.2). 0 where a run would reach into padding.
    """

    def __init__(self, longest: int, vocabulary: int, buckets: int) -> None:
        super().__init__()
        self.longest, self.vocabulary, self.buckets = longest, vocabulary, buckets

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, time) -> (batch, longest * time)."""
        runs, code, last = [tokens], tokens, tokens
        for _ in range(1, self.longest):
            last = functional.pad(last, (0, 1))[:, 1:]
            code = (code * MULTIPLIER + last) % MODULUS
            number = self.vocabulary + code % self.buckets
            runs.append(torch.where(last != 0, number, torch.zeros_like(number)))
        return torch.cat(runs, dim=1)


class BagLinear(nn.Module):
    """Each word speaks for each class, and the text is the sum of its words."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.width = classes

    def forward(self, vectors: Tensor, tokens: Tensor) -> Tensor:
        return vectors.sum(1)


class BagAverage(nn.Module):
    """The mean of the embeddings, and a hidden layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.width = config.units
        self.hidden = nn.Linear(config.embedding, config.units)

    def forward(self, vectors: Tensor, tokens: Tensor) -> Tensor:
        return torch.relu(self.hidden(mean_over_time(vectors, tokens)))


class FixedWindow(nn.Module):
    """One hidden layer over each window of embeddings in order, pooled over the text.

    Windows reach beyond both ends of the text, where vectors are zero.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.width = config.units
        self.before = (config.window - 1) // 2
        self.after = config.window - 1 - self.before
        # A convolution over time: the same linear layer at every place.
        self.hidden = nn.Conv1d(config.embedding, config.units, config.window)
        self.pool = POOLING[config.pooling]

    def forward(self, vectors: Tensor, tokens: Tensor) -> Tensor:
        padded = functional.pad(vectors.transpose(1, 2), (self.before, self.after))
        return self.pool(torch.relu(self.hidden(padded)).transpose(1, 2), tokens)


class Recurrent(nn.Module):
    """A recurrent net, or two of which one reads each text backwards, pooled over time.

    Padding stands behind the text in both directions, so no state of a token has seen it.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        kinds = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM, "bilstm": nn.LSTM}
        kind, both = kinds[config.model], config.model == "bilstm"
        self.width = config.units * (2 if both else 1)
        self.pool = POOLING[config.pooling]
        self.ahead = kind(config.embedding, config.units, batch_first=True)
        self.back = kind(config.embedding, config.units, batch_first=True) if both else None
        for name, weight in self.named_parameters():
            self._initialise(name, weight, config)

    def _initialise(self, name: str, weight: nn.Parameter, config: Config) -> None:
        if "bias" in name:
            nn.init.zeros_(weight)
            if "lstm" in config.model and "bias_ih" in name:
                # Gates i, f, g, o: an open forget gate lets gradients pass at the start
                # (Jozefowicz et al. 2015).
                nn.init.ones_(weight[config.units : 2 * config.units])
            return
        initialise = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
        # Gate by gate: over all gates at once each would start with half the signal.
        for gate in weight.data.split(config.units):
            initialise(gate)

    def forward(self, vectors: Tensor, tokens: Tensor) -> Tensor:
        features = self.pool(self.ahead(vectors)[0], tokens)
        if self.back is None:
            return features
        order = reversal(tokens)
        reversed_vectors = vectors.gather(1, order.unsqueeze(2).expand_as(vectors))
        # Pooled as it was read: the mean and the largest value know no order, and the last state
        # of this direction is that at the first token.
        return torch.cat((features, self.pool(self.back(reversed_vectors)[0], tokens)), dim=1)


class Classifier(nn.Module):
    """Embedding, core, and a linear map to the classes (of ``bag_linear``, its bias alone)."""

    def __init__(self, config: Config, vocabulary: int, classes: int) -> None:
        super().__init__()
        linear = config.model == "bag_linear"
        width = classes if linear else config.embedding
        longest = config.ngrams if config.model.startswith("bag") else 1
        self.runs = Runs(longest, vocabulary, config.buckets)
        numbers = vocabulary + (config.buckets if longest > 1 else 0)
        self.embedding = nn.Embedding(numbers, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=config.spread)
        nn.init.zeros_(self.embedding.weight[0])
        self.core = _core(config, classes)
        self.dropout = nn.Dropout(config.dropout)
        self.output = Bias(classes) if linear else nn.Linear(self.core.width, classes)

    def features(self, tokens: Tensor) -> Tensor:
        """tokens (batch, time) -> what the last layer reads (batch, width)."""
        runs = self.runs(tokens)
        mask = (runs != 0).to(self.embedding.weight.dtype).unsqueeze(2)
        return self.core(self.dropout(self.embedding(runs)) * mask, runs)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (batch, time) -> logits (batch, classes)."""
        return self.output(self.dropout(self.features(tokens)))


class Bias(nn.Module):
    """Adds one number a class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, evidence: Tensor) -> Tensor:
        return evidence + self.bias


def _core(config: Config, classes: int) -> BagLinear | BagAverage | FixedWindow | Recurrent:
    if config.model == "bag_linear":
        return BagLinear(classes)
    if config.model == "bag_average":
        return BagAverage(config)
    if config.model == "fixed_window":
        return FixedWindow(config)
    return Recurrent(config)


class Classify(nn.Module):
    """Log-probability of each class."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.log_softmax(self.network(tokens), dim=1)


class Embed(nn.Module):
    """A text as a vector: what the last layer reads."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        return self.network.features(tokens)


def build(config: Config, facts: Facts) -> Classifier:
    """The net for ``facts["vocabulary"]`` tokens and ``facts["classes"]``."""
    return Classifier(config, facts["vocabulary"], len(facts["classes"]))


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``classify`` gives log-probabilities, ``embed`` the vector they are read from."""
    assert isinstance(network, Classifier)
    tokens = Port("tokens", "int64", ("batch", "time"), 0, facts["vocabulary"] - 1)
    classes = Port("log_probs", "float32", ("batch", len(facts["classes"])))
    features = Port("features", "float32", ("batch", network.core.width))
    return (
        Graph("classify", Classify(network), (tokens,), (classes,)),
        Graph("embed", Embed(network), (tokens,), (features,)),
    )
