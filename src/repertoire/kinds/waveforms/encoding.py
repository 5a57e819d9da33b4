"""How the table of recordings becomes levels, facts, and what a client must know.

A row holds up to ``ROW_SECONDS`` of one recording; rows that follow one another in it are joined.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.validation import Expectation, expect
from repertoire.runtime.companding import LEVELS, MU, decoded, encoded

if TYPE_CHECKING:
    import pandas as pd

KIND = "waveforms"
FULL_SCALE = "full scale"  # the unit of WAV files, whose samples lie between -1 and 1
ROW_SECONDS = 10.0
EXAMPLE = 256  # samples, at most
STORED = "<f4"  # how a row holds its samples


class Settings(Protocol):
    """What the config of a reader says of the signal: Hz, and the unit of its samples."""

    @property
    def rate(self) -> float: ...
    @property
    def unit(self) -> str: ...


def rows_of(
    recording: str, split: str, signal: Array, rate: float, first: int = 0
) -> Iterator[dict[str, Any]]:
    """Rows of a recording, or of its part from sample ``first`` on: signal (samples,) in its unit.

    ``signal`` of a row are the bytes of its samples.
    """
    size = max(1, int(ROW_SECONDS * rate))
    for start in range(0, len(signal), size):
        part = np.ascontiguousarray(signal[start : start + size], STORED)
        yield {
            "recording": recording,
            "first": first + start,
            "samples": len(part),
            "seconds": len(part) / rate,
            "peak": float(np.abs(part).max()),
            "deviation": float(part.std()),
            "split": split,
            "signal": part.tobytes(),
        }


def parts_in_time(
    samples: int, valid_share: float, test_share: float
) -> list[tuple[str, int, int]]:
    """The split, begin and end of the parts of a recording, one after the other in time."""
    test = samples - round(test_share * samples)
    valid = test - round(valid_share * samples)
    bounds = (0, valid, test, samples)
    return [(split, bounds[n], bounds[n + 1]) for n, split in enumerate(SPLITS)]


def expectations(config: Settings) -> list[Expectation]:
    """Lengths and finite samples."""
    between = "ExpectColumnValuesToBeBetween"
    longest = ROW_SECONDS + 1 / config.rate
    return [
        expect(
            f"a row lasts up to {ROW_SECONDS:g} seconds",
            between,
            column="seconds",
            min_value=0,
            max_value=longest,
        ),
        expect("each row holds a sample", between, column="samples", min_value=1),
        expect("samples are numbers", between, column="peak", min_value=0, max_value=3e38),
        expect(
            "a part of a recording is there once",
            "ExpectCompoundColumnsToBeUnique",
            column_list=["recording", "first"],
        ),
    ]


def signals(table: "pd.DataFrame", split: str) -> list[Array]:
    """The recordings of a split, float32 (samples,) each, in the order of their first rows."""
    rows = table[table["split"] == split]
    return [
        np.concatenate(
            [np.frombuffer(each, STORED) for each in group.sort_values("first")["signal"]]
        )
        for _, group in rows.groupby("recording", sort=False)
    ]


def encode(config: Settings, table: "pd.DataFrame") -> Encoded:
    """``levels`` uint8 (samples,) of each split, and the ``starts`` (recordings,) within them.

    ``full_scale`` tells clients what a sample of 1 in a WAV file is: full scale where the data are
    WAV files, else the loudest level.

    Raises RepertoireError where the training part is silent.
    """
    parts = {split: signals(table, split) for split in SPLITS}
    scale = max((float(np.abs(each).max()) for each in parts["train"]), default=0.0)
    if not scale:
        raise RepertoireError("the training part is silent: all its samples are 0; give a signal")
    arrays: dict[str, Arrays] = {}
    for split, recordings in parts.items():
        lengths = [len(each) for each in recordings]
        arrays[split] = {
            "levels": encoded(np.concatenate(recordings) / scale),
            "starts": np.cumsum([0, *lengths[:-1]]).astype(np.int64),
        }
    facts = {
        "rate": config.rate,
        "levels": LEVELS,
        "scale": scale,
        "unit": config.unit,
        "samples": {split: len(arrays[split]["levels"]) for split in SPLITS},
        "recordings": {split: len(parts[split]) for split in SPLITS},
        "rows": {split: int((table["split"] == split).sum()) for split in SPLITS},
        "clipped": {split: _clipped(parts[split], scale) for split in SPLITS},
        **_deviations(arrays["train"]),
        "example": _example(parts),
    }
    encoding = {
        "kind": "waveform",
        "companding": "mu-law",
        "mu": MU,
        "levels": LEVELS,
        "rate": config.rate,
        "scale": scale,
        "unit": config.unit,
        "full_scale": 1.0 if config.unit == FULL_SCALE else scale,
    }
    return Encoded(arrays, facts, {"wave": encoding})


def _clipped(recordings: list[Array], scale: float) -> float:
    loud = sum(int((np.abs(each) > scale).sum()) for each in recordings)
    return loud / max(1, sum(map(len, recordings)))


def _deviations(train: Arrays) -> dict[str, float]:
    """Of the signal and of its changes within recordings; never 0, for they divide."""
    signal = decoded(train["levels"])
    changes = np.delete(np.diff(signal), train["starts"][1:] - 1)
    least = 1 / MU
    return {
        "deviation": max(least, float(signal.std())),
        "change_deviation": max(least / MU, float(changes.std())) if len(changes) else least,
    }


def _example(parts: dict[str, list[Array]]) -> list[float]:
    return [float(f"{value:.4g}") for value in parts["valid"][-1][-EXAMPLE:]]
