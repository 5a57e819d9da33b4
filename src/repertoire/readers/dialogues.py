"""Short questions with answers, as running text: the Korean chatbot data of Song (2018)."""

import io
from dataclasses import dataclass

import pandas as pd

from repertoire.config import ConfigError, Count, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting
from repertoire.data.splits import cleaned, split_of_groups
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.running_text.encoding import Running, encode_stream

KIND = "running_text"


@dataclass(frozen=True)
class Config:
    """``question`` and ``answer`` are columns of a CSV file; ``longest`` bounds both together."""

    question: str
    answer: str
    longest: Count
    seed: Seed
    valid_share: Share
    test_share: Share
    text: Running


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row an exchange: the question, a line break, the answer; shuffled by the seed.

    A question counts once, and all questions with one answer are in one split, because variants of
    a question are answered alike.
    """
    with expecting(files["dialogues"], "a table in UTF-8"):
        content = files["dialogues"].read_text(encoding="utf-8")
        given = pd.read_csv(io.StringIO(content), keep_default_na=False)
    if missing := {config.question, config.answer} - set(given.columns):
        raise ConfigError(f"config: no column {sorted(missing)[0]!r}; there: {list(given.columns)}")
    asked, answered = (given[name].map(cleaned) for name in (config.question, config.answer))
    table = pd.DataFrame({"text": asked + "\n" + answered, "question": asked, "key": answered})
    table = table.drop_duplicates("question").sample(frac=1, random_state=config.seed)
    table["split"] = split_of_groups(
        table["key"], config.seed, config.valid_share, config.test_share
    )
    return table.reset_index(drop=True)


def expectations(config: Config) -> list[Expectation]:
    """Lengths, and a question and an answer in each row."""
    return [
        expect(
            f"an exchange has 3 to {config.longest} characters",
            "ExpectColumnValueLengthsToBeBetween",
            column="text",
            min_value=3,
            max_value=config.longest,
        ),
        expect(
            "an exchange is a question and an answer, a line each",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=r"^[^\x00-\x1f]+\n[^\x00-\x1f]+$",
        ),
        expect("no question occurs twice", "ExpectColumnValuesToBeUnique", column="question"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """A stream of ids a split."""
    return encode_stream(table, config.text)
