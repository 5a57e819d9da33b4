"""Expectations that somebody states in params.yaml, besides those of the reader.

Great Expectations itself knows its classes and their arguments; it is imported where there are any.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from repertoire.config import ConfigError
from repertoire.data.validation import Expectation

CLASS = "expectation"  # the key that names the class; all others are its arguments
YOURS = {"yours": True}
# Fields of every class that say nothing of what is expected.
SILENT = {"id", "meta", "notes", "result_format", "catch_exceptions", "rendered_content"}
SILENT |= {"windows", "batch_id", "severity"}
ONE_COLUMN = ("column", "column_A", "column_B")
MANY_COLUMNS = "column_list"


def own_expectations(
    blocks: Sequence[Mapping[str, Any]], place: str, columns: Sequence[str] | None = None
) -> list[Expectation]:
    """The expectations of a data set's block, for a table of these columns if they are known.

    Raises ConfigError with the place for a class or an argument that Great Expectations does not
    know, for an argument that is missing or of the wrong type, and for a column that is not there.
    """
    return [_own(block, f"{place}[{n}]", columns) for n, block in enumerate(blocks)]


def _own(block: Mapping[str, Any], place: str, columns: Sequence[str] | None) -> Expectation:
    arguments = {key: value for key, value in block.items() if key != CLASS}
    cls = _class(block.get(CLASS), place)
    _check_plain(arguments, place)
    _check_arguments(cls, arguments, place)
    if columns is not None and cls.__name__ != "ExpectColumnToExist":
        _check_columns(arguments, place, columns)
    said = arguments.get("description") or _sentence(cls.__name__, arguments)
    return Expectation(said, cls.__name__, arguments, YOURS)


def _class(name: Any, place: str) -> type:
    import great_expectations as gx

    known = [n for n in dir(gx.expectations) if n.startswith("Expect") and n != "Expectation"]
    if name is None:
        raise ConfigError(f"{place}.{CLASS}: missing; name a class of Great Expectations")
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.7)
        remedy = f"did you mean {' or '.join(close)}" if close else "see greatexpectations.io"
        raise ConfigError(f"{place}.{CLASS}: no expectation {name!r}; {remedy}")
    return getattr(gx.expectations, name)


def _check_plain(arguments: Mapping[str, Any], place: str) -> None:
    for name, value in arguments.items():
        try:
            json.dumps(value)
        except TypeError:
            raise ConfigError(f"{place}.{name}: {value} is no plain value; put quotes") from None


def _check_arguments(cls: Any, arguments: Mapping[str, Any], place: str) -> None:
    known = {name: field.required for name, field in cls.__fields__.items() if name not in SILENT}
    listed = ", ".join(sorted(known, key=lambda name: not known[name]))
    for name in arguments:
        if name not in known:
            raise ConfigError(f"{place}.{name}: unknown argument; {cls.__name__} has: {listed}")
    if missing := [name for name in known if known[name] and name not in arguments]:
        raise ConfigError(f"{place}.{', '.join(missing)}: missing; {cls.__name__} needs it")
    try:
        cls(**arguments)
    except ValueError as error:
        raise ConfigError(f"{place}: {_first(error)}") from None


def _first(error: Any) -> str:
    """The first complaint of pydantic on one line, with the argument that it is about."""
    found = error.errors()[0]
    argument = ".".join(str(part) for part in found["loc"] if part != "__root__")
    message = " ".join(found["msg"].split())
    return f"{argument}: {message}" if argument else message


def _check_columns(arguments: Mapping[str, Any], place: str, columns: Sequence[str]) -> None:
    named = [(name, arguments[name]) for name in ONE_COLUMN if name in arguments]
    named += [(MANY_COLUMNS, column) for column in arguments.get(MANY_COLUMNS, ())]
    for argument, column in named:
        if column not in columns:
            raise ConfigError(
                f"{place}.{argument}: no column {column!r}; there are: {', '.join(columns)}"
            )


def _sentence(name: str, arguments: Mapping[str, Any]) -> str:
    """Of ExpectColumnValuesToBeInSet: column values to be in set (column label, value_set …)."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name.removeprefix("Expect"))
    told = ", ".join(f"{key} {value}" for key, value in arguments.items())
    return f"{words.strip()}: {told}" if told else words.strip()
