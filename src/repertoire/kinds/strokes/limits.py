"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.strokes.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    unit = f"Nats are those of a density whose unit of length is {facts['unit']}."
    if "fonts" in facts:
        return [
            f"{unit} No hand wrote these words: they are made up of frequent letter pairs and "
            f"drawn from the fonts {', '.join(facts['fonts'])} with seeded distortions."
        ]
    return [
        f"{unit} It knows no end of a sketch and draws as many points as are asked for. Offsets "
        "are whole numbers that were spread evenly within their step."
    ]
