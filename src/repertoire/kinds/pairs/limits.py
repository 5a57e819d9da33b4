"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.pairs.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    notes = []
    if "exact_match_percent" in metrics:
        notes.append(
            f"{100 - metrics['exact_match_percent']:.1f} % of the test lines come out different "
            "from the reference when decoding is greedy."
        )
    return [*notes, "The net saw nothing but lines of this data set."]
