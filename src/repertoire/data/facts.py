"""What every prepared data set says of itself, and the blocks that facts of several kinds share.

``repertoire.kinds.<kind>.facts`` offers ``Facts``, which has these keys and those of its kind.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, TypedDict

from repertoire.config import ConfigError, RepertoireError, check

LeftOut: TypeAlias = dict[str, str]  # a metric, baseline or model -> why it is not measured


class CommonFacts(TypedDict):
    """Keys of all kinds; each kind adds ``kind``, its own name.

    ``origin`` and ``licence`` are those of all sources, joined by "; ".
    """

    dataset: str
    origin: str
    licence: str


class Counts(TypedDict):
    """How many of something each split has."""

    train: int
    valid: int
    test: int


class HeldOutCounts(TypedDict):
    """How many of something the splits have on which nothing is trained."""

    valid: int
    test: int


def check_facts(module: Any, facts: Mapping[str, Any], reader: str) -> None:
    """Whether facts that ``reader`` gave fit the ``Facts`` of a kind's module.

    Raises RepertoireError for keys that are unknown or missing, and for a value of another type.
    """
    file = f"src/{module.__name__.replace('.', '/')}.py"
    try:
        check(module.Facts, facts, "facts")
    except ConfigError as error:
        raise RepertoireError(
            f"reader {reader}: {error}; mend the reader, or Facts in {file}"
        ) from None
