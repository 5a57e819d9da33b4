"""Documents in a column of a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from repertoire.config import ConfigError
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.data.table_formats import Bad, Reading
from repertoire.data.tables import FILE, ROW, SPLIT, Table, read_tables
from repertoire.readers.helpers.texts.documents import (
    BREAKS,
    Document,
    TextFile,
    cleaned,
    files_below,
    is_table,
    of_splits,
)

COLUMN = "split"  # of a table that says which row is in which split


def read_column(raw: Path, column: str, encoding: str, most_bytes: int) -> Iterator[Document]:
    """A document for each file and split: its lines are the cells, which may hold line breaks."""
    return column_documents(read_below(raw, encoding, most_bytes), column)


def read_below(raw: Path, encoding: str, most_bytes: int) -> Table:
    """The rows of every table of a folder and its folders; what is no table is passed over."""
    files = [file for file in files_below(raw) if is_table(file)]
    if not files:
        raise SourceError(f"{raw.name}: holds no table (.csv, .tsv, .jsonl, .parquet)")
    return tables_of(files, Reading(encoding=encoding, limit=most_bytes))


def tables_of(files: Sequence[TextFile], reading: Reading) -> Table:
    """The rows of all files of one split each, or of none; names and splits as of ``TextFile``."""
    files, _ = of_splits(files)
    table = read_tables([file.path for file in files], reading)
    frames = []
    for file in files:
        one = table if len(files) == 1 else read_tables([file.path], reading)
        frames.append(one.frame.assign(**{FILE: file.name, SPLIT: file.split}))
    table.frame = pd.concat(frames, ignore_index=True)
    if not table.columns:
        bad = table.bad[0] if table.bad else None
        why = f": row {bad.row}: {bad.reason}" if bad else ": no rows"
        raise SourceError(f"{files[0].name}{why}; write one JSON object a line")
    return table


def column_documents(table: Table, column: str) -> Iterator[Document]:
    """As ``read_column``, of a table that has been read."""
    if column not in table.columns:
        raise ConfigError(f"no column {column!r}; there are: {', '.join(table.columns)}")
    frame = table.frame.assign(**{SPLIT: splits_of(table)})
    unread: dict[str, list[Bad]] = {}
    for each in table.bad:
        unread.setdefault(each.file, []).append(each)
    for (file, split), part in frame.groupby([FILE, SPLIT], sort=False):
        clean = [cleaned("" if pd.isna(cell) else str(cell)) for cell in part[column]]
        lines = [each.text.translate(BREAKS).strip("\n") for each in clean]
        composed, breaks = any(c.composed for c in clean), sum(c.breaks for c in clean)
        numbers = part[ROW].tolist()
        whole = not table.sampled
        bad = [(each.row, each.reason) for each in unread.pop(str(file), [])]
        yield Document(str(file), str(split), lines, numbers, "", whole, composed, breaks, bad)


def splits_of(table: Table) -> Sequence[str]:
    """The split of each row by the file's name or the column ``split``; "" where none is told."""
    told = table.frame[SPLIT].tolist()
    if any(told) or COLUMN not in table.columns:
        return told
    found = []
    cells = table.frame[[COLUMN, FILE, ROW]].itertuples(index=False, name=None)
    for cell, file, row in cells:
        split = split_called(str(cell))
        if split is None:
            raise SourceError(
                f"{file}: row {row}: {str(cell)!r} names no split; write train, valid or test"
            )
        found.append(split)
    return found


def text_column(table: Table) -> str:
    """The one column that holds texts. Raises OptionNeeded where several do, or none."""
    texts = [name for name in table.columns if name != COLUMN and could_be_text(table.frame[name])]
    if len(texts) == 1:
        return texts[0]
    if not texts:
        raise OptionNeeded(
            f"no column holds texts: {', '.join(table.columns)}; say which: "
            f"--text {table.columns[0]}"
        )
    raise OptionNeeded(
        f"{len(texts)} columns could be the text: {', '.join(texts)}; say which: --text {texts[0]}"
    )


def could_be_text(cells: "pd.Series[str]") -> bool:
    """Whether most cells hold several words, or many letters."""
    part = cells.head(1000).dropna().astype(str)
    letters = part.str.count(r"[^\W\d_]")
    return bool(len(part)) and bool(((letters >= 10) | part.str.contains(r"\S\s+\S")).mean() > 0.5)
