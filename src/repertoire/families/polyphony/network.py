"""The nets, and the three graphs they are exported as."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.contract import Graph, Port
from repertoire.families.polyphony.config import Config, state_ports
from repertoire.kinds.piano_rolls.facts import Facts

HOTTEST = 100  # the highest temperature
COLDEST = 1e-4  # stands for 0, where no chance is left
SELDOM = -2.0  # where the logits of notes start: few of them sound at a time
TOGETHER = 4  # about how many do


def _drawn(logits: Tensor, temperature: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each note sounds (0 or 1), and how probable that was at the temperature."""
    chance = torch.sigmoid(logits / temperature.clamp(min=COLDEST))
    return (uniform < chance).to(logits.dtype), chance


class Bernoulli(nn.Module):
    """Every note is on or off by itself."""

    def __init__(self, config: Config, notes: int) -> None:
        super().__init__()
        self.logits = nn.Linear(config.units + notes, notes)
        nn.init.constant_(self.logits.bias, SELDOM)

    def nats(self, features: Tensor, frames: Tensor) -> Tensor:
        """-log P(frame): features (rows, width), frames (rows, notes) of 0 and 1 -> (rows,)."""
        logits = self.logits(features)
        return (functional.softplus(logits) - frames * logits).sum(1)

    nats_by_note = nats

    def draw(self, features: Tensor, temperature: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (rows, notes) and probabilities; ``uniform`` holds a number in [0, 1) a note."""
        return _drawn(self.logits(features), temperature, uniform)


class Nade(nn.Module):
    """Every note given the lower ones: P(v_i | v_<i) = s(b_i + V_i s(c + W_<i v_<i)).

    Larochelle and Murray 2011, equations 3 and 4; b and c are linear in the features
    (Boulanger-Lewandowski et al. 2012, equations 11 and 12).
    """

    def __init__(self, config: Config, notes: int) -> None:
        super().__init__()
        self.visible = nn.Linear(config.units + notes, notes)
        self.hidden = nn.Linear(config.units + notes, config.hidden)
        nn.init.constant_(self.visible.bias, SELDOM)
        self.inward = nn.Parameter(torch.empty(notes, config.hidden))
        self.outward = nn.Parameter(torch.empty(notes, config.hidden))
        # As if each layer had the width of the estimator as fan-in; few notes are on at a time.
        for weight in (self.inward, self.outward):
            nn.init.normal_(weight, std=config.hidden**-0.5)

    def nats(self, features: Tensor, frames: Tensor) -> Tensor:
        """-log P(frame): features (rows, width), frames (rows, notes) of 0 and 1 -> (rows,)."""
        steps = frames.unsqueeze(2) * self.inward
        lower = steps.cumsum(1) - steps
        units = torch.sigmoid(self.hidden(features).unsqueeze(1) + lower)
        logits = self.visible(features) + (units * self.outward).sum(2)
        return (functional.softplus(logits) - frames * logits).sum(1)

    def nats_by_note(self, features: Tensor, frames: Tensor) -> Tensor:
        """The same note by note, in memory that does not grow with their number."""
        biases, inner = self.visible(features), self.hidden(features)
        nats = torch.zeros_like(biases[:, 0])
        for note in range(frames.shape[1]):
            logit = biases[:, note] + torch.sigmoid(inner) @ self.outward[note]
            nats = nats + functional.softplus(logit) - frames[:, note] * logit
            inner = inner + frames[:, note : note + 1] * self.inward[note]
        return nats

    def draw(self, features: Tensor, temperature: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (rows, notes), each note drawn given the lower ones, and their probabilities."""
        biases, inner = self.visible(features), self.hidden(features)
        frames, chances = [], []
        for note in range(biases.shape[1]):
            logit = biases[:, note : note + 1] + torch.sigmoid(inner) @ self.outward[note][:, None]
            sounds, chance = _drawn(logit, temperature, uniform[:, note : note + 1])
            inner = inner + sounds * self.inward[note]
            frames.append(sounds)
            chances.append(chance)
        return torch.cat(frames, 1), torch.cat(chances, 1)


class Polyphony(nn.Module):
    """A recurrent core over frames, and the distribution of the frame that follows each."""

    def __init__(self, config: Config, notes: int) -> None:
        super().__init__()
        self.config, self.notes = config, notes
        cells = {"gru": nn.GRU, "lstm": nn.LSTM}
        between = config.dropout if config.layers > 1 else 0.0
        self.core = cells[config.cell](
            notes, config.units, config.layers, batch_first=True, dropout=between
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = (Nade if config.output == "nade" else Bernoulli)(config, notes)
        self._initialise(config)

    def _initialise(self, config: Config) -> None:
        for name, weight in self.core.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
                if config.cell == "lstm" and "bias_ih" in name:
                    # Gates i, f, g, o: an open forget gate lets gradients pass at the start
                    # (Jozefowicz et al. 2015).
                    nn.init.ones_(weight[config.units : 2 * config.units])
            elif name == "weight_ih_l0":
                # A chord moves each gate by about one. Smaller inputs leave gated nets for hundreds
                # of steps where they start.
                nn.init.normal_(weight, std=TOGETHER**-0.5)
            else:
                initialise = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
                for gate in weight.data.split(config.units):
                    initialise(gate)

    def features(self, frames: Tensor, *states: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """frames (batch, time, notes) of 0 and 1 -> features (batch, time, units + notes), states.

        The frame itself skips the core (Graves 2013, section 2): that most notes go on need not
        be remembered.
        """
        is_lstm = self.config.cell == "lstm"
        features, end = self.core(frames, states if is_lstm else states[0])
        skipped = torch.cat((self.dropout(features), frames), dim=2)
        return skipped, tuple(end) if is_lstm else (end,)


def shifted(last: Tensor, rolls: Tensor) -> Tensor:
    """What came before each frame of ``rolls`` (batch, time, notes): ``last``, then its own."""
    return torch.cat((last.unsqueeze(1), rolls), dim=1)[:, :-1]


class Score(nn.Module):
    """-log P of each given frame."""

    def __init__(self, network: Polyphony) -> None:
        super().__init__()
        self.network = network

    def forward(self, rolls: Tensor, last: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        before = shifted(last, rolls).to(torch.float32)
        features, states = self.network.features(before, *states)
        frames = rolls.to(torch.float32).flatten(0, 1)
        nats = self.network.output.nats_by_note(features.flatten(0, 1), frames)
        return (nats.view(rolls.shape[0], rolls.shape[1]), rolls[:, -1], *states)


class Predict(nn.Module):
    """The likeliest notes at each frame, given the true frames before it."""

    def __init__(self, network: Polyphony) -> None:
        super().__init__()
        self.network = network

    def forward(self, rolls: Tensor, last: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        before = shifted(last, rolls).to(torch.float32)
        features, states = self.network.features(before, *states)
        rows = features.flatten(0, 1)
        warm = torch.ones_like(rows[:, :1])
        even = torch.full_like(rolls.flatten(0, 1), 0.5, dtype=torch.float32)
        _, chances = self.network.output.draw(rows, warm, even)
        return (chances.view(rolls.shape), rolls[:, -1], *states)


class Next(nn.Module):
    """Draw the frame that follows the last of the given ones.

    The random numbers come from the client, because random operators of onnxruntime are seeded
    once a session.
    """

    def __init__(self, network: Polyphony) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, frames: Tensor, temperature: Tensor, uniform: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        features, states = self.network.features(frames.to(torch.float32), *states)
        drawn, chances = self.network.output.draw(
            features[:, -1], temperature.unsqueeze(1), uniform
        )
        return (drawn.to(torch.uint8), chances, *states)


def build(config: Config, facts: Facts) -> Polyphony:
    """The net for frames of ``facts["notes"]`` notes."""
    return Polyphony(config, facts["notes"])


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``score`` and ``predict`` for whole pieces, ``next`` to compose frame by frame."""
    assert isinstance(network, Polyphony)
    notes = facts["notes"]
    states = state_ports(network.config)
    after = tuple(Port(f"next_{port.name}", port.dtype, port.shape) for port in states)
    feedback = {out.name: into.name for out, into in zip(after, states, strict=True)}
    rolls = Port("rolls", "uint8", ("batch", "time", notes), 0, 1)
    last = Port("last", "uint8", ("batch", notes), 0, 1)
    given, kept = (rolls, last, *states), (Port("next_last", "uint8", ("batch", notes)), *after)
    carried = {"next_last": "last", **feedback}
    nats = Port("nats", "float32", ("batch", "time"))
    chances = Port("probabilities", "float32", ("batch", "time", notes))
    asked = (
        Port("frames", "uint8", ("batch", "time", notes), 0, 1),
        Port("temperature", "float32", ("batch",), 0, HOTTEST),
        Port("uniform", "float32", ("batch", notes), 0, 1),
        *states,
    )
    drawn = (
        Port("frame", "uint8", ("batch", notes)),
        Port("probabilities", "float32", ("batch", notes)),
        *after,
    )
    return (
        Graph("score", Score(network), given, (nats, *kept), carried),
        Graph("predict", Predict(network), given, (chances, *kept), carried),
        Graph("next", Next(network), asked, drawn, feedback),
    )
