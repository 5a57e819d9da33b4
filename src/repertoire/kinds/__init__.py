"""One home for each kind of data: how a table becomes arrays, and what a net on it must beat.

A kind is a package. ``encoding.py`` turns the table of a reader into arrays, facts and encodings,
with the expectations that every table of the kind meets. ``facts.py`` offers ``Facts``, a TypedDict
of the facts, which ``prepare`` checks before it writes them. ``baselines.py`` offers ``Config``,
``BASELINES`` (a ``repertoire.measured.Baseline`` each), and ``baselines(config, data)`` with the
values on the test split, called <baseline>_<metric>. ``metrics.py`` holds the measures of this kind
and declares them. ``limits.py`` offers ``limits(facts, metrics, epochs)``: sentences of a model
card that say what the numbers do not show.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from repertoire.config import ConfigError


def kind_names() -> list[str]:
    """Every kind of data, found by folder name."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__))


def load_baselines(kind: str) -> ModuleType:
    """The baselines for data of this kind."""
    return _module(kind, "baselines")


def load_facts(kind: str) -> ModuleType:
    """What data of this kind say of themselves: ``Facts``."""
    return _module(kind, "facts")


def load_limits(kind: str) -> Callable[[Mapping[str, Any], Mapping[str, float], int], list[str]]:
    """(facts, test metrics, epochs of training) -> what the numbers do not show."""
    return _module(kind, "limits").limits


def _module(kind: str, name: str) -> ModuleType:
    if kind not in kind_names():
        raise ConfigError(f"no data of kind {kind!r}; there are: {', '.join(kind_names())}")
    return importlib.import_module(f"{__name__}.{kind}.{name}")
