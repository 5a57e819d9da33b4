"""The captions of each image, as references."""

from collections.abc import Collection, Mapping, Sequence

from repertoire.kinds.captions.facts import Facts
from repertoire.metrics.bleu import Unit


def references(texts: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """The captions of each image of a split, in the order of their sides.

    An image may have fewer captions than another: the sides that it lacks are empty texts.
    """
    return [tuple(filter(None, row)) for row in zip(*texts.values(), strict=True)]


def measured(facts: Facts) -> tuple[Unit, Collection[str]]:
    """What n-grams consist of, and the metrics that are left out; words and none by default."""
    return facts.get("unit", "word"), facts.get("left_out", {})
