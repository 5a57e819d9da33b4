"""Which columns of a table are the text and its label, and how texts become tokens."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from repertoire.config import ConfigError
from repertoire.data.doors import Fact, OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.splits import NAMES
from repertoire.data.tables import Table
from repertoire.kinds.labelled_texts.encoding import Texts

LABELS = ("label", "labels", "class", "category", "target", "sentiment", "tag", "topic", "intent")
SPLITS = ("split", "set", "partition", "fold", "subset")
LONGEST = 2000  # characters of a text that a classifier reads at most
# Writing without spaces, or with words that take many endings: pieces of words, not words.
PIECES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u0e00-\u0e7f]")


def chosen_columns(
    table: Table, options: Mapping[str, str], facts: list[Fact]
) -> tuple[str, str, str]:
    """The columns of texts, labels and splits ("" for none); the reasons join ``facts``.

    Raises OptionNeeded where two would do, ConfigError for a column that is not there.
    """
    frame, columns = table.frame, table.columns
    for option in ("text", "label", "split"):
        if options.get(option) and options[option] not in columns:
            raise ConfigError(
                f"--{option} {options[option]}: no such column; there are: {', '.join(columns)}"
            )
    facts.append(Fact("format", "; ".join(table.formats)))
    about = "about " if table.sampled else ""
    facts.append(Fact("rows", f"{about}{table.rows:,}, columns: {', '.join(columns)}"))
    split, words = _split_column(frame, columns, options)
    text, why = _text_column(frame, [c for c in columns if c != split], options)
    facts.append(Fact("texts", f"column {text!r}, {why}"))
    label, why = _label_column(frame, [c for c in columns if c not in (text, split)], options)
    facts.append(Fact("labels", f"column {label!r}, {why}"))
    if words:
        facts.append(Fact("split", words))
    return text, label, split


def _text_column(
    frame: pd.DataFrame, columns: list[str], options: Mapping[str, str]
) -> tuple[str, str]:
    if options.get("text"):
        return options["text"], "as you said"
    labels = {options.get("label", ""), *LABELS}
    texts = [c for c in columns if c.lower() not in labels and _is_text(frame[c])]
    if len(texts) > 1:
        raise OptionNeeded(
            f"{len(texts)} columns could be the text: {', '.join(texts)}; say which: "
            f"--text {texts[0]}"
        )
    if not texts:
        raise OptionNeeded(
            f"no column looks like text; there are: {', '.join(columns)}; say which: "
            f"--text {columns[0] if columns else 'COLUMN'}"
        )
    return texts[0], "the only one that holds text"


def _is_text(column: pd.Series) -> bool:
    """Whether a column holds texts rather than names, numbers, dates or addresses."""
    cells = column[column.notna()].head(1000)
    if not len(cells) or not all(isinstance(cell, str) for cell in cells.head(20)):
        return False
    cells = cells.astype(str)
    words = cells.str.count(r"\S+").mean()
    signs = cells.str.len().mean()
    letters = cells.str.count(r"[^\W\d_]").sum() / max(1, cells.str.len().sum())
    links = cells.str.match(r"\w+://\S*$").mean()
    distinct = cells.nunique() / len(cells)
    long = words >= 3 or signs >= 12
    return bool(long and letters > 0.3 and links < 0.5 and distinct > 0.3)


def _label_column(
    frame: pd.DataFrame, columns: list[str], options: Mapping[str, str]
) -> tuple[str, str]:
    if options.get("label"):
        return options["label"], "as you said"
    counts = {c: _distinct(frame[c]) for c in columns}
    fitting = [c for c in columns if 2 <= counts[c] <= min(1000, max(2, len(frame) // 3))]
    named = [c for c in fitting if c.lower() in LABELS]
    if len(named) == 1:
        return named[0], f"called so, with {counts[named[0]]:,} different values"
    if len(fitting) == 1 and not named:
        return fitting[0], f"the only one with few values ({counts[fitting[0]]:,})"
    if named or fitting:
        which = named or fitting
        raise OptionNeeded(
            f"{len(which)} columns could be the label: {', '.join(which)}; say which: "
            f"--label {which[0]}"
        )
    raise OptionNeeded(
        f"no column looks like labels (2 to 1,000 values that recur); there are: "
        f"{', '.join(columns) or 'none'}; say which: --label COLUMN"
    )


def _distinct(column: pd.Series) -> int:
    cells = column[column.notna()]
    if len(cells) and not isinstance(cells.iloc[0], str | int | bool | float):
        cells = cells.map(repr)
    return int(cells[cells.astype(str) != ""].nunique())


def _split_column(
    frame: pd.DataFrame, columns: list[str], options: Mapping[str, str]
) -> tuple[str, str]:
    """A column that holds nothing but names of splits."""
    named = [options["split"]] if options.get("split") else columns
    for column in named:
        if not options.get("split") and column.lower() not in SPLITS:
            continue
        values = {str(value).strip().lower() for value in frame[column].dropna().unique()}
        if values and values <= set(NAMES):
            return column, f"column {column!r}: {', '.join(sorted(values))}"
        if options.get("split"):
            wrong = sorted(values - set(NAMES))[0]
            raise SourceError(f"column {column!r}: {wrong!r} is none of: train, valid, test")
    return "", ""


def classes_fact(counts: pd.Series, fewest: int) -> Fact:
    """The classes by size, and those that are too small to learn and to test."""
    named = counts[counts.index != ""]
    shown = [f"{label} {count:,}" for label, count in named.head(8).items()]
    words = f"{len(named):,}: {', '.join(shown)}{' …' if len(named) > 8 else ''}"
    if rare := [str(label) for label, count in named.items() if count < fewest]:
        words += f"; too rare to test (fewer than {fewest} texts): {', '.join(rare[:5])}"
    return Fact("classes", words)


def text_settings(texts: pd.Series, rows: int, options: Mapping[str, str]) -> tuple[Texts, Fact]:
    """How texts become tokens, by their writing, their lengths and how many there are."""
    known = [str(text) for text in texts.head(5000) if text]
    letters = "".join(known[:500])
    pieces = len(PIECES.findall(letters)) > 0.2 * max(1, len(letters))
    level: Any = options.get("level", "subword" if pieces else "word")
    if level not in ("word", "character", "subword"):
        raise ConfigError(f"--level {level}: say word, character or subword")
    lengths = sorted(map(len, known))
    most = lengths[int(0.99 * (len(lengths) - 1))] if lengths else 1
    longest = min(LONGEST, max(50, -(-most // 50) * 50))
    vocabulary = 4000 if rows < 5000 else 10_000 if rows < 100_000 else 20_000
    cut = sum(length > longest for length in lengths)
    why = "the writing has no spaces or many endings" if pieces else "words stand apart by spaces"
    said = "as you said" if options.get("level") else why
    words = (
        f"{level}s ({said}), at most {vocabulary:,} of them; median length "
        f"{lengths[len(lengths) // 2] if lengths else 0} characters"
    )
    if cut:
        words += f", {100 * cut / len(lengths):.1f} % are cut at {longest:,}"
    return Texts(level, level != "character", vocabulary, longest), Fact("tokens", words)


def split_facts(rows: pd.DataFrame, table: pd.DataFrame, config: Mapping[str, Any]) -> list[Fact]:
    """How many texts each split gets and why, and how many rows were duplicates."""
    counts = table["split"].value_counts()
    sizes = ", ".join(f"{split} {counts.get(split, 0):,}" for split in ("train", "valid", "test"))
    given = (rows["split"].fillna("") != "").any()
    why = (
        f"as the {'column' if config['split'] else 'files'} say"
        if given
        else f"drawn by seed {config['seed']} within each class, equal texts in one split"
    )
    if given and not (rows["split"] == "valid").any():
        why += f"; {config['valid_share']:.0%} of training validates"
    usable = (rows["text"].fillna("") != "") & (rows["label"].astype(str) != "")
    doubles = int(usable.sum()) - len(table)
    return [
        Fact("split", f"{sizes}: {why}"),
        Fact("duplicates", f"{doubles:,} rows repeat a text" if doubles > 0 else "none"),
    ]
