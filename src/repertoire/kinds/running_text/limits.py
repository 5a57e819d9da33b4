"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.running_text.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [
        f"It knows {facts['vocabulary']:,} tokens; {100 * facts['unknown_share_test']:.1f} % of "
        "the test tokens are outside them and count as one unknown token. Perplexities of "
        "different vocabularies cannot be compared."
    ]
