"""How deep nets for images of a given size can be."""


def halvings_of(side: int, least: int) -> int:
    """How often a side can be halved to whole numbers of at least ``least`` pixels."""
    count = 0
    while side % 2 == 0 and side // 2 >= least:
        side, count = side // 2, count + 1
    return count
