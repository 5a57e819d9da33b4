"""One module a kind of data set, found by file name.

A reader offers ``KIND`` of data, ``Config`` (frozen dataclass), ``tabulate(config, files) ->
DataFrame`` with the columns ``split`` and ``key`` besides its own (``files`` holds the paths of its
``sources``),
``expectations(config)``, and ``encode(config, table) -> Encoded``.
"""

import importlib
import pkgutil
from types import ModuleType

from repertoire.config import ConfigError


def load_reader(name: str) -> ModuleType:
    """The reader called ``name``; an unknown name lists the known ones."""
    known = sorted(m.name for m in pkgutil.iter_modules(__path__))
    if name not in known:
        raise ConfigError(f"no reader {name!r}; there are: {', '.join(known)}")
    return importlib.import_module(f"{__name__}.{name}")
