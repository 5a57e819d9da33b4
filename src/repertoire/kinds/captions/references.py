"""What readers of captioned pictures share."""

from collections.abc import Mapping, Sequence


def references(texts: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """The captions of each picture of a split, in the order of their sides."""
    return list(zip(*texts.values(), strict=True))
