"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.labelled_texts.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [f"{100 * facts['unknown_share_test']:.1f} % of the test tokens are unknown to it."]
