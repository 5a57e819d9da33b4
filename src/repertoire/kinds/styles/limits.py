"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.styles.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [
        f"Losses are those of {facts['loss_network']}: of other layers, weights or sizes they are "
        "another measure. They say how near features are, not whether a person likes the image."
    ]
