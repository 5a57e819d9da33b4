"""What a reader for anybody's files offers besides: it looks at them and proposes a data set.

Such a reader is a door. It has all that a reader has (``repertoire.readers``), and:

- ``OPTIONS``: names of its options -> what they mean, with "-" between words;
- ``propose(raw, options) -> Proposal``: looks at a sample where files are large, and says so.

``raw`` is the folder that ``tabulate`` will get as ``files["raw"]``: what the user named, a file or
several beside one another, or the content of one folder.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from repertoire.config import ConfigError, RepertoireError, Share
from repertoire.data.sources import SourceError
from repertoire.data.validation import Expectation

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_BYTES = 32 * 2**20  # of a larger file, a proposal looks at so much
DROPPED = "dropped"  # the key of a table's ``attrs`` that lists the rows left out
LARGEST_SHARE = "largest_share"  # of its rows that may be
LEFT_OUT = "left_out"  # the key of the record that says which they are
SHOWN = 20  # places of them for each reason


class OptionNeeded(RepertoireError):
    """A choice is not plain: the message says which option decides it."""


class FilesNeedOption(OptionNeeded, SourceError):
    """Files that cannot be used as they are, though an option tells how: the message names it."""


@dataclass(frozen=True)
class Fact:
    """One line of what was understood: of what, and a sentence."""

    of: str
    sentence: str


@dataclass(frozen=True)
class Proposal:
    """A data set that a door proposes: a complete block of params, and what it rests on.

    ``sample`` is the table that ``tabulate`` makes of the files, or of a part of them; ``rows`` is
    how many the whole has, known or estimated.
    """

    reader: str
    config: Mapping[str, Any]
    baseline: Mapping[str, Any]
    facts: Sequence[Fact]
    sample: "pd.DataFrame"
    rows: int


OnBadRow = Literal["fail", "drop"]


@dataclass(frozen=True)
class BadRowRule:
    """What happens to a row that cannot be used; ``largest_share`` may be dropped at most."""

    on_bad_row: OnBadRow
    largest_share: Share


@dataclass
class BadRows:
    """Collects rows that cannot be used, or refuses the first, as the rule says."""

    rule: BadRowRule
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, file: str, row: int | None, reason: str, remedy: str = "correct it") -> None:
        """Note a row (its number in the file, header included; None for the file as a whole)."""
        if self.rule.on_bad_row == "fail":
            place = file if row is None else f"{file}: row {row}"
            raise SourceError(
                f"{place}: {reason}; {remedy}, or leave such rows out (on_bad_row: drop)"
            )
        number = None if row is None else int(row)  # of numpy, JSON could not spell it
        self.rows.append({"file": file, "row": number, "reason": reason})

    def checked(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """The table with the list of what was dropped; raises SourceError where it is too much."""
        total = len(table) + len(self.rows)
        if len(self.rows) > self.rule.largest_share * total:
            first = self.rows[0]
            raise SourceError(
                f"{len(self.rows):,} of {total:,} rows cannot be used, more than the "
                f"{100 * self.rule.largest_share:g} % that largest_share allows; the first: "
                f"{first['file']}, row {first['row']}: {first['reason']}"
            )
        table.attrs[DROPPED] = self.rows
        table.attrs[LARGEST_SHARE] = self.rule.largest_share
        return table


def left_out(table: "pd.DataFrame") -> list[Expectation]:
    """That few rows were left out of a table, with the reasons; takes the list off the table.

    pandas would copy the list with every column that is looked at.
    """
    rows, share = table.attrs.pop(DROPPED, []), table.attrs.pop(LARGEST_SHARE, 0.0)
    if not rows:
        return []
    total = len(table) + len(rows)
    reasons: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        reasons.setdefault(row["reason"], []).append({"file": row["file"], "row": row["row"]})
    summary = [
        {"reason": reason, "count": len(places), "first": places[:SHOWN]}
        for reason, places in reasons.items()
    ]
    few = Expectation(
        f"at most {100 * share:g} % of the rows are left out; {len(rows):,} of {total:,} are",
        "ExpectTableRowCountToBeBetween",
        {"min_value": math.ceil(round((1 - share) * total, 6))},
        {LEFT_OUT: summary},
    )
    return [few]


LEAST_SHARE = 0.01  # of rows that may be dropped, where fewer were found


def bad_row_rule(found: BadRows, total: int, options: Mapping[str, str]) -> tuple[BadRowRule, Fact]:
    """The rule for a data set of which a proposal has collected the bad rows, and what to say.

    Raises FilesNeedOption with the first, unless the option ``on-bad-row`` says drop.
    """
    wanted = options.get("on-bad-row", "fail")
    if wanted not in ("fail", "drop"):
        raise ConfigError(f"--on-bad-row {wanted}: say fail or drop")
    count = len(found.rows)
    if not count:
        rule = BadRowRule("drop" if wanted == "drop" else "fail", LEAST_SHARE)
        return rule, Fact("unusable", "no row")
    first = found.rows[0]
    place = first["file"] if first["row"] is None else f"{first['file']}: row {first['row']:,}"
    if wanted == "fail":
        more = f" (and {count - 1:,} more such rows)" if count > 1 else ""
        raise FilesNeedOption(
            f"{place}: {first['reason']}{more}; correct it, or leave such rows out with "
            "--on-bad-row drop"
        )
    share = max(LEAST_SHARE, math.ceil(200 * count / max(1, total)) / 100)
    said = f"{count:,} of {total:,} rows are left out, the first: {place}: {first['reason']}"
    return BadRowRule("drop", min(1.0, share)), Fact("unusable", said)
