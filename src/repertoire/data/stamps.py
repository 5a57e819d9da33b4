"""Times as people write them into tables, read by pandas.

A column follows one format: ``time_format`` finds it, ``stamps`` reads by it. Besides the formats
of ``strptime`` there are "ISO8601" (with or without time of day and offset, as pandas has it),
"quarter" (2024Q1, Q1 2024), "epoch seconds", "epoch milliseconds", … (since 1970 in UTC), "stored"
(a column of times, as in Parquet) and "number" (the number of a step: no calendar at all).
"""

import itertools
import re
import zoneinfo
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.compute as pc

from repertoire.config import ConfigError
from repertoire.data.cells import missing
from repertoire.data.doors import OptionNeeded
from repertoire.data.strings import changed, in_arrow

if TYPE_CHECKING:
    Cells = pd.Series[Any]

ISO, QUARTER, STORED, NUMBER = "ISO8601", "quarter", "stored", "number"
EPOCHS = {
    "epoch seconds": "s",
    "epoch milliseconds": "ms",
    "epoch microseconds": "us",
    "epoch nanoseconds": "ns",
}
AS_WRITTEN, LOCAL = "", "local"  # zones: none is known; offsets are left away
LOOKED_AT = 1000  # cells by which formats are sorted out, before all are read
# Where the day may be the month, the first of a pair stands for day first.
_DATES = (
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y %m %d", "%m.%d.%Y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y"),
    *("%a, %d %b %Y", "%a %b %d %Y", "%Y-%b-%d", "%d/%b/%Y", "%Y년 %m월 %d일", "%Y年%m月%d日"),
)
_TIMES = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M"),
    *(", %H:%M:%S", " %H", "T%H:%M:%S", " %H:%M:%S %z", " %H.%M", " %H.%M.%S"),
)
_MONTHS = (
    *("%Y/%m", "%m/%Y", "%m.%Y", "%Y.%m", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%b %y", "%YM%m"),
    *("%Y-%b", "%Y %b", "%Y %B", "%Y년 %m월", "%Y年%m月", "%m-%Y"),
)
FORMATS = (*(d + t for d, t in itertools.product(_DATES, _TIMES)), *_MONTHS)
# The signs of each format besides those that stand for a part of a time.
SIGNS = {form: {*re.sub("%.", "", form).lower()} for form in FORMATS}
_QUARTER = re.compile(r"(?:(\d{4})[-/ ]?Q([1-4])|Q([1-4])[-/ ]?(\d{4}))", re.IGNORECASE)
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$")
_WHOLE = re.compile(r"^(-?\d+)\.0+$")
_ZONE = re.compile(r"\s*(?:UTC|GMT)$")
_MIDNIGHT = re.compile(r"[T ]00:00(?::00(?:\.0*)?)?(?=Z|[+-])")


def time_format(column: str, cells: "Cells", option: str = "time-format") -> str | None:
    """The format that reads most cells; None where none reads half of them.

    Raises OptionNeeded where two formats read as many and mean different days, as of 01/02/2024.
    """
    if cells.dtype.kind == "M" or _is_dates(cells):
        return STORED
    texts = _distinct(cells)
    if texts.empty:
        return None
    if texts.str.fullmatch(r"-?\d+").mean() > 0.5:
        return _of_digits(texts)
    if texts.str.fullmatch(_QUARTER).mean() > 0.5:
        return QUARTER
    if _share(texts, ISO) > 0.5:
        return ISO
    few = texts.iloc[:: max(1, len(texts) // LOOKED_AT)]
    fitting = [form for form in _possible(few.head(5)) if _share(few.head(5), form) > 0]
    fitting = [form for form in fitting if _share(few, form) > 0.5]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    read = {form: _parsed(texts, form) for form in fitting}
    most = max(int(found.notna().sum()) for found in read.values())
    first, *others = [form for form in fitting if read[form].notna().sum() == most]
    for other in others:
        different = texts[read[first] != read[other]]
        if len(different) and not first.startswith("%d."):
            days = [f"{read[form][different.index[0]]:%-d %B %Y}" for form in (first, other)]
            raise OptionNeeded(
                f"column {column}: {different.iloc[0]!r} could be {' or '.join(days)}; say which: "
                f'--{option} "{first}" or --{option} "{other}"'
            )
    return first


def _of_digits(texts: "Cells") -> str:
    """Of whole numbers: years, months, days or epochs if nearly all could be, else steps."""
    values = pd.to_numeric(texts, errors="coerce").dropna()
    if len(texts.str.len().unique()) <= 3:
        for form, low, high in (
            ("%Y", 1000, 2199),
            ("%Y%m", 100001, 219912),
            ("%Y%m%d", 10000101, 21991231),
            ("epoch seconds", 10**8, 2**32),
            ("epoch milliseconds", 10**11, 2**32 * 10**3),
            ("epoch microseconds", 10**14, 2**32 * 10**6),
            ("epoch nanoseconds", 10**17, 2**32 * 10**9),
        ):
            if values.between(low, high).mean() > 0.9 and _share(texts, form) > 0.9:
                return form
    return NUMBER


def stamps(cells: "Cells", form: str, zone: str) -> "pd.Series[pd.Timestamp]":
    """Times of a column, without a zone, in microseconds: NaT where a cell cannot be read.

    ``zone``: "" takes times as written, "local" leaves offsets away; of another zone they become
    UTC: offsets count, and times without one are local times of that zone. An hour that a change of
    clocks skips, or repeats without showing which is meant, is NaT. Raises ConfigError for an
    unknown zone.
    """
    known_zone(zone)
    found = _parsed(cells, form) if form == STORED else _parsed_once(cells, form, zone == LOCAL)
    if getattr(found.dt, "tz", None) is not None:
        found = found.dt.tz_convert("UTC").dt.tz_localize(None)
    elif zone not in (AS_WRITTEN, LOCAL, "UTC") and form not in (NUMBER, *EPOCHS):
        found = _from_local(found, zone)
    return found.astype("datetime64[us]")


def known_zone(zone: str) -> str:
    """The zone, if there is one of that name. Raises ConfigError."""
    if zone not in (AS_WRITTEN, LOCAL):
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(
                f"timezone: no zone {zone!r}; well-known ones: UTC, Europe/Berlin, Asia/Seoul"
            ) from None
    return zone


def proposed_zone(cells: "Cells", form: str) -> str:
    """ "UTC" where times have an offset, "local" where they are all days that begin at midnight."""
    if form == STORED:
        return "UTC" if getattr(cells.dtype, "tz", None) is not None else AS_WRITTEN
    texts = _distinct(cells)
    if form in (NUMBER, QUARTER, *EPOCHS) or not (form == ISO or "%z" in form):
        return AS_WRITTEN
    timed = texts.str.contains(":")
    if not (timed & texts.str.contains(_OFFSET)).any():
        return AS_WRITTEN
    return LOCAL if texts.str.contains(_MIDNIGHT).all() else "UTC"


def _from_local(found: "pd.Series[pd.Timestamp]", zone: str) -> "pd.Series[pd.Timestamp]":
    """Local times as UTC; the repeated hour of autumn by the order of the rows."""
    if (found.dropna() == found.dropna().dt.normalize()).all():
        return found  # days: the same in any zone
    known = found.dropna()
    try:
        local = known.dt.tz_localize(zone, ambiguous="infer", nonexistent="NaT")
    except ValueError:  # not told by the order of the rows
        local = known.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    return local.dt.tz_convert("UTC").dt.tz_localize(None).reindex(found.index)


def _is_dates(cells: "Cells") -> bool:
    return not in_arrow(cells) and pd.api.types.infer_dtype(cells, skipna=True) in (
        "date",
        "datetime",
        "datetime64",
    )


def _texts(cells: "Cells") -> "Cells":
    """As strings without spaces around; whole numbers that became floats without their ".0"."""
    if cells.dtype.kind == "f":
        cells = cells.map(lambda value: "" if pd.isna(value) else repr(float(value)))
    return changed(
        cells.astype(str).str.strip(),
        lambda text: _ZONE.sub("Z", _WHOLE.sub(r"\1", text)),
        lambda part: pc.invert(pc.match_substring_regex(part, r"(?:\.0+|UTC|GMT)\z")),
    )


def _distinct(cells: "Cells") -> "Cells":
    """Each text of a column once, without those that hold no value."""
    cells = cells.drop_duplicates() if in_arrow(cells) else cells
    return _texts(cells)[~missing(cells)].drop_duplicates()


def _possible(texts: "Cells") -> list[str]:
    """The formats of which a text has all signs: trying one takes a thousand times as long."""
    known = [{*re.sub(r"\s", " ", text.lower())} for text in texts]
    return [form for form, signs in SIGNS.items() if any(signs <= each for each in known)]


def _share(texts: "Cells", form: str) -> float:
    return float(_parsed(texts, form).notna().mean())


def _parsed_once(cells: "Cells", form: str, local: bool) -> "pd.Series[Any]":
    """As ``_parsed``; equal cells are read once, as the times of a table of many series are."""
    if not in_arrow(cells):
        return _parsed(_texts(cells), form, local)
    codes, distinct = pd.factorize(cells, use_na_sentinel=False)
    found = _parsed(_texts(pd.Series(distinct)), form, local).take(codes)
    return found.set_axis(cells.index)


def _parsed(texts: "Cells", form: str, local: bool = False) -> "pd.Series[Any]":
    """Times, in UTC where cells have an offset; ``local`` leaves offsets away."""
    if form == STORED:
        return pd.to_datetime(texts, errors="coerce")
    if form == NUMBER or form in EPOCHS:
        unit = EPOCHS.get(form, "s")
        values = pd.to_numeric(texts, errors="coerce")
        found: Cells = pd.to_datetime(values, unit=unit, errors="coerce")  # type: ignore[call-overload]
        return found.dt.round("us")
    if form == QUARTER:
        parts = texts.str.extract(_QUARTER)
        plain = parts[0].fillna(parts[3]) + "-" + _first_month(parts[1].fillna(parts[2]))
        return pd.to_datetime(plain, format="%Y-%m", errors="coerce")
    if form == ISO or "%z" in form:
        timed = texts.str.contains(":") & texts.str.contains(_OFFSET)
        if local:
            texts = texts.str.replace(_OFFSET, "", regex=True)
        elif timed.any():
            return pd.to_datetime(texts, format=form, errors="coerce", utc=True)
    return pd.to_datetime(texts, format=form, errors="coerce")


def _first_month(quarters: "Cells") -> "Cells":
    return quarters.map({"1": "01", "2": "04", "3": "07", "4": "10"})
