"""An electrocardiogram in an archive of numpy: counts of a converter, a sample after another.

The default is record 208 of the MIT-BIH Arrhythmia Database (Moody and Mark 2001), from 19:35 to
24:35, lead MLII at 360 Hz, which SciPy carries. The splits follow one another in time.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Positive, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, one_member, unexpected
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.waveforms.encoding import encode as encode_signal
from repertoire.kinds.waveforms.encoding import expectations as signal_expectations
from repertoire.kinds.waveforms.encoding import parts_in_time, rows_of

KIND = "waveforms"


@dataclass(frozen=True)
class Config:
    """``array`` is the name of the samples in the file; a sample is (count - ``zero``) / ``gain``.

    ``rate`` counts samples a second, ``largest`` is the largest plausible distance from zero in
    ``unit``.
    ``valid_share`` and ``test_share`` are those of the time at its end.
    """

    members: str
    array: str
    zero: float
    gain: Positive
    rate: Positive
    unit: str
    largest: Positive
    valid_share: Share
    test_share: Share


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row for up to ten seconds of the recording."""
    path = files["recording"]
    name, content = one_member(path, config.members)
    with expecting(path, f"arrays of which one is called {config.array} in {name}"):
        counts = np.load(io.BytesIO(content), allow_pickle=False)[config.array]
    if counts.ndim != 1 or counts.dtype.kind not in "iuf":
        raise unexpected(path, f"{name}: {config.array} holds no course of numbers")
    signal = (counts.astype(np.float64) - config.zero) / config.gain
    rows: list[dict[str, Any]] = []
    for split, begin, end in parts_in_time(len(signal), config.valid_share, config.test_share):
        rows += rows_of(config.array, split, signal[begin:end], config.rate, begin)
    table = pd.DataFrame(rows)
    table["key"] = [f"{row.recording} {row.first}" for row in table.itertuples()]
    return table


def expectations(config: Config) -> list[Expectation]:
    """Samples are plausible, and the electrodes did not come off for a whole row."""
    return [
        *signal_expectations(config),
        expect(
            f"samples lie within {config.largest:g} {config.unit} of zero",
            "ExpectColumnValuesToBeBetween",
            column="peak",
            max_value=config.largest,
        ),
        expect(
            "the signal moves in each row",
            "ExpectColumnValuesToBeBetween",
            column="deviation",
            min_value=0,
            strict_min=True,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``repertoire.kinds.waveforms.encoding`` has it."""
    return encode_signal(config, table)
