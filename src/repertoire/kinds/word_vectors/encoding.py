"""Words that people have judged, beside running text: shared by readers of either.

Judgements: WordSim-353 (Finkelstein et al. 2002), SimLex-999 (Hill et al. 2015), analogies
(Mikolov et al. 2013a).
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import SourceError
from repertoire.data.text import END, UNKNOWN, text_encoding
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.running_text.encoding import Running
from repertoire.kinds.word_vectors.windows import FIRST
from repertoire.runtime.text import Encoding

TEXT, ANALOGIES = "text", "analogies"
SETS = ("wordsim353", "simlex999")
# A word keeps its inner apostrophes and hyphens; punctuation is no word.
WORD = re.compile(r"\w+(?:['\-]\w+)*|'\w+")


def judged_table(files: Mapping[str, str]) -> pd.DataFrame:
    """One row a judged pair or question of the files by set; ``score`` is 0 to 10.

    Distinct pairs are valid and test by turns, so that a pair in two sets, or twice in one, is in
    one split. Questions have no score; 0 stands for it.
    """
    rows = [row for name in SETS for row in _pairs(name, files[name])]
    rows += _questions(files[ANALOGIES])
    judged = pd.DataFrame(rows, columns=["set", "work", "text", "score", "key"])
    turn = judged["key"].map({key: n for n, key in enumerate(judged["key"].unique())})
    judged["split"] = np.where(turn % 2 == 0, "valid", "test")
    judged["words"] = [len(text.split()) for text in judged["text"]]
    judged["characters"] = judged["text"].str.len()
    return judged


def _lines(content: str) -> list[str]:
    return [line for line in content.splitlines() if line and not line.startswith("#")]


def _pairs(name: str, content: str) -> Iterator[tuple[Any, ...]]:
    for line in _lines(content):
        try:
            one, other, mean = line.split("\t")
            score = float(mean)
        except ValueError as error:
            raise SourceError(f"{name}: {line!r} is no judged pair") from error
        pair = (one.lower(), other.lower())
        yield name, name, " ".join(pair), score, " ".join(sorted(pair))


def _questions(content: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    section = ""
    for line in _lines(content):
        if line.startswith(":"):
            section = line.removeprefix(":").strip()
        else:
            rows.append((ANALOGIES, section, line.lower(), 0.0, f"{section}: {line.lower()}"))
    return rows


def beside_text(of_text: list[Expectation]) -> list[Expectation]:
    """Those of the text; two words and a mean in range for pairs; four for questions."""

    def of(condition: str, expectation: Expectation) -> Expectation:
        limits = {"row_condition": f"set {condition}", "condition_parser": "pandas"}
        return dataclasses.replace(expectation, arguments={**expectation.arguments, **limits})

    def words(meaning: str, condition: str, count: int) -> Expectation:
        pattern = rf"^\S+( \S+){{{count - 1}}}$"
        one = expect(meaning, "ExpectColumnValuesToMatchRegex", column="text", regex=pattern)
        return of(condition, one)

    return [
        *(of(f'== "{TEXT}"', each) for each in of_text),
        words("a judged pair is two words", f"in {list(SETS)}", 2),
        words("a question is four words", f'== "{ANALOGIES}"', 4),
        expect(
            "human means are between 0 and 10",
            "ExpectColumnValuesToBeBetween",
            column="score",
            min_value=0,
            max_value=10,
        ),
        expect(
            "text, both sets of pairs and questions are there",
            "ExpectColumnDistinctValuesToEqualSet",
            column="set",
            value_set=[TEXT, *SETS, ANALOGIES],
        ),
    ]


def encode_judged(table: pd.DataFrame, reading: Running) -> Encoded:
    """Word ids of the passages, and judgements of known words.

    The facts say how many pairs have no vectors.
    """
    encoded = encode_words(table[table["set"] == TEXT], reading)
    words = encoded.facts.pop("words")
    ids = {word: n for n, word in enumerate(words) if n >= FIRST}
    for split in ("valid", "test"):
        encoded.arrays[split] |= _judged(table[table["split"] == split], ids)
    judged = {name: _coverage(table, encoded.arrays, name) for name in (*SETS, ANALOGIES)}
    encoded.facts.update(judged=judged, words=words)
    return encoded


def encode_words(passages: pd.DataFrame, reading: Running) -> Encoded:
    """A stream of word ids a split, each passage ended by id 0, and counts of the training words.

    Where tokens are set apart in the text, they are words as they stand.
    """
    bare = passages["text"]
    if reading.level != "spaced":
        bare = bare.map(lambda text: " ".join(WORD.findall(text)))
    train = bare[passages["split"] == "train"]
    content = text_encoding(
        train, reading.level, reading.vocabulary, (END, UNKNOWN), reading.lowercase, "bare"
    )
    encoding = Encoding.parse(content)
    words = [encoding.token(n) for n in range(encoding.tokenizer.get_vocab_size())]
    arrays: dict[str, Arrays] = {s: _stream(encoding, bare[passages["split"] == s]) for s in SPLITS}
    counts = np.bincount(arrays["train"]["tokens"], minlength=len(words))
    facts = {
        "vocabulary": len(words),
        "tokens": {s: int(arrays[s]["tokens"].size) for s in SPLITS},
        "unknown_share_test": round(float(np.mean(arrays["test"]["tokens"] == 1)), 5),
        "words": words,
    }
    return Encoded({**arrays, "vocabulary": {"counts": counts}}, facts, {"text": content})


def _stream(encoding: Encoding, texts: "pd.Series[str]") -> Arrays:
    rows = [[*e.ids, encoding.end] for e in encoding.tokenizer.encode_batch(list(texts)) if e.ids]
    return {"tokens": np.concatenate(rows).astype(np.int32)}


def _judged(table: pd.DataFrame, ids: dict[str, int]) -> Arrays:
    """Ids of the pairs (pairs, 2) with their scores, and of the questions (questions, 4)."""
    arrays: Arrays = {}
    for name, width in ((SETS[0], 2), (SETS[1], 2), (ANALOGIES, 4)):
        rows = table[table["set"] == name]
        split = [text.split() for text in rows["text"]]
        known = [all(word in ids for word in each) for each in split]
        found = [[ids[word] for word in each] for each in np.array(split, object)[known].tolist()]
        matrix: Array = np.array(found, np.int64).reshape(-1, width)
        arrays[name if width == 4 else f"{name}_pairs"] = matrix
        if width == 2:
            arrays[f"{name}_scores"] = rows["score"].to_numpy(np.float32)[known]
    return arrays


def _coverage(table: pd.DataFrame, arrays: dict[str, Arrays], name: str) -> dict[str, int]:
    """Rows of a set, and those whose words are all known, in both splits."""
    key = name if name == ANALOGIES else f"{name}_pairs"
    known = {split: len(arrays[split][key]) for split in ("valid", "test")}
    return {"all": int((table["set"] == name).sum()), **known}
