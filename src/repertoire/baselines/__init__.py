"""What a net must beat: simple models of the same data, scored by the same protocol.

One module per kind of data (``KIND`` of a reader), each with ``Config``, ``NAMES`` of what a gate
may name, and ``baselines(config, data) -> {name: value}`` on the test split.
"""

import importlib
import pkgutil
from types import ModuleType

from repertoire.config import ConfigError


def load_baselines(kind: str) -> ModuleType:
    """The baselines for data of this kind."""
    known = sorted(m.name for m in pkgutil.iter_modules(__path__))
    if kind not in known:
        raise ConfigError(f"no baselines for data of kind {kind!r}; there are: {known}")
    return importlib.import_module(f"{__name__}.{kind}")
