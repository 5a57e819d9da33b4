"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.captions.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    if "encoder" not in facts:
        return [
            "It knows images made as these were, and no others. BLEU of other images, or of "
            "another split into words, cannot be compared."
        ]
    counts = facts["photographs"]
    return [
        f"It sees through {facts['encoder']}, and learned to speak from {counts['train']:,} "
        f"photographs: it says what is frequent among them. {counts['test']:,} test photographs "
        "are few, and BLEU of another subset or another split into words cannot be compared."
    ]
