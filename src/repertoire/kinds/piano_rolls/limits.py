"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.piano_rolls.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [
        f"Frames are sampled {facts['steps_a_quarter']} times a quarter note: shorter notes are "
        "lost, a note struck again looks held, and nats per frame of another step are another "
        "measure. Metre and the place in the bar are not given to the net."
    ]
