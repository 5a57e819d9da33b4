"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.novelty.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    counted = facts.get("images") or facts["rows"]
    chosen = (
        "labels of validation rows chose the epoch that is kept"
        if epochs > 1
        else ("no label was looked at in training")
    )
    return [
        f"What is new was tested by what this data set holds, not by all that may come; {chosen}. "
        "Thresholds were set by the normal ones "
        f"of {counted['valid']:,} validation rows: the share of false alarms holds while normal "
        "things stay as they were."
    ]
