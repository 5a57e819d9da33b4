"""Great Expectations over every table before it is encoded."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Array
from repertoire.data.strings import codes_of

if TYPE_CHECKING:
    import pandas as pd


FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["row"],
    "include_unexpected_rows": False,
}


class ValidationError(RepertoireError):
    """A table broke an expectation; the message shows the rows that failed."""


@dataclass(frozen=True)
class Expectation:
    """A Great Expectations class by name, its arguments, and what it means in plain words.

    ``details`` are more entries of its record.
    """

    meaning: str
    name: str
    arguments: dict[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)


def expect(meaning: str, name: str, **arguments: Any) -> Expectation:
    """Shorthand for an Expectation."""
    return Expectation(meaning, name, arguments)


def common(columns: Sequence[str]) -> list[Expectation]:
    """What every table must satisfy: schema, a split in each row, no row known to two splits.

    The column ``key`` identifies a row across splits; a null key exempts it (stock phrases).
    """
    splits = ["train", "valid", "test"]
    return [
        expect(
            "the columns are as documented",
            "ExpectTableColumnsToMatchSet",
            column_set=["row", "split", "key", "splits_of_key", *columns],
        ),
        expect("rows are numbered once", "ExpectColumnValuesToBeUnique", column="row"),
        expect(
            "every row is in a known split",
            "ExpectColumnValuesToBeInSet",
            column="split",
            value_set=splits,
        ),
        expect(
            "no split is empty",
            "ExpectColumnDistinctValuesToContainSet",
            column="split",
            value_set=splits,
        ),
        expect(
            "no row occurs in two splits",
            "ExpectColumnValuesToBeBetween",
            column="splits_of_key",
            max_value=1,
        ),
        *(
            expect(f"{column} is never null", "ExpectColumnValuesToNotBeNull", column=column)
            for column in ("split", *columns)
        ),
    ]


def with_identity(table: "pd.DataFrame") -> "pd.DataFrame":
    """Add ``row`` and ``splits_of_key``: in how many splits the row's key occurs."""
    table = table.reset_index(drop=True)
    table["splits_of_key"] = _splits_of_key(table)
    table["row"] = range(len(table))
    return table


def _splits_of_key(table: "pd.DataFrame") -> Array:
    """int64 (rows,); 1 where the key is null."""
    import pandas as pd

    keys = np.where(table["key"].isna(), -1, codes_of(table["key"]))
    splits, names = pd.factorize(table["split"])
    known = (keys >= 0) & (splits >= 0)
    counts = np.zeros(keys.max(initial=0) + 1, np.int64)
    for split in range(len(names)):
        inside = np.zeros(len(counts), bool)
        inside[keys[known & (splits == split)]] = True
        counts += inside
    return np.where(keys >= 0, counts[keys], 1)


def validate(
    name: str, table: "pd.DataFrame", expectations: Sequence[Expectation]
) -> list[dict[str, Any]]:
    """Check a table; returns one record an expectation.

    Raises ValidationError with the failing rows (five of each) if any does not hold.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # Imported late: it takes seconds, and only ``prepare`` needs it.
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    off: Any = {"globally": False, "metric_calculations": False}
    context.variables.progress_bars = off
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": table})
    # As one suite: each validation by itself would hash the whole table again.
    outcomes: Any = batch.validate(suite_of(name, expectations), result_format=FORMAT).results
    found = {outcome.expectation_config.meta["place"]: outcome for outcome in outcomes}
    records = [_record(each, found[f"{n}"]) for n, each in enumerate(expectations)]
    failed = [record for record in records if not record["success"]]
    if failed:
        raise ValidationError(_complaint(name, table, failed))
    return records


def suite_of(name: str, expectations: Sequence[Expectation]) -> Any:
    """The expectations as a suite of Great Expectations; their meanings are notes."""
    import great_expectations as gx

    return gx.ExpectationSuite(
        name=name,
        expectations=[
            getattr(gx.expectations, each.name)(
                **each.arguments, meta={"place": f"{place}"}, notes=each.meaning
            )
            for place, each in enumerate(expectations)
        ],
    )


def _record(expectation: Expectation, outcome: Any) -> dict[str, Any]:
    result = outcome.result
    rows = [int(entry["row"]) for entry in result.get("unexpected_index_list") or []]
    observed = result.get("observed_value")
    if (outcome.exception_info or {}).get("raised_exception"):
        observed = str(outcome.exception_info.get("exception_message"))
    return {
        "expectation": expectation.name,
        "meaning": expectation.meaning,
        "arguments": expectation.arguments,
        "success": bool(outcome.success),
        "observed": None if observed is None else str(observed)[:300],
        "unexpected_count": len(rows),
        "unexpected_rows": rows[:100],
        **expectation.details,
    }


def _complaint(name: str, table: "pd.DataFrame", failed: list[dict[str, Any]]) -> str:
    lines = [f"{name}: {len(failed)} expectation(s) failed; correct the source or its reader:"]
    for record in failed:
        what = record["observed"] or f"{record['unexpected_count']} row(s)"
        lines.append(f"  {record['meaning']} ({record['expectation']}): {what}")
        known = [row for row in record["unexpected_rows"] if row in table.index]
        for row in known[:5]:
            cells = {k: v for k, v in table.loc[row].items() if k not in ("row", "pixels")}
            lines.append(f"    row {row}: {str(cells)[:200]}")
    return "\n".join(lines)
