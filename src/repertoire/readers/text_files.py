"""Running text in anybody's files: plain text, or one column of a table whose rows are documents.

Each line is a row. A split is named by a file or folder (train, valid, test), or held out: whole
files where there are many, else the end of each file, or rows of a table by seeded draw.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from repertoire.config import Count, Natural, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.running_text.encoding import Running, encode_stream
from repertoire.readers.helpers.texts.documents import (
    Document,
    files_below,
    is_table,
    other_format,
    read_documents,
    shortened,
    unprintable,
)
from repertoire.readers.helpers.texts.splits import Shares, divided, without_known_lines

KIND = "running_text"
OPTIONS: Mapping[str, str] = {
    "text": "the column of a table that holds the texts, one document a row",
    "level": "tokens: word, character, subword, or spaced (cut at spaces alone)",
    "vocabulary": "how many tokens at most",
    "lowercase": "yes or no: whether capital letters are read as small ones",
    "encoding": "of the files, where it is not told rightly, such as cp949",
    "megabytes": "how much text is used at most",
    "valid-share": "share of the text held out for validation",
    "test-share": "share of the text held out for the test",
    "seed": "of the draw of files or rows that are held out",
    "known-lines": "drop or keep: long lines of a held-out split that training has too",
    "on-bad-row": "fail or drop: lines that hold no text but damage",
}
LEAST = {"train": 1000, "valid": 100, "test": 100}  # characters
MEGABYTE = 10**6


@dataclass(frozen=True)
class Config:
    """``column`` of a table holds the texts; "" for plain text files.

    ``encoding`` is told by each file where it is "". Of more than ``megabytes`` of files, the
    beginning of each is used. ``splits`` says what decides: the ``names`` of files, folders or of a
    column ``split``; whole ``files`` or ``rows`` drawn by ``seed``; the ``ends`` of files. A split
    that no name gives is taken from training by its share. Lines of more than ``longest_line``
    characters are cut. Lines of ``identity_characters`` or more that an earlier split has are
    dropped from a held-out one, or kept.
    """

    column: str
    encoding: str
    megabytes: Count
    splits: Literal["names", "files", "ends", "rows"]
    valid_share: Share
    test_share: Share
    seed: Seed
    longest_line: Count
    identity_characters: Natural
    known_lines: Literal["drop", "keep"]
    bad_rows: BadRowRule
    text: Running


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a line, or a document of a table; in the order of the files' names."""
    return lines_table(config, read_texts(config, files["raw"], config.megabytes * MEGABYTE))


def read_texts(config: Config, raw: Path, most_bytes: int) -> Iterator[Document]:
    """The documents that ``config`` names, each with its lines."""
    if config.column:
        from repertoire.readers.helpers.texts.document_columns import read_column

        return iter(read_column(raw, config.column, config.encoding, most_bytes))
    kept = [file for file in files_below(raw) if not is_table(file) and not other_format(file)]
    named = [file for file in kept if file.split]
    return read_documents(named if config.splits == "names" else kept, most_bytes, config.encoding)


def lines_table(config: Config, documents: Iterator[Document]) -> pd.DataFrame:
    """The table of the documents; raises SourceError for bad lines, and for too little text."""
    bad, rows, rowwise = BadRows(config.bad_rows), [], bool(config.column)
    for document in documents:
        for number, why in document.bad:
            bad.add(document.name, number, why)
        for number, line in zip(document.numbers, document.lines, strict=True):
            reason = unprintable(line) or ("no text" if rowwise and not line.strip() else None)
            if reason:
                bad.add(document.name, number, reason)
            else:
                pieces = [line] if rowwise else shortened(line, config.longest_line)
                rows += [(document.name, document.split, piece) for piece in pieces]
    table = pd.DataFrame(rows, columns=["file", "split", "text"])
    shares = Shares(config.valid_share, config.test_share, config.seed)
    table = divided(table, config.splits, shares, rowwise)
    table["characters"] = table["text"].str.len().astype(int)
    table = without_known_lines(table, config.identity_characters, config.known_lines == "drop")
    refuse_little(table)
    return bad.checked(table)


def refuse_little(table: pd.DataFrame) -> None:
    """Raises SourceError where a split holds less text than anything can be learned from."""
    known = table.attrs["known_lines"]
    for split, least in LEAST.items():
        held = int(table.loc[table["split"] == split, "text"].str.strip().str.len().sum())
        if held < least:
            dropped = f" without {known:,} lines that an earlier split has" if known else ""
            raise SourceError(
                f"{held:,} characters of text for {split}{dropped}; at least {least:,} are needed "
                f"there ({sum(LEAST.values()):,} in all for the three splits): give more text"
                f"{', or keep them (--known-lines keep)' if known else ''}"
            )


def expectations(config: Config) -> list[Expectation]:
    """Lines that can be printed, of bounded length, and enough of them in each split."""
    lengths = [] if config.column else [config.longest_line]
    return [
        expect(
            "a line has no control characters and no damaged ones",
            "ExpectColumnValuesToNotMatchRegex",
            column="text",
            regex="[\x00-\x08\x0b-\x1f\x7f\ufffd]",
        ),
        *(
            expect(
                f"a line has at most {longest:,} characters",
                "ExpectColumnValuesToBeBetween",
                column="characters",
                max_value=longest,
            )
            for longest in lengths
        ),
        *(
            expect(
                f"{split} has at least {least:,} characters",
                "ExpectColumnSumToBeBetween",
                column="characters",
                min_value=least,
                row_condition=f'split == "{split}"',
                condition_parser="pandas",
            )
            for split, least in LEAST.items()
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """A stream of ids a split; the facts name a prompt, and what is not measured and why."""
    encoded = encode_stream(table, config.text)
    counts = table["split"].value_counts()
    encoded.facts["rows"] = {split: int(counts[split]) for split in LEAST}
    encoded.facts["prompt"] = prompt(table)
    if not encoded.facts["nbest_lists"]["test"]:
        encoded.facts["left_out"] = {
            "rescored_accuracy_percent": "n-best lists confuse words of letters that are spelled "
            "alike; these tokens have none, or too few"
        }
    return encoded


def prompt(table: pd.DataFrame) -> str:
    """The first words of the first validation line that has some: what is continued in figures."""
    for line in table.loc[table["split"] == "valid", "text"]:
        first = line.strip().split("\n")[0]
        if len(first) >= 8:
            words = first.split(" ")
            start = " ".join(words[:3])
            return start if 4 <= len(start) <= 40 else first[:10]
    return ""


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """What the files are, how they are split, and which tokens suit them."""
    from repertoire.readers.helpers.texts.proposal import proposal

    return proposal(raw, options)
