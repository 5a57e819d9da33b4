"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.sentences.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [
        f"It knows {facts['vocabulary']:,} tokens and saw only sentences that consist of them: "
        "every other word is one unknown word to it, and longer sentences are kept worse. It finds "
        "sentences built alike, which need not mean the same."
    ]
