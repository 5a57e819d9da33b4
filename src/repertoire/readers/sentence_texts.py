"""Short sentences of anybody's text: lines, or what ends with a full stop, each once."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from repertoire.config import ConfigError, Count, Share, parse
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import Fact, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.text import WORDS, Level
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.sentences.baselines import QUESTION_MARKS
from repertoire.kinds.sentences.encoding import encode_sentences
from repertoire.readers import text_files
from repertoire.readers.helpers.texts.splits import same_words

KIND = "sentences"
OPTIONS: Mapping[str, str] = {
    **text_files.OPTIONS,
    "level": "tokens: word or character",
    "shortest": "tokens of a sentence at least; 3 or more",
    "longest": "tokens of a sentence at most",
}
LEAST = {"train": 100, "valid": 10, "test": 10}  # sentences
FEWEST_QUESTIONS = 10  # of training and of each held-out split, and as many others
# After a full stop and a space; in writing without spaces, after the stop itself.
END_OF_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*|\n")
SHORTEST = 3  # tokens: a sentence without one of them must still be told from others
NO_QUESTIONS = "too few sentences end with a question mark, or too few do not"


@dataclass(frozen=True)
class Config:
    """``texts`` as for the reader of text files.

    Sentences of ``shortest`` to ``longest`` tokens are kept, of which at most ``unknown_share`` are
    not among the most frequent ones of training, as many as the vocabulary holds. ``known`` is how
    many of the training sentences, evenly spaced, a client can be shown.
    """

    texts: text_files.Config
    shortest: Count
    longest: Count
    unknown_share: Share
    known: Count

    def __post_init__(self) -> None:
        if not SHORTEST <= self.shortest <= self.longest:
            raise ConfigError(
                f"config.shortest: {self.shortest}; from {SHORTEST} to longest ({self.longest})"
            )
        if self.texts.text.level not in ("word", "character"):
            raise ConfigError(f"config.texts.text.level: {self.texts.text.level}, not word")


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a distinct sentence, in the split in which it comes first."""
    return sentence_table(config, text_files.tabulate(config.texts, files))


def sentence_table(config: Config, lines: pd.DataFrame) -> pd.DataFrame:
    """The sentences of a table of lines; raises SourceError where they are too few."""
    pairs = zip(lines["split"], lines["text"], strict=True)
    rows = [(split, text) for split, line in pairs for text in cut(line)]
    table = pd.DataFrame(rows, columns=["split", "text"])
    reading = config.texts.text
    tokens = table["text"].map(lambda text: tokens_of(text, reading.level, reading.lowercase))
    table["tokens"] = tokens.map(len).astype(int)
    table["key"] = table["text"].map(same_words)
    fits = table["tokens"].between(config.shortest, config.longest)
    train = tokens[fits & (table["split"] == "train")]
    most = Counter(token for row in train for token in row).most_common(reading.vocabulary)
    frequent = {token for token, _ in most}
    unknown = tokens.map(lambda row: sum(token not in frequent for token in row))
    fits &= unknown <= config.unknown_share * table["tokens"]
    found = table[fits].drop_duplicates("key").reset_index(drop=True)
    counts = found["split"].value_counts()
    for split, least in LEAST.items():
        if counts.get(split, 0) < least:
            raise SourceError(
                f"{counts.get(split, 0):,} different sentences of {config.shortest} to "
                f"{config.longest} tokens for {split}; at least {least} are needed there: give "
                "more text, or other lengths (--shortest, --longest)"
            )
    found.attrs["read"] = len(table)
    return found


def cut(line: str) -> Iterator[str]:
    """The sentences of a line, with single spaces."""
    for part in END_OF_SENTENCE.split(line):
        if text := " ".join(part.split()):
            yield text


def tokens_of(text: str, level: Level, lowercase: bool) -> list[str]:
    """As the encoding will cut them."""
    text = text.lower() if lowercase else text
    return re.findall(WORDS, text) if level == "word" else list(text)


def expectations(config: Config) -> list[Expectation]:
    """Lengths, no line breaks, and each sentence once."""
    return [
        expect(
            f"a sentence has {config.shortest} to {config.longest} tokens",
            "ExpectColumnValuesToBeBetween",
            column="tokens",
            min_value=config.shortest,
            max_value=config.longest,
        ),
        expect(
            "a sentence has no control characters",
            "ExpectColumnValuesToNotMatchRegex",
            column="text",
            regex=r"[\x00-\x1f\x7f]",
        ),
        expect("no sentence occurs twice", "ExpectColumnValuesToBeUnique", column="key"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Rows of token ids, sentences that a client can be shown, and what is not measured."""
    rows = {split: table.loc[table["split"] == split, "text"].to_list() for split in SPLITS}
    encoded = encode_sentences(rows, config.texts.text, config.known)
    asked = {
        split: sum(text[-1] in QUESTION_MARKS for text in texts) for split, texts in rows.items()
    }
    if any(min(n, len(rows[split]) - n) < FEWEST_QUESTIONS for split, n in asked.items()):
        encoded.facts["left_out"] = {"question_auc_percent": NO_QUESTIONS}
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """What the files are, how they are split, and which sentences are kept."""
    from repertoire.readers.helpers.texts.proposal import (
        estimated_rows,
        look,
        proposed_table,
        table_facts,
    )

    looked = look(raw, options)
    lines, texts = proposed_table(looked, options)
    train = [s for line in lines.loc[lines["split"] == "train", "text"] for s in cut(line)]
    config = proposed_config(train, texts, options)
    known = parse(Config, config, "config")
    table = sentence_table(known, lines)
    scale = estimated_rows(looked, lines, texts) / max(1, len(lines))
    facts = [*looked.facts, *table_facts(looked, lines, texts), *sentence_facts(table, known)]
    rows = round(scale * len(table))
    return Proposal("sentence_texts", config, BASELINE, facts, table, rows)


def proposed_config(
    train: Sequence[str], texts: Mapping[str, Any], options: Mapping[str, str]
) -> dict[str, Any]:
    """Words where spaces set them apart, else characters; lengths that most sentences have."""
    from repertoire.readers.helpers.texts.levels import flag, script_of, whole

    script = script_of("\n".join(train))
    spaced = script.spaceless + script.hangul < 0.3
    level = cast(Level, options.get("level", "word" if spaced else "character"))
    lowercase = flag(options, "lowercase", level == "word")
    size, longest = settings(train, level, lowercase)
    size = whole(options, "vocabulary", 4, size)
    text = {"level": level, "lowercase": lowercase, "vocabulary": size}
    return {
        "texts": {**texts, "text": {**text, "nbest_lists": 0, "nbest_choices": 2}},
        "shortest": whole(options, "shortest", SHORTEST, SHORTEST),
        "longest": whole(options, "longest", SHORTEST, longest),
        "unknown_share": 0.1,
        "known": 4000,
    }


def sentence_facts(table: pd.DataFrame, config: Config) -> list[Fact]:
    """How many sentences are kept and why, and their tokens."""
    read, reading = table.attrs["read"], config.texts.text
    kept = (
        f"{100 * len(table) / max(1, read):.0f} % of them are kept: of {config.shortest} to "
        f"{config.longest} {reading.level}s, nearly all known, each once (--shortest N, "
        "--longest N)"
    )
    return [
        Fact("sentences", f"{read:,}, cut at line ends and full stops; {kept}"),
        Fact("tokens", f"{reading.level}s, at most {reading.vocabulary:,} (--level LEVEL)"),
    ]


def settings(sentences: Sequence[str], level: Level, lowercase: bool) -> tuple[int, int]:
    """The vocabulary, and the longest sentence: most of them, as far as a small net can write."""
    tokens = [tokens_of(text, level, lowercase) for text in sentences[:100_000]]
    lengths = sorted(len(row) for row in tokens if len(row) >= SHORTEST) or [SHORTEST]
    limit = 16 if level == "word" else 30
    longest = max(SHORTEST, min(limit, lengths[int(0.9 * (len(lengths) - 1))]))
    counts = Counter(token for row in tokens for token in row)
    return max(4, min(2000, 3 + sum(count > 1 for count in counts.values()))), longest


BASELINE: Mapping[str, Any] = {
    "width": 128,
    "powers": [0.0, 0.25],
    "widths": [64, 128],
    "windows": [1, 3],
    "orders": [2, 3, 4],
}
