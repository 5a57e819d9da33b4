"""Music without nets: note by note, or whole chords by how often they follow one another.

Nets are trained in transposition, so what is counted here is counted in transposition, too: each
training piece in every key within some range, which validation chooses for each model. Stronger
than a bigram of chords would be longer contexts, but hardly a pair of chords recurs in a new piece.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from repertoire.config import Natural, Positive
from repertoire.contract import Array, Arrays, Data
from repertoire.kinds.piano_rolls.metrics import frame_measurement
from repertoire.kinds.piano_rolls.transposition import room
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("note_frequencies", "frequencies of notes"),
    Baseline("markov_notes", "first-order Markov, note by note"),
    Baseline("repeat", "repeating the frame before"),
    Baseline("chord_bigram", "bigram of whole chords in ±{chord_bigram_transpose:.0f} keys"),
)


Frames = list[tuple[Array, Array]]  # for each piece the frames before, (time, notes), and its own


@dataclass(frozen=True)
class Config:
    """``pseudo``: how often each outcome of a note counts as seen before any was; one half is the
    estimator of Krichevsky and Trofimov (1981). ``transpose``: the widest range of keys tried.
    """

    pseudo: Positive
    transpose: Natural


class Counted(Protocol):
    """A model of frames that is made of counts."""

    def count(self, pieces: Frames) -> None: ...

    def log_probs(self, before: Array, now: Array) -> Array: ...


def baselines(config: Config, data: Data) -> Scores:
    """Nats per test frame, the first of each piece included, and the frame accuracy of repeating.

    Beside each model the range of keys, in semitones either way, in which it counted.
    """
    valid = joined(pieces(data.arrays("valid")))
    train = Keys(data.arrays("train"), config.transpose)
    notes = train.arrays["rolls"].shape[2]

    def coins(*, by_note: bool, by_past: bool) -> tuple[Counted, int]:
        return chosen(
            lambda: BernoulliNotes(notes, config.pseudo, by_note=by_note, by_past=by_past),
            train,
            valid,
        )

    models = {
        "note_frequencies": coins(by_note=True, by_past=False),
        "repeat": coins(by_note=False, by_past=True),
        "markov_notes": coins(by_note=True, by_past=True),
    }
    floor = models["markov_notes"][0]
    models["chord_bigram"] = chosen(lambda: ChordBigram(floor), train, valid)
    test, found = data.arrays("test"), Scores()
    frames = pieces(test)
    for name, (model, transpose) in models.items():
        nats = np.split(-model.log_probs(*joined(frames)), np.cumsum(test["lengths"])[:-1])
        guessed = [before for before, _ in frames] if name == "repeat" else None
        found.measure(name, frame_measurement(test, nats, guessed))
        found[f"{name}_transpose"] = float(transpose)
    return found


def chosen(
    make: Callable[[], Counted], train: Sequence[Frames], valid: tuple[Array, Array]
) -> tuple[Counted, int]:
    """The model of the range with the least nats on validation, and that range.

    ``train`` holds the pieces as they are, then those moved by one semitone, by two, and so on.
    """
    model, nats = make(), []
    for moved in train:
        model.count(moved)
        nats.append(-float(model.log_probs(*valid).mean()))
    best = int(np.argmin(nats))
    model = make()
    for shift in range(best + 1):
        model.count(train[shift])
    return model, best


class Keys(Sequence[Frames]):
    """The pieces as they are, then moved by 1 to ``most`` semitones: made anew when asked for,
    because all at once would take the memory of the rolls many times over."""

    def __init__(self, arrays: Arrays, most: int) -> None:
        self.arrays, self.most = arrays, most

    def __len__(self) -> int:
        return self.most + 1

    def __getitem__(self, shift: Any) -> Any:
        if shift > self.most:
            raise IndexError(shift)
        return keys(self.arrays, shift)


def keys(arrays: Arrays, shift: int) -> Frames:
    """The pieces moved by so many semitones down and up, as far as they stay in the range."""
    rolls, found = arrays["rolls"], []
    low, high = room(rolls, shift).T
    for way in {-shift, shift}:
        fits = np.flatnonzero(low <= way) if way < 0 else np.flatnonzero(high >= way)
        moved = {"rolls": np.roll(rolls[fits], way, axis=2), "lengths": arrays["lengths"][fits]}
        found += pieces(moved)
    return found


def pieces(arrays: Arrays) -> Frames:
    """Every piece without its padding, beside what came before: silence, then its own frames."""
    found = []
    for roll, length in zip(arrays["rolls"], arrays["lengths"], strict=True):
        now = roll[:length]
        found.append((np.concatenate((np.zeros_like(now[:1]), now[:-1])), now))
    return found


def joined(frames: Frames) -> tuple[Array, Array]:
    """The frames before, and their own, of all pieces."""
    before, now = (np.concatenate(each) for each in zip(*frames, strict=True))
    return before, now


class BernoulliNotes:
    """Each of ``notes`` is an independent coin, of its own if ``by_note``, else one for all.

    ``by_past``: the coin depends on whether the note sounded in the frame before.
    """

    def __init__(self, notes: int, pseudo: float, *, by_note: bool, by_past: bool) -> None:
        self.pseudo, self.by_note, self.by_past = pseudo, by_note, by_past
        self.on, self.seen = np.zeros((2, 1 + by_past, notes))

    def count(self, pieces: Frames) -> None:
        """Add what the frames of some pieces do."""
        if not pieces:
            return
        before, now = joined(pieces)
        for state in range(len(self.on)):
            here = before == state if self.by_past else np.ones_like(now)
            self.on[state] += (here & now).sum(0)
            self.seen[state] += here.sum(0)

    def log_probs(self, before: Array, now: Array) -> Array:
        """Natural log-probability of each frame given the one before: (frames,)."""
        on, seen = self.on, self.seen
        if not self.by_note:
            on, seen = (np.broadcast_to(n.sum(1, keepdims=True), n.shape) for n in (on, seen))
        state = before.astype(int) if self.by_past else np.zeros_like(before, int)
        chance = ((on + self.pseudo) / (seen + 2 * self.pseudo))[state, np.arange(now.shape[1])]
        return np.log(np.where(now == 1, chance, 1 - chance)).sum(1)


class ChordBigram:
    """Whole chords given the chord before, backing off to chords alone, then to ``notes``.

    Each level is interpolated with the next by how many kinds followed (Witten and Bell 1991,
    method C), so that every one of the possible frames keeps a probability.
    """

    def __init__(self, notes: Counted) -> None:
        self.notes = notes
        self.after: defaultdict[bytes, Counter[bytes]] = defaultdict(Counter)
        self.alone: Counter[bytes] = Counter()

    def count(self, pieces: Frames) -> None:
        """Add the chords of some pieces, and what each follows."""
        for before, now in pieces:
            for past, chord in zip(_names(before), _names(now), strict=True):
                self.after[past][chord] += 1
                self.alone[chord] += 1

    def log_probs(self, before: Array, now: Array) -> Array:
        """Natural log-probability of each frame given the one before: (frames,)."""
        lowest = np.exp(self.notes.log_probs(before, now))
        names = zip(_names(before), _names(now), lowest, strict=True)
        return np.log([self._probability(past, chord, floor) for past, chord, floor in names])

    def _probability(self, past: bytes, chord: bytes, floor: float) -> float:
        single = _witten_bell(self.alone, chord, floor)
        return _witten_bell(self.after.get(past, Counter()), chord, single)


def _witten_bell(counts: "Counter[bytes]", chord: bytes, lower: float) -> float:
    total, kinds = counts.total(), len(counts)
    return (counts[chord] + kinds * lower) / (total + kinds) if total else lower


def _names(frames: Array) -> Sequence[bytes]:
    return [frame.tobytes() for frame in frames]
