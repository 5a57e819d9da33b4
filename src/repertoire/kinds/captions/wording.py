"""Captions as nets learn and say them: plain words, and what they consist of.

As is usual for captions, they are compared in lower case and without punctuation (Chen et al. 2015,
Microsoft COCO Captions, section 3.1), so nets learn them so.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count
from repertoire.data.text import Level
from repertoire.metrics.bleu import Unit, split_into

CaptionLevel = Literal["word", "subword", "character"]
LEVELS: dict[CaptionLevel, Level] = {
    "word": "spaced",  # what ``plain`` sets apart, and nothing else
    "subword": "subword",
    "character": "character",
}
APOSTROPHES, HYPHENS = "'\u2019\u02bc", "-\u2010\u2011"
JOINERS = "\u200c\u200d"  # join or part the letters of a word
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
SPECIALS = 3  # ids of padding, end and unknown


@dataclass(frozen=True)
class Wording:
    """How captions become ids: ``vocabulary`` bounds the tokens of a ``level``.

    ``longest`` is in words, or in characters at the level of characters; BLEU is measured of
    n-grams up to ``bleu``.
    """

    level: CaptionLevel
    vocabulary: Count
    longest: Count
    bleu: Literal[1, 2, 3, 4]

    @property
    def unit(self) -> Unit:
        """What lengths and n-grams are counted in."""
        return unit_of(self.level)


def unit_of(level: CaptionLevel) -> Unit:
    """Pieces of words are put together before captions are compared."""
    return "character" if level == "character" else "word"


class _Plain(dict[int, str]):
    """What a character becomes, looked up once."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        kind = unicodedata.category(letter)
        if letter in APOSTROPHES:
            letter = "'"
        elif letter in HYPHENS:
            letter = "-"
        elif kind == "Cf" and letter not in JOINERS:
            letter = ""
        elif kind[0] in "PZC" and letter not in JOINERS:
            letter = " "
        self[code] = letter
        return letter


PLAIN = _Plain()


def plain(text: str) -> str:
    """Lower case, composed (NFC), words set apart by single spaces; "" where there are no words.

    Of punctuation, apostrophes and hyphens inside a word are kept.
    """
    lowered = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    parted = re.sub(r"--+|''+", " ", lowered.translate(PLAIN))
    words = (word.strip("'-" + JOINERS) for word in parted.split())
    return " ".join(word for word in words if word)


def unspaced(texts: Sequence[str]) -> bool:
    """Whether most letters belong to scripts that set no spaces between words."""
    counts = Counter(letter for text in texts for letter in text if letter.isalpha())
    found = sum(n for a, n in counts.items() if unicodedata.name(a, "").startswith(UNSPACED))
    return 2 * found > counts.total()


def unknown_share(known: Sequence[str], others: Sequence[str]) -> float:
    """The share of the words of other captions that occur in none of the known ones."""
    vocabulary = {word for text in known for word in text.split()}
    words = [word for text in others for word in text.split()]
    return sum(word not in vocabulary for word in words) / max(1, len(words))


def highest_order(unit: Unit, texts: Sequence[str]) -> Literal[1, 2, 3, 4]:
    """The longest n-grams, of up to 4, that at least half of the captions have."""
    lengths = sorted(len(split_into(unit, text)) for text in texts)
    middle = lengths[len(lengths) // 2]
    return 4 if middle >= 4 else 3 if middle == 3 else 2 if middle == 2 else 1
