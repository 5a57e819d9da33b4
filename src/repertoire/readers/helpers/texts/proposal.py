"""What the door for running text proposes, and the sentences that say why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from repertoire.config import parse
from repertoire.data.doors import (
    DROPPED,
    BadRowRule,
    BadRows,
    Fact,
    Proposal,
    bad_row_rule,
)
from repertoire.data.encodings import encoding_words
from repertoire.data.sources import SourceError
from repertoire.data.tables import FILE
from repertoire.readers import text_files
from repertoire.readers.helpers.texts.document_columns import (
    column_documents,
    read_below,
    text_column,
)
from repertoire.readers.helpers.texts.documents import (
    Document,
    TextFile,
    about_files,
    files_below,
    is_table,
    of_splits,
    other_format,
    read_documents,
)
from repertoire.readers.helpers.texts.levels import Cut, chosen, cut, script_of, share, whole
from repertoire.readers.helpers.texts.splits import files_can_be_held_out

LOOKED_AT = 4 * 10**6  # bytes
MEGABYTES = 20  # of text that a training of some minutes has use for
HELD_OUT = 300_000  # characters of a held-out split that are enough for small standard errors
LONGEST_LINE = 2000  # characters
LISTED = 3  # names in a sentence


@dataclass(frozen=True)
class Looked:
    """The documents of a sample, how they are split, and what was seen of the files."""

    documents: Sequence[Document]
    column: str
    splits: str
    size: int  # bytes of the whole
    facts: Sequence[Fact]


def proposal(raw: Path, options: Mapping[str, str]) -> Proposal:
    """See ``text_files.propose``."""
    looked = look(raw, options)
    table, config = proposed_table(looked, options)
    parts = {split: table.loc[table["split"] == split, "text"] for split in text_files.LEAST}
    held = pd.concat([parts["valid"], parts["test"]]).tolist()
    scale = _scale(looked, text_files.MEGABYTE * config["megabytes"])
    tokens = cut(parts["train"].tolist(), held, scale, options)
    running = {
        "level": tokens.level,
        "lowercase": tokens.lowercase,
        "vocabulary": tokens.vocabulary,
        "nbest_lists": 100 if tokens.level == "word" else 0,
        "nbest_choices": 8 if tokens.level == "word" else 2,
    }
    return Proposal(
        reader="text_files",
        config={**config, "text": running},
        baseline=baseline(tokens, sum(parts["train"].str.len())),
        facts=[*looked.facts, *table_facts(looked, table, config), *tokens.facts],
        sample=table,
        rows=estimated_rows(looked, table, config),
    )


def look(raw: Path, options: Mapping[str, str]) -> Looked:
    """Reads a sample of the files. Raises OptionNeeded, SourceError."""
    files = files_below(raw)
    tables = [file for file in files if is_table(file)]
    plain = [file for file in files if not is_table(file)]
    others = {file.name: why for file in plain if (why := other_format(file))}
    texts = [file for file in plain if file.name not in others]
    if "text" in options or (tables and not texts):
        return _looked_at_tables(raw, options)
    if not texts:
        if others:
            name, why = next(iter(others.items()))
            raise SourceError(f"{name}: {why}")
        raise SourceError(f"{raw.name}: holds no text file; name a .txt file or a folder of them")
    beside = [*about_files(raw), *others, *(file.name for file in tables)]
    return _looked_at_texts(texts, beside, options)


def _looked_at_texts(
    texts: Sequence[TextFile], others: Sequence[str], options: Mapping[str, str]
) -> Looked:
    texts, unnamed = of_splits(texts)
    left = [*others, *unnamed]
    splits = "files" if files_can_be_held_out([file.size for file in texts]) else "ends"
    splits = "names" if texts[0].split else splits
    size = sum(file.size for file in texts)
    documents = list(read_documents(texts, _looked_at(options), options.get("encoding", "")))
    names = listed([file.name for file in texts])
    facts = [Fact("files", f"{_counted(len(texts), 'text file')}, {_bytes(size)}: {names}")]
    if left:
        facts.append(Fact("left out", f"no plain text or no part of a split: {listed(left)}"))
    facts.append(Fact("encoding", _encodings(documents)))
    if empty := [d.name for d in documents if not any(line.strip() for line in d.lines)]:
        facts.append(Fact("empty", f"no text in {listed(empty)}"))
    return Looked(documents, "", splits, size, facts)


def _looked_at_tables(raw: Path, options: Mapping[str, str]) -> Looked:
    table = read_below(raw, options.get("encoding", ""), _looked_at(options))
    column = options.get("text") or text_column(table)
    documents = list(column_documents(table, column))
    names = list(dict.fromkeys(table.frame[FILE]))
    size = sum(file.size for file in files_below(raw) if Path(file.name).name in names)
    found = f"{_counted(len(names), 'table')}, {', '.join(table.formats)}, {_bytes(size)}"
    facts = [
        Fact("files", f"{found}: {listed(names)}"),
        Fact("text", f"the column {column!r}, each row a document (--text COLUMN)"),
    ]
    beside = [file.name for file in files_below(raw) if not is_table(file)]
    if left := [*about_files(raw), *beside]:
        facts.append(Fact("ignored", f"{listed(left)}: no table"))
    named = any(document.split for document in documents)
    return Looked(documents, column, "names" if named else "rows", size, facts)


def proposed_table(
    looked: Looked, options: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table of the sample, and all of the reader's config but ``text``."""
    text = "\n".join(line for document in looked.documents for line in document.lines)
    scale = _scale(looked, text_files.MEGABYTE * whole(options, "megabytes", 1, MEGABYTES))
    held = round(min(0.1, HELD_OUT / max(1.0, scale * len(text))), 4)
    script = script_of(text)
    config = {
        "column": looked.column,
        "encoding": options.get("encoding", ""),
        "megabytes": whole(options, "megabytes", 1, MEGABYTES),
        "splits": looked.splits,
        "valid_share": share(options, "valid-share", held),
        "test_share": share(options, "test-share", held),
        "seed": whole(options, "seed", 0, 1),
        "longest_line": LONGEST_LINE,
        "identity_characters": 20 if script.spaceless > 0.3 else 30 if script.hangul > 0.3 else 60,
        "known_lines": chosen(options, "known-lines", ("drop", "keep"))
        or ("keep" if looked.splits == "names" else "drop"),
        "bad_rows": {"on_bad_row": "drop", "largest_share": 1.0},
    }
    placeholder = {"level": "character", "lowercase": False, "vocabulary": 3}
    placeholder |= {"nbest_lists": 0, "nbest_choices": 2}
    known = parse(text_files.Config, {**config, "text": placeholder}, "config")
    table = text_files.lines_table(known, iter(looked.documents))
    config["bad_rows"], fact = unusable(table, len(table) + len(table.attrs[DROPPED]), options)
    table.attrs["unusable"] = fact
    return table, config


def unusable(
    table: pd.DataFrame, rows: int, options: Mapping[str, str]
) -> tuple[dict[str, Any], Fact]:
    """The rule for rows that cannot be used, and what to say of those of the sample."""
    found = BadRows(BadRowRule("drop", 1.0), table.attrs[DROPPED])
    rule, fact = bad_row_rule(found, rows, options)
    return asdict(rule), fact


def table_facts(looked: Looked, table: pd.DataFrame, config: Mapping[str, Any]) -> list[Fact]:
    """Amounts, splits, lines known to two splits, and what was made of unusual signs."""
    unit = "documents" if looked.column else "lines"
    used = min(looked.size, text_files.MEGABYTE * config["megabytes"])
    rows, facts = estimated_rows(looked, table, config), []
    if all(document.whole for document in looked.documents):
        amount = f"{rows:,} {unit}, {int(table['characters'].sum()):,} characters"
    else:
        sampled = sum(len(line) for d in looked.documents for line in d.lines)
        amount = f"about {rows:,} {unit}; what follows is told by {sampled:,} characters of them"
    facts.append(Fact("amount", amount))
    if used < looked.size:
        facts.append(
            Fact("used", f"the beginning of each file, {_bytes(used)} in all (--megabytes N)")
        )
    facts.append(Fact("split", _split_words(looked, table, config)))
    if any(document.composed for document in looked.documents):
        facts.append(Fact("Unicode", "letters stored in parts (NFD) are put together (NFC)"))
    if breaks := sum(document.breaks for document in looked.documents):
        facts.append(
            Fact("breaks", f"{breaks:,} form feeds and line separators count as line breaks")
        )
    long = sum(len(line) > LONGEST_LINE for d in looked.documents for line in d.lines)
    if long and not looked.column:
        cut_up = f"{long:,} of more than {LONGEST_LINE:,} characters are cut at spaces"
        facts.append(Fact("lengths", cut_up))
    if table.attrs[DROPPED]:
        facts.append(table.attrs["unusable"])
    return [*facts, *_known_facts(table, config)]


def _known_facts(table: pd.DataFrame, config: Mapping[str, Any]) -> list[Fact]:
    known, least = table.attrs["known_lines"], config["identity_characters"]
    if not known:
        return []
    what = f"{known:,} held-out lines of {least} characters or more are in an earlier split too"
    done = {"drop": "dropped", "keep": "kept, as the files say"}[config["known_lines"]]
    return [Fact("repeats", f"{what}: {done} (--known-lines drop|keep)")]


def _split_words(looked: Looked, table: pd.DataFrame, config: Mapping[str, Any]) -> str:
    told = {document.split for document in looked.documents} - {""}
    taken = "the end of each file" if not looked.column else "rows drawn by the seed"
    by_name = "by the files' names" if not looked.column else "by the files' names or a column"
    words = {
        "names": by_name
        + "".join(f"; {s} is {taken} of train" for s in ("valid", "test") if s not in told),
        "files": "whole files drawn by the seed",
        "rows": "rows drawn by the seed, equal ones together",
        "ends": "the end of each file",
    }[config["splits"]]
    sizes = table.groupby("split")["characters"].sum()
    shares = ", ".join(
        f"{split} {100 * sizes[split] / sizes.sum():.1f} %" for split in text_files.LEAST
    )
    return f"{words}: {shares} of the characters"


def estimated_rows(looked: Looked, table: pd.DataFrame, config: Mapping[str, Any]) -> int:
    """Rows of what is used, known where the sample is all of it."""
    return round(len(table) * _scale(looked, text_files.MEGABYTE * config["megabytes"]))


def _looked_at(options: Mapping[str, str]) -> int:
    return min(LOOKED_AT, text_files.MEGABYTE * whole(options, "megabytes", 1, MEGABYTES))


def _scale(looked: Looked, most: int) -> float:
    """Times the text that is used is as long as the sample."""
    if all(document.whole for document in looked.documents):
        return 1.0
    return max(1.0, min(looked.size, most) / min(LOOKED_AT, most))


def baseline(tokens: Cut, characters: int) -> dict[str, Any]:
    """Candidates of the n-gram models: long contexts for characters, where there is much text."""
    orders = {"character": [5, 6, 7], "subword": [2, 3, 4]}.get(tokens.level, [2, 3, 4])
    if tokens.level == "character" and (characters < 300_000 or tokens.vocabulary > 500):
        orders = [3, 4, 5]
    cached = [1, 2, 3, 4, 6] if tokens.level == "character" else [1, 2, 3, 4]
    return {
        "orders": orders,
        "cache_orders": cached,
        "cache_sizes": [500, 2000, 8000, 200_000],
        "priors": [3, 10, 30, 100, 300, 1000, 3000],
    }


def _encodings(documents: Sequence[Document]) -> str:
    counts = Counter(encoding_words(document.encoding) for document in documents)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} ({_counted(n, 'file')})" for name, n in counts.most_common())


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:LISTED])
    return shown if len(names) <= LISTED else f"{shown} and {len(names) - LISTED:,} more"


def _bytes(size: int) -> str:
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return f"{size} bytes"
