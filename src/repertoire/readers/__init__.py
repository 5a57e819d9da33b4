"""From files to the table of a kind of data; one module a format or a published corpus.

A reader offers ``KIND`` of data, ``Config`` (frozen dataclass), ``tabulate(config, files) ->
DataFrame`` with the columns ``split`` and ``key`` besides its own (``files`` holds the paths of its
``sources``),
``expectations(config)``, and ``encode(config, table) -> Encoded``.
"""

import importlib
import pkgutil
from types import ModuleType

from repertoire.config import ConfigError


def reader_names() -> list[str]:
    """Every reader, found by file name."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg)


def load_reader(name: str) -> ModuleType:
    """The reader called ``name``; an unknown name lists the known ones."""
    if name not in reader_names():
        raise ConfigError(f"no reader {name!r}; there are: {', '.join(reader_names())}")
    return importlib.import_module(f"{__name__}.{name}")
