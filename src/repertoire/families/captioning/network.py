"""The two decoders, the loops around them, and the graphs they are exported as."""

import torch
from torch import Tensor, nn

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.captioning.config import Config
from repertoire.families.captioning.encoder import Encoder, FrozenEncoder, colours, halvings
from repertoire.kinds.captions.facts import Facts
from repertoire.nn import mobilenet


class Cell(nn.Module):
    """One step of an LSTM (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000)."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.gates = nn.Linear(inputs + units, 4 * units)
        # Gate by gate: over all gates at once each would start with half the signal, and the
        # picture would not be heard for hundreds of steps.
        for gate in self.gates.weight.data.split(units):
            nn.init.xavier_uniform_(gate[:, :inputs])
            nn.init.orthogonal_(gate[:, inputs:])
        nn.init.zeros_(self.gates.bias)
        nn.init.ones_(self.gates.bias.data[units : 2 * units])  # remembers at first

    def forward(self, given: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """given (batch, inputs), hidden and cell (batch, units) -> the next two."""
        enter, keep, new, leave = self.gates(torch.cat((given, hidden), 1)).chunk(4, 1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(enter) * torch.tanh(new)
        return torch.sigmoid(leave) * torch.tanh(cell), cell


class Glance(nn.Module):
    """The picture is the first input of the LSTM and never seen again."""

    def __init__(self, config: Config, facts: Facts, places: int, width: int) -> None:
        super().__init__()
        self.units = config.units
        # The first layers of a photograph's encoder are given, and its mean says what is there.
        self.mean = "encoder" in facts
        self.embedding = nn.Embedding(facts["vocabulary"], config.embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        # Normalised, so that the picture is as loud as a word.
        self.look = nn.Sequential(
            nn.Linear(width if self.mean else places * width, config.embedding),
            nn.BatchNorm1d(config.embedding),
        )
        self.cell = Cell(config.embedding, config.units)
        self.output = nn.Linear(config.units, facts["vocabulary"])

    def start(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden and cell (batch, units) after the picture, and what ``forward`` looks at."""
        nothing = torch.zeros_like(features[:, 0, :1]).expand(-1, self.units)
        seen = features.mean(1) if self.mean else features.flatten(1)
        hidden, cell = self.cell(self.dropout(self.look(seen)), nothing, nothing)
        return hidden, cell, features

    def forward(
        self, token: Tensor, hidden: Tensor, cell: Tensor, features: Tensor, keys: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """token (batch,) -> what logits are made of, hidden, cell, and even weights of places."""
        hidden, cell = self.cell(self.dropout(self.embedding(token)), hidden, cell)
        return hidden, hidden, cell, torch.ones_like(features[:, :, 0]) / features.shape[1]


class Attention(nn.Module):
    """Every state looks at the grid before its token is read."""

    def __init__(self, config: Config, facts: Facts, places: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(facts["vocabulary"], config.embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.places = nn.Parameter(torch.randn(places, width) / width**0.5)
        self.hidden = nn.Linear(width, config.units)
        self.memory = nn.Linear(width, config.units)
        self.key = nn.Linear(width, config.attention_units)
        self.query = nn.Linear(config.units, config.attention_units, bias=False)
        self.energy = nn.Linear(config.attention_units, 1, bias=False)
        self.cell = Cell(config.embedding + width, config.units)
        self.output = nn.Linear(config.units + width, facts["vocabulary"])

    def start(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden and cell (batch, units) from the mean feature, and the keys of all places."""
        mean = features.mean(1)
        keys = self.key(features + self.places)
        return torch.tanh(self.hidden(mean)), torch.tanh(self.memory(mean)), keys

    def forward(
        self, token: Tensor, hidden: Tensor, cell: Tensor, features: Tensor, keys: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """token (batch,) -> what logits are made of, hidden, cell, and weights (batch, places)."""
        energy = self.energy(torch.tanh(keys + self.query(hidden).unsqueeze(1))).squeeze(2)
        weights = torch.softmax(energy, dim=1)
        context = torch.bmm(weights.unsqueeze(1), features).squeeze(1)
        given = torch.cat((self.dropout(self.embedding(token)), context), 1)
        hidden, cell = self.cell(given, hidden, cell)
        return torch.cat((hidden, context), 1), hidden, cell, weights


class Captioner(nn.Module):
    """Encoder and decoder. The decoder starts from the end token."""

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.side: int = facts["side"]
        self.frozen = "encoder" in facts
        self.grid: int = self.side // 2 ** halvings(facts)
        self.end: int = facts["end"]
        self.attention = config.attention
        self.encoder: Encoder | FrozenEncoder
        self.colours: tuple[int, ...] = colours(facts)
        channels = 3 if self.colours else 1
        self.encoder = FrozenEncoder(config) if self.frozen else Encoder(config, channels)
        decoder = Attention if config.attention else Glance
        self.decoder = decoder(config, facts, self.grid**2, self.encoder.width)
        self.made: int = self.decoder.output.in_features

    def forward(self, images: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing: images and target (batch, time) -> logits (batch, time, vocabulary)."""
        return self.told(self.encoder(images), target)

    def told(self, features: Tensor, target: Tensor) -> Tensor:
        """The same of features (batch, places, channels)."""
        hidden, cell, keys = self.decoder.start(features)
        token = torch.full_like(target[:, 0], self.end)
        seen = hidden.new_zeros(hidden.shape[0], 0, self.made)
        for step in range(target.shape[1]):
            made, hidden, cell, _ = self.decoder(token, hidden, cell, features, keys)
            seen = torch.cat((seen, made.unsqueeze(1)), dim=1)
            token = target[:, step]
        return self.decoder.output(self.decoder.dropout(seen))


class Score(nn.Module):
    """Log-probability of every token of a given caption."""

    def __init__(self, network: Captioner, encoder: nn.Module) -> None:
        super().__init__()
        self.network, self.encoder = network, encoder

    def forward(self, seen: Tensor, target: Tensor) -> Tensor:
        log_probs = torch.log_softmax(self.network.told(self.encoder(seen), target), dim=2)
        return log_probs.gather(2, target.unsqueeze(2)).squeeze(2)


class Greedy(nn.Module):
    """The most probable token again and again; scripted, so that it becomes one ONNX Loop."""

    def __init__(self, network: Captioner, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, network.decoder
        self.end, self.grid = network.end, network.grid

    def forward(self, seen: Tensor, max_length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.encoder(seen)
        hidden, cell, keys = self.decoder.start(features)
        token = torch.full_like(features[:, 0, 0].to(torch.int64), self.end)
        alive = torch.ones_like(token)
        # Not by slicing: the exporter would write the size 0 down, and onnxruntime complain.
        tokens = token.new_zeros(token.shape[0], 0)
        maps = features.new_zeros(features.shape[0], 0, features.shape[1])
        total = torch.zeros_like(features[:, 0, 0])
        step = torch.zeros_like(max_length)
        while bool((step < max_length) & (alive.sum() > 0)):
            made, hidden, cell, weights = self.decoder(token, hidden, cell, features, keys)
            best, chosen = torch.log_softmax(self.decoder.output(made), dim=1).max(dim=1)
            token = chosen * alive
            tokens = torch.cat((tokens, token.unsqueeze(1)), dim=1)
            still = alive.to(best.dtype)
            maps = torch.cat((maps, (weights * still.unsqueeze(1)).unsqueeze(1)), dim=1)
            total = total + best * still
            alive = alive * (token != self.end).to(torch.int64)
            step = step + 1
        return tokens, total, maps.unflatten(2, (self.grid, self.grid))


class Blind(nn.Module):
    """Greedy decoding without the even weights of a decoder that does not attend."""

    def __init__(self, network: Captioner, encoder: nn.Module) -> None:
        super().__init__()
        self.greedy = Greedy(network, encoder)

    def forward(self, seen: Tensor, max_length: Tensor) -> tuple[Tensor, Tensor]:
        tokens, total, _ = self.greedy(seen, max_length)
        return tokens, total


def build(config: Config, facts: Facts) -> Captioner:
    """The net for square pictures whose side is a multiple of 8, or of 32 for photographs."""
    multiple = 2 ** halvings(facts)
    if facts["side"] % multiple:
        raise RepertoireError(
            f"image side {facts['side']} is not a multiple of {multiple}; resize the data"
        )
    return Captioner(config, facts)


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``caption`` decodes greedily and shows its attention; ``score`` judges a given caption.

    Photographs have both once more for features that are known already: validation during training
    asks for the same ones after every epoch.
    """
    assert isinstance(network, Captioner)
    size: tuple[int | str, ...] = ("batch", network.side, network.side, *network.colours)
    images = Port("images", "uint8", size, 0, 255)
    found = _views(network, facts, images, network.encoder, "")
    if not isinstance(network.encoder, FrozenEncoder):
        return found
    features = Port("features", "float32", ("batch", network.grid**2, mobilenet.WIDTH), 0, 6)
    return (*found, *_views(network, facts, features, network.encoder.mapped, "_features"))


def _views(
    network: Captioner, facts: Facts, seen: Port, encoder: nn.Module, suffix: str
) -> tuple[Graph, Graph]:
    target = Port("target", "int64", ("batch", "target_time"), 0, facts["vocabulary"] - 1)
    outputs = [
        Port("tokens", "int64", ("batch", "decoded_time")),
        Port("log_prob", "float32", ("batch",)),
    ]
    if network.attention:
        grid = ("batch", "decoded_time", network.grid, network.grid)
        outputs.append(Port("attention", "float32", grid))
    decoding = Greedy if network.attention else Blind
    return (
        Graph(
            f"caption{suffix}",
            torch.jit.script(decoding(network, encoder)),
            (seen, Port("max_length", "int64", (), 1, 512)),
            tuple(outputs),
        ),
        Graph(
            f"score{suffix}",
            torch.jit.script(Score(network, encoder)),
            (seen, target),
            (Port("log_probs", "float32", ("batch", "target_time")),),
        ),
    )
