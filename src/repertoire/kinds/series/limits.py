"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.series.facts import CourseFacts, Facts

SIGNIFICANT = 0.05  # p-values below it are taken for more than chance


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    notes = [course("a single backtest of one series", facts), *filled(facts)]
    if "dm_p_value" in metrics:
        notes.append(against_the_strongest(metrics["dm_statistic"], metrics["dm_p_value"]))
    return notes


def course(what: str, facts: CourseFacts) -> str:
    """What one course of time cannot show."""
    return (
        f"It was tested on {what}, from {facts['from']['test']} on: what "
        "never happened before then it cannot know, and intervals hold only while the series "
        "goes on as before. Neighbouring origins overlap, so their errors are not independent."
    )


def filled(facts: CourseFacts) -> list[str]:
    """What filled gaps do to errors; nothing where no value was missing."""
    if not (count := facts.get("filled")):
        return []
    return [
        f"{count:,} missing values were interpolated by straight lines, which lean on the "
        "value after the gap: errors around them are somewhat too small."
    ]


def against_the_strongest(statistic: float, p_value: float) -> str:
    """What Diebold and Mariano's test (1995) says, in words."""
    rival = "the baseline that was the strongest on validation"
    if p_value >= SIGNIFICANT:
        verdict = f"the difference from {rival} may be chance"
    elif statistic < 0:
        verdict = f"its errors are smaller than those of {rival}"
    else:
        verdict = f"{rival} has smaller errors"
    return f"Diebold–Mariano statistic {statistic:.2f} (p-value {p_value:.3f}): {verdict}."
