"""Piano rolls in a MATLAB file with splits of its own (Boulanger-Lewandowski et al. 2012).

``traindata``, ``validdata`` and ``testdata`` are rows of matrices (time, notes) of 0 and 1, the
layout in which Bai et al. 2018 ("An Empirical Evaluation of Generic Convolutional and Recurrent
Networks") publish the four sets of the former.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.files import digest_text
from repertoire.data.sources import Files, expecting, unexpected
from repertoire.data.validation import Expectation
from repertoire.kinds.piano_rolls.encoding import Chord, described, encoded_rolls
from repertoire.readers.helpers.music.parts import part_expectations

KIND = "piano_rolls"


@dataclass(frozen=True)
class Config:
    """The columns of a matrix are the MIDI numbers ``lowest`` to ``highest``."""

    parts: Count
    steps_a_quarter: Count
    lowest: Natural
    highest: Count


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a piece, in the order of the file; the key of a piece is its music."""
    path = files["rolls"]
    matrices, rows = _matrices(path), []
    for split in SPLITS:
        for number, matrix in enumerate(matrices[split]):
            chords = list(_chords(path, matrix, config))
            row = described(f"{split} {number}", chords, config.steps_a_quarter)
            rows.append({**row, "split": split, "key": digest_text(str(row["chords"]))})
    return pd.DataFrame(rows)


def _matrices(path: Path) -> dict[str, list[Array]]:
    # Imported late: only this reader needs it.
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    with expecting(path, "a MATLAB file of piano rolls"):
        try:
            content = loadmat(path)
        except (MatReadError, NotImplementedError) as error:
            raise ValueError(str(error)) from error
        return {split: list(content[f"{split}data"][0]) for split in SPLITS}


def _chords(path: Path, matrix: Array, config: Config) -> Iterator[Chord]:
    notes = config.highest - config.lowest + 1
    if matrix.ndim != 2 or matrix.shape[1] != notes or not np.isin(matrix, (0, 1)).all():
        raise unexpected(path, f"a piece is no matrix of 0 and 1 with {notes} columns")
    for frame in matrix:
        yield tuple(int(note) + config.lowest for note in np.flatnonzero(frame))


def expectations(config: Config) -> list[Expectation]:
    """Range, and how many notes sound at once."""
    return part_expectations(config)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Rolls (pieces, longest, notes) of 0 and 1, silent behind their ``lengths``, a split."""
    return encoded_rolls(config, table)
