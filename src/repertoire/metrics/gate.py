"""Whether a model may be used: the rules that params.yaml states."""


def margin_over(better: str, value: float, other: float) -> float:
    """By how much ``value`` beats ``other``, in their unit; negative if it does not."""
    return other - value if better == "lower" else value - other
