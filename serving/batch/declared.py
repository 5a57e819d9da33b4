"""The columns of an output as a task or a graph declares them, as types of Arrow."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Annotated, Any, NotRequired, Required, Union

import pyarrow as pa

from repertoire.runtime.manifest import Graph
from repertoire.runtime.schema import Media
from repertoire.runtime.signature import Port

_PLAIN = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def columns_of(answer: Any) -> dict[str, pa.DataType]:
    """Of the TypedDict of one answer; without the fields whose members are not known beforehand."""
    hints = typing.get_type_hints(answer, include_extras=True)
    found = {name: arrow(hint) for name, hint in hints.items()}
    return {name: kind for name, kind in found.items() if kind is not None}


def columns_of_graph(graph: Graph) -> dict[str, pa.DataType]:
    """A row of each output, without its batch axis."""
    return {port.name: _nested(port) for port in graph.outputs}


def arrow(hint: Any) -> pa.DataType | None:
    """None where the members of an object are not known. A number or a text is a text."""
    if typing.get_origin(hint) in (NotRequired, Required):
        [hint] = typing.get_args(hint)
    if typing.get_origin(hint) is Annotated:
        base, *notes = typing.get_args(hint)
        return pa.string() if any(isinstance(note, Media) for note in notes) else arrow(base)
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union([arrow(each) for each in typing.get_args(hint) if each is not type(None)])
    if origin is typing.Literal:
        return _union([_PLAIN.get(type(each)) for each in typing.get_args(hint)])
    if origin is list:
        item = arrow(typing.get_args(hint)[0])
        return None if item is None else pa.list_(item)
    if typing.is_typeddict(hint):
        members = columns_of(hint)
        whole = members and len(members) == len(typing.get_type_hints(hint))
        return pa.struct(list(members.items())) if whole else None
    return _PLAIN.get(hint)


def _union(kinds: Sequence[pa.DataType | None]) -> pa.DataType | None:
    different = set(kinds)
    if None in different or not different:
        return None
    if len(different) == 1:
        return kinds[0]
    return pa.float64() if different == {pa.int64(), pa.float64()} else pa.string()


def _nested(port: Port) -> pa.DataType:
    kind: pa.DataType = pa.type_for_alias(port.dtype)
    for _ in port.shape[1:]:
        kind = pa.list_(kind)
    return kind
