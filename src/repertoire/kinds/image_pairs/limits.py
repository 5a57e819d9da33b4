"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.image_pairs.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [
        f"It turns {facts['side']} × {facts['side']} pixels ({facts['source']}) into as many "
        f"({facts['target']}), whatever is sent. A source leaves much of its target open: the "
        "error of the mean of all possible targets is less than that of a sharp one, and neither "
        "number says which a person would prefer. The noise of training, dropout, is off."
    ]
