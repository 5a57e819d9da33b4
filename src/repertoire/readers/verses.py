"""Single lines of plays and poems: short sentences to be kept as vectors and written again.

Lines are those of the reader of plays, told apart by the words in them alone. Only lines that
consist of frequent words are kept, so that a small net can learn to write them in seconds.
"""

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from repertoire.config import Count
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files
from repertoire.data.text import WORDS
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.sentences.encoding import encode_sentences
from repertoire.readers import plays

KIND = "sentences"


@dataclass(frozen=True)
class Config:
    """``plays`` as for the reader of plays.

    Lines of ``shortest`` to ``longest`` tokens, signs included, are kept if each is among the most
    frequent tokens of the training works, as many as the vocabulary holds. ``known`` is how many
    of the training lines, evenly spaced, a client can be shown.
    """

    plays: plays.Config
    shortest: Count
    longest: Count
    known: Count


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a distinct line; a line that recurs stays where it came first."""
    passages = plays.tabulate(config.plays, files)
    lines = passages.assign(text=passages["text"].str.split("\n")).explode("text")
    # Names of speakers and headings stand in capitals.
    table = lines[lines["text"].str.contains("[a-z]")].drop(columns=["words", "characters"])
    table["key"] = table["text"].str.lower().str.replace(r"\W+", " ", regex=True).str.strip()
    tokens = table["text"].str.lower().str.findall(WORDS)
    table["tokens"] = tokens.map(len)
    train = tokens[table["split"] == "train"]
    most = Counter(token for line in train for token in line)
    frequent = {token for token, _ in most.most_common(config.plays.text.vocabulary)}
    known = tokens.map(lambda line: frequent.issuperset(line))
    kept = known & table["tokens"].between(config.shortest, config.longest) & (table["key"] != "")
    return table[kept].drop_duplicates("key").reset_index(drop=True)


def expectations(config: Config) -> list[Expectation]:
    """Lengths, alphabet, and lines that are no headings and differ."""
    return [
        expect(
            f"a line has {config.shortest} to {config.longest} tokens",
            "ExpectColumnValuesToBeBetween",
            column="tokens",
            min_value=config.shortest,
            max_value=config.longest,
        ),
        expect(
            "the alphabet is printable ASCII, without line breaks",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=r"^[\x20-\x7e]+$",
        ),
        expect(
            "a line holds a small letter, so it is no heading",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=r"[a-z]",
        ),
        expect("no line occurs twice", "ExpectColumnValuesToBeUnique", column="key"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Rows of token ids, and the lines that a client can be shown."""
    rows = {split: table.loc[table["split"] == split, "text"].to_list() for split in SPLITS}
    return encode_sentences(rows, config.plays.text, config.known)
