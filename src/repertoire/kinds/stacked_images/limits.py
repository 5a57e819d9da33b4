"""What the numbers of a model of these data do not show."""

from repertoire.kinds.images.limits import limits

__all__ = ("limits",)
