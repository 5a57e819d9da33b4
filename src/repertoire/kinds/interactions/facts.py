"""What a data set of likes says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts, LeftOut


class Facts(CommonFacts):
    """``weak`` generalisation: each user has likes in all splits; ``strong``: in one alone."""

    kind: Literal["interactions"]
    items: int  # of the catalogue: those that training users like
    generalisation: Literal["strong", "weak"]
    threshold: float | None  # the least rating that is a like; None without ratings
    users: Counts
    likes: Counts
    unknown_share_test: float  # of likes that are to be found, 0 to 1
    left_out: NotRequired[LeftOut]
