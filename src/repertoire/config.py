"""Strict reading of params.yaml: a mapping becomes a frozen dataclass or one clear error.

Facts of data sets are checked by the same rules.
"""

import contextlib
import dataclasses
import math
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

T = TypeVar("T")
LONGEST_SHOWN = 200  # characters of a wrong value in an error


class RepertoireError(Exception):
    """Something the user can put right: the message names the thing and the remedy."""


class ConfigError(RepertoireError):
    """A key of params.yaml is unknown, missing or of the wrong type."""


@dataclass(frozen=True)
class Between:
    """The values that a number may have: from ``low`` to ``high``, both included."""

    low: float
    high: float
    words: str


Count: TypeAlias = Annotated[int, Between(1, math.inf, "a whole number of at least 1")]
Natural: TypeAlias = Annotated[int, Between(0, math.inf, "a whole number of at least 0")]
# numpy.random.seed takes no more.
Seed: TypeAlias = Annotated[int, Between(0, 2**32 - 1, "a whole number from 0 to 2^32 - 1")]
Positive: TypeAlias = Annotated[float, Between(math.ulp(0.0), math.inf, "a number greater than 0")]
NonNegative: TypeAlias = Annotated[float, Between(0, math.inf, "a number of at least 0")]
Share: TypeAlias = Annotated[float, Between(0, 1, "a number from 0 to 1")]


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
    """Walk down ``keys`` to a mapping; an absent key names its siblings."""
    for depth, key in enumerate(keys):
        place = ".".join((source, *keys[:depth]))
        if key not in content:
            known = ", ".join(sorted(map(str, content))) or "none"
            raise ConfigError(f"{place}: no key {key!r}; there are: {known}")
        content = content[key]
        if not isinstance(content, Mapping):
            raise ConfigError(f"{place}.{key}: expected a mapping, got {content!r}")
    return content


def parse(cls: type[T], value: Any, place: str) -> T:
    """Build the frozen dataclass ``cls`` from a mapping.

    Raises ConfigError with the dotted place for keys that are unknown or missing, all of them at
    once, and for a value of the wrong type or out of its range. Fields have no defaults:
    params.yaml is the only place where a number is written.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: expected a mapping, got {value!r}")
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in dataclasses.fields(typing.cast(Any, cls))]
    _check_keys(value, names, names, place)
    return cls(**{name: _convert(hints[name], value[name], f"{place}.{name}") for name in names})


def check(hint: Any, value: Any, place: str) -> None:
    """Whether a value is of a type, such as a TypedDict; raises ConfigError as ``parse`` does."""
    _convert(hint, value, place)


def _check_keys(
    value: Mapping[str, Any], known: Collection[str], needed: Collection[str], place: str
) -> None:
    if unknown := [str(key) for key in value if key not in known]:
        raise ConfigError(
            f"{place}.{', '.join(unknown)}: unknown {_counted(unknown)}; known: {', '.join(known)}"
        )
    if missing := [name for name in known if name in needed and name not in value]:
        raise ConfigError(f"{place}.{', '.join(missing)}: missing; add the {_counted(missing)}")


def _counted(names: list[str]) -> str:
    return "key" if len(names) == 1 else "keys"


def _convert(hint: Any, value: Any, place: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Annotated:
        return _ranged(_convert(arguments[0], value, place), arguments[1:], place)
    if origin is typing.Literal:
        if value not in arguments:
            choices = ", ".join(map(str, arguments))
            raise ConfigError(f"{place}: {_shown(value)} is none of: {choices}")
        return value
    if origin in (typing.Union, types.UnionType):
        return _alternative(arguments, value, place)
    if origin in (tuple, list):
        if not isinstance(value, list):
            raise ConfigError(f"{place}: expected a list, got {_shown(value)}")
        return origin(_convert(arguments[0], v, f"{place}[{i}]") for i, v in enumerate(value))
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{place}: expected a mapping, got {_shown(value)}")
        return {str(k): _convert(arguments[1], v, f"{place}.{k}") for k, v in value.items()}
    if typing.is_typeddict(hint):
        return _keyed(hint, value, place)
    if dataclasses.is_dataclass(hint):
        return parse(typing.cast(type, hint), value, place)
    return _scalar(hint, value, place)


def _alternative(hints: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and type(None) in hints:
        return None
    *others, last = [hint for hint in hints if hint is not type(None)]
    for hint in others:
        with contextlib.suppress(ConfigError):
            return _convert(hint, value, place)
    return _convert(last, value, place)


def _keyed(hint: Any, value: Any, place: str) -> dict[str, Any]:
    """The items of a TypedDict."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: expected a mapping, got {_shown(value)}")
    hints = typing.get_type_hints(hint)
    _check_keys(value, hints, hint.__required_keys__, place)
    return {name: _convert(hints[name], each, f"{place}.{name}") for name, each in value.items()}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _scalar(hint: type, value: Any, place: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{place}: expected {hint.__name__}, got {_shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{place}: expected a finite number, got {_shown(value)}")
    return value


def _ranged(value: Any, limits: tuple[Any, ...], place: str) -> Any:
    for limit in limits:
        if not limit.low <= value <= limit.high:
            raise ConfigError(f"{place}: expected {limit.words}, got {_shown(value)}")
    return value
