"""Sizes of images that nets and baselines share."""

SIDES = (16, 128)  # least and most pixels of a side
SMALLEST_MAP = 8  # pixels of a side at which halving ends


def halvings(side: int) -> int:
    """How often a net halves the side: twice, and on until a map has 8 pixels a side or fewer."""
    count = 2
    while side / 2**count > SMALLEST_MAP:
        count += 1
    return count


def divisor(side: int) -> int:
    """What a side must be a multiple of."""
    return int(2 ** halvings(side))


def usable(side: int) -> int:
    """The largest side that nets take and that is not larger, ``SIDES`` at least."""
    side = min(max(side, SIDES[0]), SIDES[1])
    while side % divisor(side):
        side -= 1
    return side


def code_width(side: int, channels: int) -> int:
    """Numbers of a code: as many for a net as principal components for what it must beat."""
    return 32 if side * side * channels <= 1024 else 64
