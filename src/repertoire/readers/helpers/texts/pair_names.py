"""Names by which columns and files call the two sides of a pair."""

from collections.abc import Sequence
from typing import TypeAlias

from repertoire.data.doors import OptionNeeded

Asked: TypeAlias = tuple[str | None, str | None]  # source and target, where they are said
_SOURCES = "source src input question q query prompt instruction from x"
_TARGETS = "target tgt trg output answer a response reply completion translation to y"
_CODES = (
    "ar bg bn cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt ro ru sk "
    "sl sr sv sw ta th tr uk ur vi zh eng fra fre deu ger spa ita por rus jpn kor zho chi"
)
_LANGUAGES = "english french german spanish italian portuguese russian japanese korean chinese"
SOURCES, TARGETS = _SOURCES.split(), _TARGETS.split()
LANGUAGES = frozenset([*_CODES.split(), *_LANGUAGES.split()])


def told(names: Sequence[str], texts: Sequence[str], asked: Asked) -> tuple[str, str]:
    """Source and target among ``names`` of columns or files. Raises OptionNeeded."""
    by_name = {name.lower(): name for name in reversed(names)}
    source = asked[0] or next((by_name[each] for each in SOURCES if each in by_name), None)
    target = asked[1] or next((by_name[each] for each in TARGETS if each in by_name), None)
    if source and target:
        return source, target
    languages = [name for name in names if name.lower() in LANGUAGES]
    two = languages if len(languages) == 2 else list(texts)
    if len(two) == 2 and not source and not target:
        return two[0], two[1]
    if len(two) == 2 and (source or target) in two:
        other = next(name for name in two if name != (source or target))
        return (source, other) if source else (other, str(target))
    listed = ", ".join(two or names)
    raise OptionNeeded(
        f"which are source and target among: {listed}; say: --source NAME --target NAME"
    )
