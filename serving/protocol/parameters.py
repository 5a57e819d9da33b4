"""Parameters of the Open Inference Protocol: those known here, and a refusal of all others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from repertoire.runtime.errors import Malformed
from repertoire.runtime.shapes import spelled

Kinds = Mapping[str, type[int]]
REQUEST: Kinds = {"binary_data_output": bool, "timeout": int}
INPUT: Kinds = {"binary_data_size": int}
OUTPUT: Kinds = {"binary_data": bool, "classification": int}
_UNUSED = ("priority", "sequence_id", "sequence_start", "sequence_end")
_NONE: Mapping[str, Any] = {}
_SAID = {bool: "true or false", int: "a whole number, 0 or more"}


def parameters(of: str, document: Mapping[str, Any], known: Kinds) -> Mapping[str, Any]:
    """The parameters of a request, an input or an output. Raises Malformed.

    One that is null is absent. One that is not known is refused, for whoever sends it means
    something by it; those of schedules and sequences may say that they are not used.
    """
    given = document.get("parameters")
    if given is None:
        return _NONE
    if not isinstance(given, dict):
        raise Malformed(f"the parameters of {of} are an object")
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        kind = known.get(name)
        if kind is None:
            if name in _UNUSED and value in (0, False, ""):
                continue
            names = ", ".join(known)
            raise Malformed(
                f"parameter {spelled(name)} of {of} is not supported; leave it out ({names} are)"
            )
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind) or value < 0:
            raise Malformed(f"parameter {name} of {of} is {_SAID[kind]}")
        checked[name] = value
    return checked


def refuse_unknown(of: str, document: Mapping[str, Any], known: Collection[str]) -> None:
    """A field that nobody reads is a mistake, unless it is null. Raises Malformed."""
    if document.keys() <= known:  # type: ignore[operator]
        return
    unknown = sorted(key for key in document if key not in known and document[key] is not None)
    if unknown:
        names, first = ", ".join(sorted(known)), spelled(unknown[0])
        raise Malformed(f"field {first} of {of} is not known; known are {names}")
