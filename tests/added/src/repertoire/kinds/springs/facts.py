"""What a data set of springs says of itself."""

from typing import Literal

from repertoire.data.facts import CommonFacts, Counts


class Facts(CommonFacts):
    """Springs by split, and the largest load, in newtons."""

    kind: Literal["springs"]
    springs: Counts
    heaviest: float
