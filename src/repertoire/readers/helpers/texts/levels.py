"""How a text is best cut into tokens: by its script, and by how much of it there is.

Words need many occurrences each; a script without spaces has none to cut at; words of many forms
are cut into subwords (Sennrich et al. 2016). Below that, characters are left.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from repertoire.config import ConfigError
from repertoire.data.doors import Fact
from repertoire.data.text import END, UNKNOWN, WORDS, Level

# Thai, Lao, Burmese, Khmer, kana, Han.
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
HANGUL = re.compile("[\uac00-\ud7a3]")
LETTER = re.compile(r"[^\W\d_]")
COUNTED = 3_000_000  # characters of a sample that are counted
ENOUGH_WORDS = 100_000  # of training, below which most words are too rare to be learned
ENOUGH_HANGUL = 1_000_000  # the same of Korean, whose words take many endings
UNKNOWN_SHARE = 0.08  # of held-out words; more of them, and words are cut into subwords
MANY_WORDS = 2_000_000
LARGEST = {"character": 8000, "word": 30_000, "spaced": 30_000, "subword": 8000}
LEVELS = get_args(Level)


@dataclass(frozen=True)
class Cut:
    """The tokens that are proposed, in the words of ``Running``, and why."""

    level: Level
    lowercase: bool
    vocabulary: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Script:
    """Shares of the letters of a text that are of a script without spaces, and of Hangul."""

    spaceless: float
    hangul: float

    @property
    def name(self) -> str:
        """In words."""
        if self.spaceless > 0.3:
            return "a script that sets no spaces between words"
        return "Korean" if self.hangul > 0.3 else "a script with spaces between words"


def script_of(text: str) -> Script:
    """The script of most letters."""
    part = text[: COUNTED // 10]
    letters = max(1, len(LETTER.findall(part)))
    return Script(len(SPACELESS.findall(part)) / letters, len(HANGUL.findall(part)) / letters)


def cut(train: Sequence[str], held: Sequence[str], scale: float, options: Mapping[str, str]) -> Cut:
    """What suits the lines of training; ``held`` shows how many words would be unknown.

    The whole is ``scale`` times as long. ``options`` may decide ``level``, ``lowercase`` and
    ``vocabulary``. Raises ConfigError for a value that none of them has.
    """
    whole_text = "\n".join(train)
    counted = _Counted(whole_text[:COUNTED], "\n".join(held)[:COUNTED])
    words = round(scale * counted.words * max(1.0, len(whole_text) / COUNTED))
    level, reason = _asked_level(options) or _level(counted, words)
    lowercase = flag(options, "lowercase", level == "word" and words < MANY_WORDS)
    size, which = _vocabulary(counted, words, level, lowercase)
    if "vocabulary" in options:
        size, which = whole(options, "vocabulary", 3), "as asked for"
    small = ", small letters" if lowercase else ""
    facts = [
        Fact("tokens", f"{level}{small}: {reason} (--level {'|'.join(LEVELS)})"),
        Fact("vocabulary", f"{size:,} tokens: {which} (--vocabulary N)"),
    ]
    if level in ("word", "spaced"):
        share = counted.unknown_share(level, lowercase, size)
        facts.append(Fact("unknown", f"{100 * share:.1f} % of the held-out words"))
    return Cut(level, lowercase, size, tuple(facts))


class _Counted:
    """Texts of training and of the held-out splits, whose tokens are counted once a level."""

    def __init__(self, train: str, held: str) -> None:
        self.train, self.held = train, held
        self.words = len(train.split())
        self._counts: dict[tuple[str, Level, bool], Counter[str]] = {}

    def counts(self, part: str, level: Level, lowercase: bool) -> Counter[str]:
        """How often each token occurs in ``train`` or ``held``; ends and unknown ones left out."""
        key = (part, level, lowercase)
        if key not in self._counts:
            text = self.train if part == "train" else self.held
            self._counts[key] = _counts(text.lower() if lowercase else text, level)
        return self._counts[key]

    def unknown_share(self, level: Level, lowercase: bool, size: int) -> float:
        """Of held-out words those that are not among the ``size - 2`` most frequent ones."""
        most = self.counts("train", level, lowercase).most_common(size - 2)
        known = {word for word, _ in most}
        asked = self.counts("held", level, lowercase)
        total = sum(asked.values())
        return sum(n for word, n in asked.items() if word not in known) / max(1, total)


def _counts(text: str, level: Level) -> Counter[str]:
    if level == "character":
        counts = Counter(text)
        del counts["\n"]
        return counts
    counts = Counter(text.split() if level == "spaced" else re.findall(WORDS, text))
    for special in (END, UNKNOWN):
        del counts[special]
    return counts


def _asked_level(options: Mapping[str, str]) -> tuple[Level, str] | None:
    if "level" not in options:
        return None
    if options["level"] not in LEVELS:
        raise ConfigError(f"--level {options['level']}: none of: {', '.join(LEVELS)}")
    return cast(Level, options["level"]), "as asked for"


def _level(counted: _Counted, words: int) -> tuple[Level, str]:
    script = script_of(counted.train)
    if script.spaceless > 0.3:
        return "character", script.name
    if re.search(r"(?<!\S)<unk>(?!\S)", counted.train):
        return "spaced", f"the text says {UNKNOWN} where others have a word, so it is cut already"
    if script.hangul > 0.3:
        if words < ENOUGH_HANGUL:
            few = f"syllables, for {words:,} words of Korean are too few to learn each form"
            return "character", few
        return "subword", f"Korean words take many endings; {words:,} words"
    if words < ENOUGH_WORDS:
        return "character", f"{words:,} words are too few to learn each (from {ENOUGH_WORDS:,} on)"
    size, _ = _vocabulary(counted, words, "word", True)
    share = counted.unknown_share("word", True, size)
    if share > UNKNOWN_SHARE:
        return "subword", f"{100 * share:.0f} % of the held-out words would be unknown as words"
    return "word", f"{words:,} words in {script.name} are enough to learn them"


def _vocabulary(counted: _Counted, words: int, level: Level, lowercase: bool) -> tuple[int, str]:
    """How many tokens, specials included, and which."""
    if level == "subword":
        size = 2000 if words < 3 * ENOUGH_WORDS else 4000 if words < MANY_WORDS else 8000
        return size, "merges of the most frequent pairs of letters"
    counts = counted.counts("train", level, lowercase)
    least = 2 if level == "character" or words < 3 * ENOUGH_WORDS else 3
    often = sum(count >= least for count in counts.values())
    largest = 10_000 if level == "word" and words < MANY_WORDS else LARGEST[level]
    size = max(4, min(largest, often + 2))
    frequent = f"those that training has {least} times or more"
    return size, frequent if size > often else f"the most frequent of {often:,}"


def flag(options: Mapping[str, str], name: str, default: bool) -> bool:
    """An option that is yes or no."""
    if name not in options:
        return default
    given = options[name].strip().lower()
    if given in ("yes", "true", "1", "no", "false", "0"):
        return given in ("yes", "true", "1")
    raise ConfigError(f"--{name} {options[name]}: write yes or no")


def whole(options: Mapping[str, str], name: str, least: int, default: int = 0) -> int:
    """An option that is a whole number of at least ``least``."""
    if name not in options:
        return default
    given = options[name].replace(",", "").replace("_", "").strip()
    if not given.isdecimal() or int(given) < least:
        raise ConfigError(f"--{name} {options[name]}: write a whole number of at least {least}")
    return int(given)


def share(options: Mapping[str, str], name: str, default: float) -> float:
    """An option that is a share, greater than 0 and less than 1."""
    if name not in options:
        return default
    try:
        given = float(options[name])
    except ValueError:
        given = -1.0
    if not 0 < given < 1:
        raise ConfigError(f"--{name} {options[name]}: write a number between 0 and 1, such as 0.1")
    return given


def chosen(options: Mapping[str, str], name: str, known: Sequence[str]) -> str | None:
    """An option that is one of ``known``; None where it is not given."""
    given = options.get(name)
    if given is not None and given not in known:
        raise ConfigError(f"--{name} {given}: none of: {', '.join(known)}")
    return given
