"""Texts with one label each, in anybody's table or in a folder of text files a class.

Tables are CSV, TSV, JSON Lines or Parquet with a column of texts and one of labels. Equal texts are
kept in one split, and every class is in every split.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Seed, Share, parse
from repertoire.data.dataset import Encoded
from repertoire.data.doors import SAMPLE_BYTES, BadRowRule, BadRows, Fact, Proposal, bad_row_rule
from repertoire.data.encodings import decoded
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import split_called, stratified_split
from repertoire.data.strings import changed, lowered, mapped, repeated
from repertoire.data.table_formats import Reading
from repertoire.data.tables import FILE, ROW, SPLIT, ignored, is_about, read_tables, table_files
from repertoire.data.validation import Expectation
from repertoire.kinds.labelled_texts.encoding import Texts, encode_labels, label_expectations
from repertoire.readers.helpers.texts.columns import (
    chosen_columns,
    classes_fact,
    split_facts,
    text_settings,
)
from repertoire.readers.helpers.texts.label_cells import is_one_line, is_told, label_text, one_line

KIND = "labelled_texts"
OPTIONS = {
    "text": "the column of texts",
    "label": "the column of labels",
    "split": "the column that says train, valid or test",
    "columns": "names of the columns of a file without a header, between commas",
    "encoding": "the encoding of text files, such as cp949",
    "delimiter": "the sign between cells of a CSV file",
    "level": "what a token is: word, character or subword",
    "on-bad-row": "fail, or drop rows that cannot be used",
}
SAMPLE_ROWS = 20_000  # from which a proposal is made, drawn from a file's beginning
FEWEST = 3  # texts of a class: one for each split
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Config:
    """``layout``: a table, or folders of .txt files that are called by their class.

    ``text``, ``label`` and ``split`` are columns of the table, ``split`` may be empty: then shares
    of each class are drawn by ``seed``. ``columns`` name those of a file without a header;
    ``encoding`` and ``delimiter`` are told by each file where they are empty. Texts longer than
    ``texts.longest`` characters are cut there.
    """

    layout: Literal["table", "folders"]
    text: str
    label: str
    split: str
    columns: tuple[str, ...]
    encoding: str
    delimiter: str
    classes: tuple[str, ...]
    bad_rows: BadRowRule
    seed: Seed
    valid_share: Share
    test_share: Share
    texts: Texts

    def __post_init__(self) -> None:
        if not 2 <= len(self.classes) <= MOST_CLASSES:
            raise ConfigError(
                f"config.classes: {len(self.classes)} classes; a classifier takes 2 to "
                f"{MOST_CLASSES:,}"
            )


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a distinct text with its label: text, label, key and split."""
    bad = BadRows(config.bad_rows)
    raw = files["raw"]
    if config.layout == "folders":
        return bad.checked(labelled_table(_folders(raw, config.encoding), config, bad))
    return bad.checked(labelled_table(_rows(raw, config, bad), config, bad))


def _rows(raw: Path, config: Config, bad: BadRows) -> pd.DataFrame:
    include = [name for name in (config.text, config.label, config.split) if name]
    reading = Reading(config.encoding, config.delimiter, config.columns, include)
    table = read_tables(table_files(raw), reading)
    for row in table.bad:
        bad.add(row.file, row.row, row.reason)
    for name in include:
        if name not in table.columns:
            raise SourceError(
                f"{table.frame[FILE].iloc[0]}: no column {name!r}; there are: "
                f"{', '.join(table.columns)}"
            )
    frame = table.frame
    own = mapped(frame[config.split], split_called) if config.split else frame[SPLIT].astype(object)
    return pd.DataFrame(
        {
            "text": frame[config.text],
            "label": frame[config.label],
            "split": own,
            "file": frame[FILE],
            "number": frame[ROW],
        }
    )


def _folders(raw: Path, encoding: str) -> pd.DataFrame:
    """One row a .txt file; its folder is its class, and a folder above that may be its split."""
    rows = []
    for path in text_files(raw):
        above = path.relative_to(raw).parts[:-1]
        splits = [split for part in above[:-1] if (split := split_called(part))]
        text, _ = decoded(path.read_bytes(), str(path.relative_to(raw)), encoding)
        rows.append((text, above[-1], splits[0] if splits else "", str(path.relative_to(raw))))
    return pd.DataFrame(rows, columns=["text", "label", "split", "file"]).assign(number=None)


def text_files(raw: Path) -> list[Path]:
    """The .txt files below folders, hidden ones passed over, in order."""
    return [
        path
        for path in sorted(raw.rglob("*.txt"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(raw).parts)
        if len(path.relative_to(raw).parts) > 1 and not is_about(path.name)
    ]


def labelled_table(rows: pd.DataFrame, config: Config, bad: BadRows) -> pd.DataFrame:
    """Cleaned texts once each, with splits; what cannot be used goes to ``bad``."""
    longest = config.texts.longest
    table = rows.assign(
        text=changed(
            rows["text"],
            lambda text: one_line(text)[:longest].strip(),
            lambda part: is_one_line(part, longest),
        ),
        label=mapped(rows["label"], label_text),
    )
    known = set(config.classes)
    usable = np.ones(len(table), bool)
    for reason, wrong in (
        ("no text", table["text"] == ""),
        ("no label", table["label"] == ""),
        ("a label that is not one of the classes", ~table["label"].isin(known | {""})),
        ("a split that is not train, valid or test", table["split"].isna()),
    ):
        for place in np.flatnonzero(wrong.to_numpy() & usable):
            row = table.iloc[place]
            bad.add(row["file"], row["number"], reason)
        usable &= ~wrong.to_numpy()
    del rows  # of which the next lines make copies
    wanted = ["text", "label", "split"]
    table = table[wanted] if usable.all() else table.loc[usable, wanted]
    table = table[~repeated(table, wanted)]
    table = table.assign(key=lowered(table["text"]))
    return _with_splits(table, config)[["text", "label", "key", "split"]].reset_index(drop=True)


def _with_splits(table: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Official splits as they are, less training texts that are in another; else by shares."""
    if not (table["split"] != "").any():
        split = stratified_split(
            table["key"], table["label"], config.seed, config.valid_share, config.test_share
        )
        return table.assign(split=split)
    held = set(table.loc[table["split"] == "test", "key"])
    table = table[(table["split"] == "test") | ~table["key"].isin(held)]
    if not (table["split"] == "valid").any():
        train = table["split"] == "train"
        drawn = stratified_split(
            table.loc[train, "key"], table.loc[train, "label"], config.seed, config.valid_share, 0
        )
        # Without a test share, the least that is drawn for testing joins what validates.
        table.loc[train, "split"] = np.where(drawn == "train", "train", "valid")
    held = set(table.loc[table["split"] == "valid", "key"])
    return table[(table["split"] != "train") | ~table["key"].isin(held)]


def expectations(config: Config) -> list[Expectation]:
    """Lengths, alphabet and known labels."""
    return label_expectations(config.texts, config.classes)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of the texts, and their labels; a batch job finds the column of texts by its name."""
    encoded = encode_labels(table, config.texts, config.classes)
    if config.text:
        encoded.encodings["text"]["column"] = config.text
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Which columns hold texts and labels, which classes there are, and how texts are split."""
    facts: list[Fact] = []
    found = BadRows(BadRowRule("drop", 1.0))
    if _is_table(raw):
        rows, place, total, counts = _look_at_table(raw, options, found, facts)
        layout = "table"
    else:
        rows, layout, total = _look_at_folders(raw, options, facts), "folders", 0
        place = {"text": "", "label": "", "split": "", "columns": [], "delimiter": ""}
        total, counts = len(rows), rows.loc[is_told(rows["text"]), "label"].value_counts()
    classes = sorted(str(label) for label, count in counts.items() if label and count >= FEWEST)
    facts.append(classes_fact(counts, FEWEST))
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise SourceError(
            f"{place['label'] or raw.name}: {len(classes):,} classes of {FEWEST} texts or more; a "
            f"classifier takes 2 to {MOST_CLASSES:,}; name another column with --label"
        )
    texts, words = text_settings(rows["text"], total, options)
    config = {
        "layout": layout,
        **place,
        "encoding": options.get("encoding", ""),
        "classes": classes,
        "bad_rows": asdict(found.rule),
        "seed": 1,
        "valid_share": 0.1,
        "test_share": 0.15,
        "texts": asdict(texts),
    }
    looked_at = len(rows) + len(found.rows)  # what the next line finds is among the rows
    sample = labelled_table(rows, parse(Config, config, "the proposal"), found)
    rule, unusable = bad_row_rule(found, looked_at, options)
    facts += [words, *split_facts(rows, sample, config), unusable]
    config["bad_rows"] = asdict(rule)
    return Proposal("labelled_table", config, _baseline(total), facts, sample, total)


def _is_table(raw: Path) -> bool:
    return not text_files(raw) or any(p.suffix.lower() == ".csv" for p in raw.iterdir())


def _look_at_table(
    raw: Path, options: Mapping[str, str], found: BadRows, facts: list[Fact]
) -> tuple[pd.DataFrame, dict[str, Any], int, pd.Series]:
    """A sample's rows, the columns chosen, the number of rows and texts a label in the whole."""
    columns = [name for name in options.get("columns", "").split(",") if name]
    reading = Reading(
        options.get("encoding", ""), options.get("delimiter", ""), columns, (), SAMPLE_BYTES
    )
    files = table_files(raw)
    table = read_tables(files, reading)
    if not len(table.frame):
        raise SourceError(f"{files[0].name}: no rows below the header; it needs texts and labels")
    for row in table.bad:
        found.add(row.file, row.row, row.reason)
    text, label, split = chosen_columns(table, options, facts)
    facts += ignored(raw)
    place = {
        "text": text,
        "label": label,
        "split": split,
        "columns": columns,
        "delimiter": options.get("delimiter", ""),
    }
    frame, total = table.frame, table.rows
    labels = frame.loc[is_told(frame[text]), label]
    if table.sampled:
        whole = read_tables(files, replace(reading, include=(label,), limit=None, few=(label,)))
        labels, total = whole.frame[label], len(whole.frame)
    if total > SAMPLE_ROWS:
        frame = frame.sample(min(SAMPLE_ROWS, len(frame)), random_state=0).sort_index()
        words = f"{len(frame):,} of the first {len(table.frame):,} rows"
        facts.append(Fact("sample", f"{words}; labels are counted in all {total:,}"))
    own = mapped(frame[split], split_called) if split else frame[SPLIT].astype(object)
    rows = pd.DataFrame({"text": frame[text], "label": frame[label], "split": own})
    rows = rows.assign(file=frame[FILE], number=frame[ROW])
    counts = labels.value_counts().loc[lambda count: count > 0].groupby(label_text).sum()
    return rows, place, total, counts.sort_values(ascending=False)


def _look_at_folders(raw: Path, options: Mapping[str, str], facts: list[Fact]) -> pd.DataFrame:
    rows = _folders(raw, options.get("encoding", ""))
    facts.append(Fact("format", f"{len(rows):,} .txt files in folders called by their class"))
    return rows


def _baseline(rows: int) -> dict[str, Any]:
    """Candidates of the linear models; fewer where texts are many and each fit takes long."""
    from repertoire.kinds.labelled_texts.baselines import Config as Candidates
    from repertoire.kinds.labelled_texts.baselines import Rival

    few = rows > 50_000
    strengths = (1.0, 4.0) if few else (0.3, 1.0, 4.0, 16.0)
    rivals = (
        Rival("nbsvm", "word", (2,) if few else (1, 2, 3), 2 if few else 1, (0.1, 1.0)),
        Rival("logistic", "word", (2,) if few else (1, 2), 2, strengths),
        Rival("svm", "char", (5,) if few else (3, 5), 5 if few else 2, strengths[:2]),
    )
    return asdict(Candidates((0.3, 1.0, 3.0), (1.0, 4.0, 16.0), rivals))
