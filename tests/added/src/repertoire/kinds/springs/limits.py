"""What the numbers of a model of springs do not show."""

from collections.abc import Mapping

from repertoire.kinds.springs.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card."""
    return [f"No spring was loaded with more than {facts['heaviest']:g} newtons."]
