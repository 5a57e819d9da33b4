"""What the keys of a recipe's results mean, as its family and its kind of data declare them."""

from repertoire.contract import load_family
from repertoire.kinds import load_baselines
from repertoire.measured import Declared


def declared(family: str, kind: str) -> Declared:
    """Metrics of the family, baselines of the kind."""
    return Declared(load_family(family).metrics, load_baselines(kind).BASELINES)
