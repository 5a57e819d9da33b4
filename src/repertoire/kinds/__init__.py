"""One home for each kind of data: how a table becomes arrays, and what a net on it must beat.

A kind is a package. ``encoding.py`` turns the table of a reader into arrays, facts and encodings,
with the expectations that every table of the kind meets; ``facts.py`` offers ``Facts``, a TypedDict
of the facts, which ``prepare`` checks before it writes them; ``baselines.py`` offers ``Config``,
``NAMES`` of what a gate may name, and ``baselines(config, data) -> {name: value}`` on the test
split; ``metrics.py`` are the measures of this kind alone.
"""

import importlib
import pkgutil
from types import ModuleType

from repertoire.config import ConfigError


def kind_names() -> list[str]:
    """Every kind of data, found by folder name."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__))


def load_baselines(kind: str) -> ModuleType:
    """The baselines for data of this kind."""
    return _load(kind, "baselines")


def load_facts(kind: str) -> ModuleType:
    """What data of this kind say of themselves: ``Facts``."""
    return _load(kind, "facts")


def _load(kind: str, module: str) -> ModuleType:
    if kind not in kind_names():
        raise ConfigError(f"no data of kind {kind!r}; there are: {', '.join(kind_names())}")
    return importlib.import_module(f"{__name__}.{kind}.{module}")
