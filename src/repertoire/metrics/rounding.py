"""Numbers as they are written down."""

from collections.abc import Mapping
from typing import Any


def rounded(values: Mapping[str, Any], digits: int = 6) -> dict[str, Any]:
    """Floats to ``digits`` significant digits: more would be noise in a report and in a diff."""
    return {k: float(f"{v:.{digits}g}") if isinstance(v, float) else v for k, v in values.items()}
