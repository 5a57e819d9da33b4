"""What a reader for anybody's files offers besides: it looks at them and proposes a data set.

Such a reader is a door. It has all that a reader has (``repertoire.readers``), and:

- ``OPTIONS``: names of its options -> what they mean, with "-" between words;
- ``propose(raw, options) -> Proposal``: looks at a sample where files are large, and says so.

``raw`` is the folder that ``tabulate`` will get as ``files["raw"]``: what the user named, a file or
several beside one another, or the content of one folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from repertoire.config import RepertoireError, Share
from repertoire.data.sources import SourceError

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_BYTES = 32 * 2**20  # of a larger file, a proposal looks at so much
DROPPED = "dropped"  # the key of a table's ``attrs`` that lists the rows left out


class OptionNeeded(RepertoireError):
    """A choice is not plain: the message says which option decides it."""


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
        self.rows.append({"file": file, "row": row, "reason": reason})

    def checked(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """The table with the list of what was dropped; raises SourceError where it is too much."""
        self.check(len(table))
        table.attrs[DROPPED] = self.rows
        return table

    def check(self, good: int) -> None:
        """Raises SourceError where too much is left out beside as many good rows."""
        total = good + len(self.rows)
        if len(self.rows) > self.rule.largest_share * total:
            first = self.rows[0]
            raise SourceError(
                f"{len(self.rows):,} of {total:,} rows cannot be used, more than the "
                f"{100 * self.rule.largest_share:g} % that largest_share allows; the first: "
                f"{first['file']}, row {first['row']}: {first['reason']}"
            )
