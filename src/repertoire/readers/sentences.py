"""One sentence a line, in three files that are the splits: the Penn Treebank of Mikolov (2010)."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repertoire.config import Natural
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, expecting
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.running_text.encoding import Running, encode_stream

KIND = "running_text"


@dataclass(frozen=True)
class Config:
    """Sources are called ``train``, ``valid`` and ``test``."""

    text: Running
    identity_words: Natural  # shorter sentences recur in running text and are no leak


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a sentence, in the order of the files."""
    rows = [(split, " ".join(line.split())) for split in SPLITS for line in _lines(files[split])]
    table = pd.DataFrame(rows, columns=["split", "text"])
    table["words"] = [len(text.split()) for text in table["text"]]
    table["key"] = table["text"].where(table["words"] >= config.identity_words, None)
    return table


def _lines(path: Path) -> list[str]:
    with expecting(path, "text in UTF-8"):
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def expectations(config: Config) -> list[Expectation]:
    """No signs that cannot be printed."""
    return [
        expect(
            "a sentence has no control characters",
            "ExpectColumnValuesToNotMatchRegex",
            column="text",
            regex=r"[\x00-\x1f]",
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """A stream of ids a split."""
    return encode_stream(table, config.text)
