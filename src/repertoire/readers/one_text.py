"""One plain text whose end is held out, to the character: tiny Shakespeare (Karpathy 2015)."""

from dataclasses import dataclass

import pandas as pd

from repertoire.config import Natural, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.running_text.encoding import Running, encode_stream

KIND = "running_text"


@dataclass(frozen=True)
class Config:
    """Shares of the text's characters, in its order: train, ``valid_share``, ``test_share``."""

    valid_share: Share
    test_share: Share
    text: Running
    identity_words: Natural  # shorter lines are stock phrases that recur


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a line, empty ones too; a line that is cut by a split's start is two rows."""
    with expecting(files["text"], "text in UTF-8"):
        text = files["text"].read_bytes().decode("utf-8")
    test = int(len(text) * (1 - config.test_share))
    valid = int(len(text) * (1 - config.test_share - config.valid_share))
    parts = {"train": text[:valid], "valid": text[valid:test], "test": text[test:]}
    # The end token of the last line stands for its line break.
    rows = [(s, line) for s, part in parts.items() for line in part.removesuffix("\n").split("\n")]
    table = pd.DataFrame(rows, columns=["split", "text"])
    table["characters"] = table["text"].str.len()
    words = table["text"].map(lambda text: len(text.split()))
    table["key"] = table["text"].where(words >= config.identity_words, None)
    return table


def expectations(config: Config) -> list[Expectation]:
    """No signs that cannot be printed."""
    return [
        expect(
            "a line has no control characters",
            "ExpectColumnValuesToNotMatchRegex",
            column="text",
            regex=r"[\x00-\x1f]",
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """A stream of ids a split."""
    return encode_stream(table, config.text)
