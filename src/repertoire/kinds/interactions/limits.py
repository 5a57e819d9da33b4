"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.interactions.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [
        f"It knows {facts['items']:,} items and recommends no other. What was hidden of test users "
        "counts as right, all else as wrong: an item that they would have liked but never met "
        "counts against it. What people do with recommendations was not tested."
    ]
