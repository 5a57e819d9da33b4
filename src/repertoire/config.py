"""Strict reading of params.yaml: a mapping becomes a frozen dataclass or one clear error."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

T = TypeVar("T")


class RepertoireError(Exception):
    """Something the user can put right: the message names the thing and the remedy."""


class ConfigError(RepertoireError):
    """A key of params.yaml is unknown, missing or of the wrong type."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Parse a YAML 1.2 file with the parser DVC uses (PyYAML reads ``1e-3`` as a string)."""
    try:
        content = YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; run from the repository root") from None
    except YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping at the top")
    return content


def section(content: Mapping[str, Any], *keys: str, source: str) -> Mapping[str, Any]:
    """Walk down ``keys``; an absent key names its siblings."""
    for depth, key in enumerate(keys):
        if key not in content:
            place = ".".join((source, *keys[:depth]))
            raise ConfigError(f"{place}: no key {key!r}; there are: {', '.join(sorted(content))}")
        content = content[key]
    return content


def parse(cls: type[T], value: Any, place: str) -> T:
    """Build the frozen dataclass ``cls`` from a mapping.

    Raises ConfigError with the dotted place for a key that is unknown, missing or ill-typed.
    Fields have no defaults: params.yaml is the only place where a number is written.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: expected a mapping, got {value!r}")
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(typing.cast(Any, cls))]
    if unknown := sorted(set(value) - set(names)):
        raise ConfigError(f"{place}.{unknown[0]}: unknown key; known: {', '.join(names)}")
    if missing := [name for name in names if name not in value]:
        raise ConfigError(f"{place}.{missing[0]}: missing; add it")
    return cls(**{name: _convert(hints[name], value[name], f"{place}.{name}") for name in names})


def _convert(hint: Any, value: Any, place: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is typing.Literal:
        if value not in arguments:
            choices = ", ".join(map(str, arguments))
            raise ConfigError(f"{place}: {value!r} is none of: {choices}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, place)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{place}: expected a list, got {value!r}")
        return tuple(_convert(arguments[0], v, f"{place}[{i}]") for i, v in enumerate(value))
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{place}: expected a mapping, got {value!r}")
        return {k: _convert(arguments[1], v, f"{place}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return parse(typing.cast(type, hint), value, place)
    return _scalar(hint, value, place)


def _scalar(hint: type, value: Any, place: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{place}: expected {hint.__name__}, got {value!r}")
    return value
