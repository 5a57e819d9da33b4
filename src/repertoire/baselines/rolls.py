"""Music without nets: note by note, or whole chords by how often they follow one another."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repertoire.config import NonNegative
from repertoire.contract import Array, Arrays, Data
from repertoire.metrics.music import frame_accuracy_percent

NAMES = (  # patterns of the metrics that a gate may name
    "(chord_bigram|markov_notes|note_frequencies|repeat)_nats_per_frame",
    "repeat_frame_accuracy_percent",
)


Frames = list[tuple[Array, Array]]  # for each piece the frames before, (time, notes), and its own


@dataclass(frozen=True)
class Config:
    """``pseudo``: how often each outcome counts as seen before any was."""

    pseudo: NonNegative


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Nats a test frame, the first of each piece included, and the frame accuracy of repeating."""
    train, test = (pieces(data.arrays(split)) for split in ("train", "test"))
    frequency = BernoulliNotes(train, config.pseudo, by_note=True, by_past=False)
    markov = BernoulliNotes(train, config.pseudo, by_note=True, by_past=True)
    repeat = BernoulliNotes(train, config.pseudo, by_note=False, by_past=True)
    before, now = (np.concatenate(each) for each in zip(*test, strict=True))
    return {
        "note_frequencies_nats_per_frame": -float(frequency.log_probs(before, now).mean()),
        "repeat_nats_per_frame": -float(repeat.log_probs(before, now).mean()),
        "markov_notes_nats_per_frame": -float(markov.log_probs(before, now).mean()),
        "chord_bigram_nats_per_frame": -float(
            ChordBigram(train, markov).log_probs(before, now).mean()
        ),
        "repeat_frame_accuracy_percent": frame_accuracy_percent(before, now),
    }


def pieces(arrays: Arrays) -> Frames:
    """Every piece without its padding, beside what came before: silence, then its own frames."""
    found = []
    for roll, length in zip(arrays["rolls"], arrays["lengths"], strict=True):
        now = roll[:length]
        found.append((np.concatenate((np.zeros_like(now[:1]), now[:-1])), now))
    return found


class BernoulliNotes:
    """Each note is an independent coin, of its own if ``by_note``, else one for all.

    ``by_past``: the coin depends on whether the note sounded in the frame before.
    """

    def __init__(self, train: Frames, pseudo: float, *, by_note: bool, by_past: bool) -> None:
        before, now = (np.concatenate(each) for each in zip(*train, strict=True))
        self.by_past = by_past
        chances = []
        for value in (0, 1) if by_past else (None,):
            here = np.ones_like(now) if value is None else before == value
            on, seen = (here & now).sum(0, dtype=float), here.sum(0, dtype=float)
            if not by_note:
                on, seen = np.full_like(on, on.sum()), np.full_like(seen, seen.sum())
            chances.append((on + pseudo) / (seen + 2 * pseudo))
        self.chances = np.stack(chances)

    def log_probs(self, before: Array, now: Array) -> Array:
        """Natural log-probability of each frame given the one before: (frames,)."""
        state = before.astype(int) if self.by_past else np.zeros_like(before, int)
        chance = self.chances[state, np.arange(now.shape[1])]
        return np.log(np.where(now == 1, chance, 1 - chance)).sum(1)


class ChordBigram:
    """Whole chords given the chord before, backing off to chords alone, then to ``notes``.

    Each level is interpolated with the next by how many kinds followed (Witten and Bell 1991,
    method C), so that every one of the possible frames keeps a probability.
    """

    def __init__(self, train: Frames, notes: BernoulliNotes) -> None:
        self.notes = notes
        self.after: defaultdict[bytes, Counter[bytes]] = defaultdict(Counter)
        self.alone: Counter[bytes] = Counter()
        for before, now in train:
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
