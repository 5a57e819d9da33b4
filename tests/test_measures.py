"""docs/measures know no metric that no family has."""

from repertoire.contract import family_names, load_family
from repertoire.measured import Declared
from tests.documented import DOCUMENTED

DECLARED = Declared(tuple(m for f in family_names() for m in load_family(f).metrics), ())


def test_every_metric_of_the_pages_is_declared_by_a_family_with_its_direction():
    assert len(DOCUMENTED) > 60
    for name, (_, way, example) in DOCUMENTED.items():
        assert DECLARED.metric(example).better == way, name
