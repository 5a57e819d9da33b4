"""Running text in anybody's files, to learn vectors of its words from; lines are passages."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from repertoire.data.dataset import Encoded
from repertoire.data.doors import Fact, OptionNeeded, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation
from repertoire.kinds.word_vectors.encoding import WORD, encode_words
from repertoire.readers import text_files

KIND = "word_vectors"
OPTIONS: Mapping[str, str] = {
    **text_files.OPTIONS,
    "level": "word, or spaced: words are cut at spaces alone",
}
LEAST_WORDS = 20  # different ones, of which each occurs often enough
OFTEN = 5  # times that a word of a large text must occur
ENOUGH = 200_000  # words of a text from which on each must occur so often
LARGEST = 30_000
NOT_JUDGED = "no pairs or questions of words that people have judged come with these texts"


@dataclass(frozen=True)
class Config:
    """``texts`` as for the reader of text files."""

    texts: text_files.Config


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a line."""
    return text_files.tabulate(config.texts, files)


def expectations(config: Config) -> list[Expectation]:
    """Those of text files."""
    return text_files.expectations(config.texts)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Word ids a split, and the counts of the words; raises SourceError for too few words."""
    encoded = encode_words(table, config.texts.text)
    words = encoded.facts["vocabulary"] - 2
    if words < LEAST_WORDS:
        raise SourceError(
            f"{words} different words; vectors need at least {LEAST_WORDS}: give more text"
        )
    counts = table["split"].value_counts()
    encoded.facts["rows"] = {split: int(counts[split]) for split in text_files.LEAST}
    judged = ("analogies_percent", "wordsim353_spearman_percent", "simlex999_spearman_percent")
    encoded.facts["left_out"] = dict.fromkeys(judged, NOT_JUDGED)
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """What the files are, how they are split, and which words get a vector."""
    from repertoire.readers.helpers.texts.levels import flag, whole
    from repertoire.readers.helpers.texts.proposal import (
        estimated_rows,
        look,
        proposed_table,
        table_facts,
    )

    looked = look(raw, options)
    table, config = proposed_table(looked, options)
    train = table.loc[table["split"] == "train", "text"].tolist()
    level, reason = level_of(train, options)
    lowercase = flag(options, "lowercase", level == "word")
    size, which = vocabulary_of(train, level, lowercase)
    size = whole(options, "vocabulary", 3, size)
    running = {"level": level, "lowercase": lowercase, "vocabulary": size}
    running |= {"nbest_lists": 0, "nbest_choices": 2}
    small = ", small letters" if lowercase else ""
    return Proposal(
        reader="word_texts",
        config={"texts": {**config, "text": running}},
        baseline=BASELINE,
        facts=[
            *looked.facts,
            *table_facts(looked, table, config),
            Fact("words", f"{level}{small}: {reason} (--level word|spaced)"),
            Fact("vocabulary", f"{size:,} with two signs of no word: {which} (--vocabulary N)"),
        ],
        sample=table,
        rows=estimated_rows(looked, table, config),
    )


def level_of(lines: Sequence[str], options: Mapping[str, str]) -> tuple[str, str]:
    """Raises OptionNeeded for a script without spaces whose words are not set apart."""
    from repertoire.readers.helpers.texts.levels import chosen, script_of

    if asked := chosen(options, "level", ("word", "spaced")):
        return asked, "as asked for"
    text = "\n".join(lines)
    script, words = script_of(text), text.split()
    if script.spaceless > 0.3:
        if len(text) > 6 * len(words):
            raise OptionNeeded(
                f"the text is in {script.name}; set its words apart by a space with a program that "
                "cuts words, and say: --level spaced"
            )
        return "spaced", "words that are set apart by spaces already"
    return "word", f"{len(words):,} words of the sample, set apart by spaces and signs"


def vocabulary_of(lines: Sequence[str], level: str, lowercase: bool) -> tuple[int, str]:
    """How many words occur often enough, two special ones included."""
    text = "\n".join(lines)
    text = text.lower() if lowercase else text
    words = text.split() if level == "spaced" else re.findall(WORD, text)
    counts = Counter(words)
    least = OFTEN if len(words) >= ENOUGH else 2
    often = sum(count >= least for count in counts.values())
    return max(3, min(LARGEST, often) + 2), f"words that occur {least} times or more"


BASELINE: Mapping[str, Any] = {
    "sampling": {"window": 5, "negatives": 5, "noise_power": 0.75, "subsample": 0.001},
    "width": 64,
    "powers": [0.75, 1.0],
    "eigenvalue_powers": [0.0, 0.5, 1.0],
    "priors": [1000.0, 5000.0, 20_000.0, 80_000.0],
    "exponents": [0.25, 0.5, 1.0, 2.0],
}
