"""Small experiments on how nets learn sequences: one module a study, found by file name.

A study offers ``Config`` (frozen dataclass, its seed included) and ``study(config) ->
(figures, metrics)``, metrics by name with unit. It makes its own data, trains for seconds, gives
the same numbers every time, and its docstring is what the report says of it.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeAlias

from repertoire.config import ConfigError
from repertoire.contract import Figure

HARD_SPACE = "\N{NO-BREAK SPACE}"  # a plain space in a heat map's label is shown as a sign
Findings: TypeAlias = tuple[tuple[Figure, ...], dict[str, float]]


def metric_name(*labels: str) -> str:
    """Labels as a reader sees them, as one name of a metric."""
    return "_".join(labels).lower().replace(" ", "_").replace("-", "_")


def study_modules() -> tuple[str, ...]:
    """Every module that holds a study."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


def load_study(module: str) -> ModuleType:
    """The study in this module; an unknown name lists the known ones."""
    known = study_modules()
    if module not in known:
        raise ConfigError(f"no study {module!r}; there are: {', '.join(known)}")
    return importlib.import_module(f"{__name__}.{module}")
