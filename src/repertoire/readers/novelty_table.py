"""Rows of anybody's table, of which a label says which are anomalies; normal rows alone train.

CSV, TSV, JSON Lines and Parquet. Normal rows are shared out over the splits, anomalies over
validation, which chooses epochs and settings, and the test. Where files or a column state splits,
those hold; then anomalies among training rows move to validation.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Seed, Share, parse
from repertoire.data.cells import DecimalMark, missing, numbers
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import (
    BadRowRule,
    BadRows,
    Fact,
    Proposal,
    bad_row_rule,
)
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import split_called
from repertoire.data.tables import SPLIT, Reading, Table, read_tables, table_files
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.novelty.baselines import suited
from repertoire.kinds.novelty.encoding import NORMAL, encode_columns
from repertoire.readers import novelty_images
from repertoire.readers.helpers.tables import columns as tables
from repertoire.readers.helpers.tables.novelty_columns import Chosen, chosen_columns
from repertoire.readers.helpers.tables.novelty_labels import normal_labels
from repertoire.readers.helpers.tables.novelty_splits import held_out

if TYPE_CHECKING:
    import pandas as pd

KIND = "novelty"
OPTIONS: Mapping[str, str] = {
    "label": "the column that says which rows are anomalies",
    "normal": "the label of normal rows, or the folder of normal images",
    "columns": "the columns that count, by commas; without a header: the names of all",
    "categories": "those of them that hold categories, by commas, though they look like numbers",
    "header": '"none" where the first row is one like the others',
    "decimal": 'the decimal mark, "." or ","',
    "encoding": "the encoding of the files, where it is not told rightly",
    "delimiter": "what stands between cells, where it is not told rightly",
    "on-bad-row": "fail (default) or drop: what happens to a row or image that cannot be used",
    **novelty_images.OPTIONS,
}
LEAST_NORMAL, LEAST_ANOMALIES = 50, 5
CATEGORIES = "categories"  # the key of a table's ``attrs``: column -> names by number


@dataclass(frozen=True)
class Config:
    """``columns`` are the names of columns in files without a header.

    ``normal`` are the labels of normal rows, all others are anomalies. ``split`` is a column,
    "_split" for the names of files, None for shares: those of normal rows, and ``valid_anomalies``
    of the anomalies that may be tested on.
    """

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    label: str
    normal: tuple[str, ...]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    decimal: DecimalMark
    split: str | None
    seed: Seed
    valid_share: Share
    test_share: Share
    valid_anomalies: Share
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> "pd.DataFrame":
    """One row a usable row of the files: values, anomaly, group, key and split."""
    include = [config.label, *config.numbers, *config.categories]
    if config.split and config.split != SPLIT:
        include.append(config.split)
    reading = Reading(config.encoding, config.delimiter, config.columns, tuple(include))
    table = read_tables(table_files(files["raw"]), reading)
    if lacking := [name for name in include if name not in table.columns]:
        raise SourceError(
            f"{files['raw'].name}: no column {lacking[0]!r}; there are: {', '.join(table.columns)}"
        )
    bad = BadRows(config.bad_rows)
    return bad.checked(_table(config, table, bad))


def _table(config: Config, table: Table, bad: BadRows) -> "pd.DataFrame":
    import pandas as pd

    tables.add_ragged(bad, table)
    frame = table.frame
    usable = pd.Series(True, frame.index)

    def refuse(wrong: "pd.Series[bool]", reason: str) -> None:
        nonlocal usable
        tables.add_rows(bad, table, usable & wrong, reason)
        usable = usable & ~wrong

    labels = tables.texts(frame[config.label])
    refuse(labels == "", f"no {config.label}")
    cells = np.full((len(frame), len(config.numbers) + len(config.categories)), np.nan)
    for place, name in enumerate(config.numbers):
        found = numbers(frame[name], config.decimal)
        refuse(found.isna() & ~missing(frame[name]), f"{name} is no finite number")
        cells[:, place] = found
    own = _stated(config, frame)
    if own is not None:
        refuse(own == "", f"{config.split} names no split")
    names: dict[str, list[str]] = {}
    for place, name in enumerate(config.categories, len(config.numbers)):
        texts = tables.texts(frame[name])
        names[name] = sorted(set(texts[usable]) - {""})
        known = {value: float(number) for number, value in enumerate(names[name])}
        cells[:, place] = texts.map(known)
    kept = usable.to_numpy()
    cells, labels = cells[kept], labels[kept]
    rows = pd.DataFrame({"values": list(cells), "group": labels.to_numpy(object)})
    rows["anomaly"] = (~rows["group"].isin(config.normal)).astype(np.int64)
    rows["key"] = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in cells]
    rows = held_out(rows, config, None if own is None else own[kept].to_numpy(object))
    rows["trained_anomaly"] = rows["anomaly"] * (rows["split"] == "train")
    rows.attrs[CATEGORIES] = names
    return rows.reset_index(drop=True)


def _stated(config: Config, frame: "pd.DataFrame") -> "pd.Series[Any] | None":
    if config.split is None:
        return None
    return frame[config.split].map(lambda cell: split_called(str(cell)) or "")


def expectations(config: Config) -> list[Expectation]:
    """Two kinds of rows, and normal ones alone in training."""
    return [
        expect(
            "a row is normal or an anomaly",
            "ExpectColumnDistinctValuesToEqualSet",
            column="anomaly",
            value_set=[0, 1],
        ),
        expect(
            "no anomaly is trained on",
            "ExpectColumnMaxToBeBetween",
            column="trained_anomaly",
            min_value=0,
            max_value=0,
        ),
    ]


def encode(config: Config, table: "pd.DataFrame") -> Encoded:
    """Standardised numbers and one-hot categories, and which rows are anomalies."""
    categories = {name: table.attrs[CATEGORIES][name] for name in config.categories}
    return encode_columns(table, config.numbers, categories, config.decimal)


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Which columns count and how, and what is normal; a folder of images has another reader."""
    if novelty_images.holds_images(raw):
        return novelty_images.propose_images(raw, options)
    chosen = chosen_columns(raw, options)
    bad = tables.collected()
    normal, words = normal_labels(chosen.label, chosen.labels, options)
    config: dict[str, Any] = {
        "encoding": options.get("encoding", ""),
        "delimiter": options.get("delimiter", ""),
        "columns": chosen.given,
        "label": chosen.label,
        "normal": normal,
        "numbers": chosen.numbers,
        "categories": chosen.categories,
        "decimal": chosen.decimal,
        "split": chosen.split,
        "seed": 17,
        "valid_share": 0.15,
        "test_share": 0.25,
        "valid_anomalies": 0.4,
        "bad_rows": tables.as_plain(bad.rule),
    }
    sample = _table(parse(Config, config, "the proposal"), chosen.table, bad)
    rule, unusable = bad_row_rule(bad, len(chosen.table.frame) + len(chosen.table.bad), options)
    config["bad_rows"] = tables.as_plain(rule)
    _refuse_too_few(chosen, normal)
    facts = [*chosen.facts, Fact("labels", words), unusable, *_split_facts(sample, chosen)]
    encoded = encode(parse(Config, config, "the proposal"), sample)
    rows = round(len(chosen.labels) / len(chosen.table.frame) * len(sample))
    train = round(float((sample["split"] == "train").mean()) * rows)
    baseline = suited(train, encoded.facts["shape"][0], "scaled")
    return Proposal("novelty_table", config, baseline, facts, sample, rows)


def _refuse_too_few(chosen: Chosen, normal: Sequence[str]) -> None:
    known = chosen.labels[chosen.labels != ""]
    count = int(known.isin(normal).sum())
    anomalies = len(known) - count
    if count >= LEAST_NORMAL and anomalies >= LEAST_ANOMALIES:
        return
    raise SourceError(
        f"{chosen.label}: {count:,} {NORMAL} rows and {anomalies:,} anomalies; a detector needs "
        f"{LEAST_NORMAL} {NORMAL} ones to learn from, and {LEAST_ANOMALIES} anomalies for an "
        "honest test: label a few more, or say what is normal: --normal VALUE"
    )


def _split_facts(table: "pd.DataFrame", chosen: Chosen) -> list[Fact]:
    parts = []
    for split in SPLITS:
        own = table["anomaly"][table["split"] == split]
        parts.append(f"{split} {int((own == 0).sum()):,} normal, {int(own.sum()):,} anomalies")
    why = "as the files state" if chosen.split else "by shares, equal rows in one split"
    of = " of the sample" if chosen.table.sampled else ""
    parts[0] = f"{of}{': ' if of else ''}{parts[0]}".strip()
    facts = [Fact("split", f"{why}; normal rows alone are trained on: {'; '.join(parts)}")]
    tested = int(((table["split"] == "test") & (table["anomaly"] == 1)).sum())
    if tested < 30:
        facts.append(
            Fact(
                "caution", f"{tested} anomalies in the test are few: its figures will be uncertain"
            )
        )
    both = table.groupby("key")["anomaly"].nunique()
    if twice := int((both > 1).sum()):
        facts.append(Fact("contrary", f"{twice:,} rows are labelled both ways; none is trained on"))
    if repeats := int(table["key"].duplicated().sum()):
        facts.append(Fact("duplicates", f"{repeats:,} rows repeat another; they stay"))
    return facts
