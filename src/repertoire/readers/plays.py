"""Running text from a folder of plays and poems: language models, by word or by character."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from repertoire.config import ConfigError, Natural
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, members
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.running_text.encoding import Running, encode_stream

KIND = "running_text"


@dataclass(frozen=True)
class Config:
    """Whole works are held out, so no test line is a neighbour of a training line."""

    members: str
    suffix: str
    text: Running
    valid: tuple[str, ...]
    test: tuple[str, ...]
    identity_words: Natural  # shorter passages are stock phrases ("Exeunt.") that recur everywhere


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a passage: the lines between two blank lines."""
    path = files["plays"]
    rows = []
    names = []
    for member, content in members(path, config.members):
        work = PurePosixPath(member).name.removesuffix(config.suffix)
        names.append(work)
        with expecting(path, f"ASCII in {member}"):
            text = content.decode("ascii").replace("\r", "").replace("_", "")
        for passage in re.split(r"\n\s*\n", text):
            lines = [" ".join(line.split()) for line in passage.split("\n")]
            if clean := "\n".join(line for line in lines if line):
                rows.append((work, clean))
    for work in (*config.valid, *config.test):
        if work not in names:
            raise ConfigError(f"held-out work {work!r} is not in {path.name}; there are: {names}")
    table = pd.DataFrame(rows, columns=["work", "text"])
    held = {**dict.fromkeys(config.valid, "valid"), **dict.fromkeys(config.test, "test")}
    table["split"] = table["work"].map(held).fillna("train")
    table["words"] = [len(text.split()) for text in table["text"]]
    table["characters"] = table["text"].str.len()
    keys = table["text"].str.lower().str.replace(r"\W+", " ", regex=True)
    table["key"] = keys.where(table["words"] >= config.identity_words, None)
    return table


def expectations(config: Config) -> list[Expectation]:
    """Alphabet, and enough text."""
    return [
        expect(
            "the alphabet is printable ASCII",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=r"^[\n\x20-\x7e]+$",
        ),
        expect(
            "the corpus is large enough to learn from",
            "ExpectColumnSumToBeBetween",
            column="words",
            min_value=20 * config.identity_words,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """A stream of ids a split."""
    return encode_stream(table, config.text)
