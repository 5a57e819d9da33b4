"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.word_vectors.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    if "judged" not in facts:
        return [
            f"It knows {facts['vocabulary']:,} words of its one text. Nobody judged whether words "
            "that lie close are alike: the loss alone was measured."
        ]
    parts = [
        f"{judged['valid'] + judged['test']} of the {judged['all']} of {name}"
        for name, judged in facts["judged"].items()
    ]
    scatter = [
        f"by ±{100 / max(1, judged['test'] - 1) ** 0.5:.0f} % for {name}"
        for name, judged in facts["judged"].items()
        if name != "analogies"
    ]
    return [
        f"It knows {facts['vocabulary']:,} words of its one text, and so only "
        f"{' and '.join(parts)} have vectors; half of these decide. Correlations of so few pairs "
        f"scatter by chance: {' and '.join(scatter)}."
    ]
