"""Running text from a folder of plain documents, whose printed lines are joined again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from repertoire.config import ConfigError, Natural
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, members
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.running_text.encoding import Running, encode_stream

KIND = "running_text"
PAGE = re.compile(r"\s*- \d+ -\s*")  # a page's number on a line of its own
SENTENCE_END = (".", "”", ":")


@dataclass(frozen=True)
class Config:
    """Whole documents are held out. ``script`` is what a line must hold some of to be kept."""

    members: str
    script: str
    full_line: Natural  # characters from which a printed line was broken, not ended
    text: Running
    valid: tuple[str, ...]
    test: tuple[str, ...]
    identity_words: Natural  # shorter paragraphs are formulae that recur everywhere


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a paragraph, in the order of the documents' names."""
    path = files["documents"]
    rows, names = [], []
    for member, content in members(path, config.members):
        name = PurePosixPath(member).stem
        names.append(name)
        with expecting(path, f"UTF-8 in {member}"):
            text = content.decode("utf-8")
        for paragraph in paragraphs(text, config.full_line):
            if re.search(config.script, paragraph):
                rows.append((name, paragraph))
    for name in (*config.valid, *config.test):
        if name not in names:
            raise ConfigError(f"held-out document {name!r} is not in {path.name}; there: {names}")
    table = pd.DataFrame(rows, columns=["document", "text"])
    held = {**dict.fromkeys(config.valid, "valid"), **dict.fromkeys(config.test, "test")}
    table["split"] = table["document"].map(held).fillna("train")
    table["words"] = [len(text.split()) for text in table["text"]]
    table["characters"] = table["text"].str.len()
    table["key"] = table["text"].where(table["words"] >= config.identity_words, None)
    return table


def paragraphs(text: str, full_line: int) -> Iterator[str]:
    """Paragraphs with single spaces; a full line goes on in the next one that is not indented.

    A word broken at the end of a line is whole again, for the line's own last space tells whether
    it was broken.
    """
    so_far = ""
    goes_on = False
    for line in text.replace("\r", "").split("\n"):
        if not line.strip() or PAGE.fullmatch(line):
            continue
        if not (goes_on and not line[0].isspace()):
            if so_far:
                yield " ".join(so_far.split())
            so_far = ""
        so_far += line
        goes_on = len(line) >= full_line and not line.rstrip().endswith(SENTENCE_END)
    if so_far:
        yield " ".join(so_far.split())


def expectations(config: Config) -> list[Expectation]:
    """Script, and enough text."""
    return [
        expect(
            "every paragraph is in the script of its language",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=config.script,
        ),
        expect(
            "a paragraph has no control characters and no damaged ones",
            "ExpectColumnValuesToNotMatchRegex",
            column="text",
            regex="[\\x00-\\x1f�]",
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
