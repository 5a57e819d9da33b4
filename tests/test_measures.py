"""docs/measures.md knows no metric that no family has."""

import re

from repertoire.contract import family_names, load_family
from tests.documented import DOCUMENTED

DECLARED = [item for family in family_names() for item in load_family(family).metrics.items()]


def test_every_metric_of_the_page_is_declared_by_a_family_with_its_direction():
    unknown = {
        name
        for name, (_, way, example) in DOCUMENTED.items()
        if not any(re.fullmatch(names, example) and way == w for names, w in DECLARED)
    }
    assert len(DOCUMENTED) > 60 and unknown == set()
