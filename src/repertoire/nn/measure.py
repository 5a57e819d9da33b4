"""What is compared of two pictures; imports no torch, for params.yaml is read by everybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repertoire.config import NonNegative


@dataclass(frozen=True)
class Measure:
    """Layers of VGG-16 that are compared, called "relu2_2", and what style weighs against content.

    The layers of style in one loss have equal shares.
    """

    content: str
    style: tuple[str, ...]
    style_weight: NonNegative

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Measure":
        """As the facts of a data set keep it."""
        return cls(facts["content"], tuple(facts["style"]), facts["style_weight"])

    @property
    def layers(self) -> tuple[str, ...]:
        """Each layer once."""
        return tuple(dict.fromkeys((*self.style, self.content)))
