"""Small stand-ins of every data set and recipe, one module a kind of data.

Each module offers ``ARCHIVES`` (file name -> function that writes it to a path), ``DATA`` (data set
-> changes of its ``config``), ``BASELINES`` (data set -> changes of its ``baseline``) and
``RECIPES`` (recipe -> changes of its ``config``; the recipes a whole miniature pipeline runs),
``STUDIES`` (study -> changes of its ``config``).
``STAND_INS`` names, for other recipes of params.yaml, the one whose small sizes they take, and
``DATA_OF``, for other data sets, the one that stands for them, those of the published scale too;
``PREPARED`` (data set -> function that writes it to a folder) are those of no default recipe;
``BENCHMARK_SIZES`` changes the ``config`` of a recipe or study of that scale that takes minutes.
"""

import importlib
import pkgutil
from typing import Any


def gathered(name: str) -> dict[str, Any]:
    """The mapping of that name over all modules."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(__path__):
        found |= getattr(importlib.import_module(f"{__name__}.{module.name}"), name, {})
    return found
