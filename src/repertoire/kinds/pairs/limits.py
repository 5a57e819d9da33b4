"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.pairs.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    different = 100 - metrics["exact_match_percent"]
    return [
        f"{different:.1f} % of the test lines come out different from the reference when decoding "
        "is greedy. The net saw nothing but lines of this data set."
    ]
