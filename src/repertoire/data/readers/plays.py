"""Running text from a folder of plays and poems: language models, by word or by character."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from repertoire.config import ConfigError
from repertoire.contract import Arrays
from repertoire.data.confusions import nbest_lists
from repertoire.data.dataset import SPLITS, Encoded, TextEncoding
from repertoire.data.sources import members
from repertoire.data.text import END, UNKNOWN, Level, text_encoding
from repertoire.data.validation import Expectation, expect


@dataclass(frozen=True)
class Config:
    """Whole works are held out, so no test line is a neighbour of a training line."""

    members: str
    suffix: str
    level: Level
    lowercase: bool
    vocabulary: int
    valid: tuple[str, ...]
    test: tuple[str, ...]
    identity_words: int  # shorter passages are stock phrases ("Exeunt.") that recur everywhere
    nbest_lists: int  # lines of each held-out split to rescore; 0 for none
    nbest_choices: int


def tabulate(config: Config, path: Path) -> pd.DataFrame:
    """One row a passage: the lines between two blank lines."""
    rows = []
    names = []
    for member, content in members(path, config.members):
        work = PurePosixPath(member).name.removesuffix(config.suffix)
        names.append(work)
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
    """Lengths, alphabet, and enough text in every work."""
    return [
        expect(
            "a passage has 1 to 2,000 words",
            "ExpectColumnValuesToBeBetween",
            column="words",
            min_value=1,
            max_value=2000,
        ),
        expect(
            "passages are neither all titles nor all speeches",
            "ExpectColumnMeanToBeBetween",
            column="words",
            min_value=5,
            max_value=100,
        ),
        expect(
            "the alphabet is printable ASCII",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=r"^[\n\x20-\x7e]+$",
        ),
        expect(
            "no markup of the publisher is left",
            "ExpectColumnValuesToNotMatchRegex",
            column="text",
            regex=r"(?i)gutenberg|copyright|https?:",
        ),
        expect(
            "the corpus is large enough to learn from",
            "ExpectColumnSumToBeBetween",
            column="words",
            min_value=20 * config.identity_words,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """A stream of ids a split; every line ends with the end token, id 0."""
    train = table.loc[table["split"] == "train", "text"]
    content = text_encoding(
        train, config.level, config.vocabulary, (END, UNKNOWN), config.lowercase
    )
    encoding = TextEncoding(content)
    arrays = {s: _stream(encoding, table.loc[table["split"] == s, "text"]) for s in SPLITS}
    for split in ("valid", "test"):
        stream = arrays[split]["tokens"]
        lists = nbest_lists(encoding, stream, config.nbest_lists, config.nbest_choices)
        arrays[f"nbest_{split}"] = lists
    unknown = content["unknown"]
    test = arrays["test"]["tokens"]
    facts = {
        "kind": "stream",
        "level": config.level,
        "vocabulary": encoding.tokenizer.get_vocab_size(),
        "tokens": {s: int(arrays[s]["tokens"].size) for s in SPLITS},
        "nbest_lists": {s: len(arrays[f"nbest_{s}"]["truth"]) for s in ("valid", "test")},
        "unknown_share_test": round(float(np.mean(test == unknown)), 5),
    }
    return Encoded(arrays, facts, {"text": content})


def _stream(encoding: TextEncoding, passages: "pd.Series[str]") -> Arrays:
    # The tokenizer drops line breaks of words but keeps those of characters: encode by line.
    lines = "\n".join(passages).split("\n")
    ids = [[*e.ids, encoding.end] for e in encoding.tokenizer.encode_batch(lines)]
    return {"tokens": np.concatenate(ids).astype(np.int32)}
