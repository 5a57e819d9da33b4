"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.panel.facts import Facts
from repertoire.kinds.series.limits import course, filled


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    return [course("a single backtest", facts), *filled(facts)]
