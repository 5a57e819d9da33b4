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


def fitting_batch(rows: int, most: int) -> int:
    """Images of a batch: at least eight batches an epoch where there are few images."""
    return max(2, min(most, rows // 8))


def enough_epochs(rows: int, batch: int, steps: int) -> int:
    """Epochs that take about so many steps in all; 5 to 400."""
    return int(min(400, max(5, round(steps * batch / max(1, rows)))))


def chunk_of(side: int) -> int:
    """Images that are decoded at once, so that their maps fit in some 100 MB."""
    return max(16, min(250, 250 * 32**2 // side**2))
