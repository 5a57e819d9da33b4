"""Translation without learning: copy, the most frequent target, the nearest known source, rules.

The nearest neighbour is that of a source in training. Of toys that hold out whole dates or sums it
is never right, so two rules stand beside it: one that reads dates as anybody would program it, and
one that learns what each pair of digits gives, place by place, and knows no carry. The first is
always right, as adding the numbers would be: no net is needed for either toy, and their gates say
so. A model of word alignments (IBM models) needs more than some thousand pairs of strings and a
language model beside it: it is no hour's work.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from repertoire.config import Count
from repertoire.contract import Data
from repertoire.kinds.pairs.facts import Facts
from repertoire.kinds.pairs.metrics import signatures, text_measurement, variety_measurement
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("copy", "copy of the source"),
    Baseline("most_frequent", "most frequent target"),
    Baseline("nearest_neighbour", "nearest-neighbour translation"),
    Baseline("date_rule", "rule that reads dates"),
    Baseline("digit_table", "table of digits without carry"),
    Baseline("reference", "variety of the references", "real"),
)
LARGEST = 2**24  # similarities that are held at once
Texts = dict[str, list[str]]  # "source" and "target", line by line
DATES = (  # of strptime, after ordinals, articles and commas are gone
    *("%B %d %Y", "%d %B %Y", "%b %d %Y", "%d-%b-%y", "%b %d %y", "%A %B %d %Y", "%a %d %b %Y"),
    *("%m/%d/%y", "%m/%d/%Y", "%d.%m.%Y", "%Y.%m.%d", "%Y%m%d", "%Y-%m-%d"),
)


@dataclass(frozen=True)
class Config:
    """``gram`` is the longest character n-gram by which sources are compared."""

    gram: Count
    rules: tuple[Literal["date_rule", "digit_table"], ...]


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Exact match, chrF, BLEU and what else the data ask for, on the test split, in percent."""
    train, test = data.texts("train"), data.texts("test")
    measures = data.facts.get("measures", ())
    values, counts = np.unique(train["target"], return_counts=True)
    guesses: dict[str, list[str]] = {
        "copy": test["source"],
        "most_frequent": [str(values[counts.argmax()])] * len(test["source"]),
        "nearest_neighbour": _nearest(config, train, test["source"]),
        **{rule: RULES[rule](train, test["source"]) for rule in config.rules},
    }
    found = Scores()
    for name, guess in guesses.items():
        found.measure(name, text_measurement(guess, test["target"], measures))
    if "variety" in measures:
        found.measure("reference", variety_measurement(test["target"]))
    found |= {f"{name}_signature": s for name, s in signatures(measures).items()}
    return found


def _nearest(config: Config, train: Texts, sources: list[str]) -> list[str]:
    """The target of the training source with the closest n-grams."""
    # Imported late: only this baseline needs it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, config.gram), lowercase=True)
    known = vectors.fit_transform(train["source"])
    asked = vectors.transform(sources)
    best: list[int] = []
    step = max(1, min(256, LARGEST // known.shape[0]))
    for start in range(0, asked.shape[0], step):
        best += (asked[start : start + step] @ known.T).toarray().argmax(1).tolist()
    return [train["target"][index] for index in best]


def date_rule(train: Texts, sources: list[str]) -> list[str]:
    """Each date in ISO 8601, or nothing where no format fits; nothing is learned."""
    return [_read_date(source) for source in sources]


def _read_date(text: str) -> str:
    parts = re.findall(r"\d+", text)
    if "년" in text or re.fullmatch(r"\d{4}\. \d+\. \d+\.", text):
        year, month, day = parts[:3]
        text = f"{month}/{day}/{year}"
    text = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text)
    text = " ".join(re.sub(r"\b(the|of)\b|,", " ", text).split())
    for form in DATES:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        # A year of two digits lies between 1970 and 2069, as the training pairs show.
        year = found.year + (100 if found.year < 1970 and "%y" in form else 0)
        return f"{year}-{found.month:02d}-{found.day:02d}"
    return ""


def digit_table(train: Texts, sources: list[str]) -> list[str]:
    """Sums digit by digit: the most frequent digit of the answer for each pair, place by place.

    Places count from the right; a number may have no digit there, and neither may the answer.
    """
    places = max(map(len, train["target"]))
    counts: defaultdict[tuple[int, str, str], Counter[str]] = defaultdict(Counter)
    for source, target in zip(train["source"], train["target"], strict=True):
        for place, key in enumerate(_digits(source, places)):
            counts[key][_digit(target, place)] += 1
    answers = {key: found.most_common(1)[0][0] for key, found in counts.items()}
    return [
        "".join(answers.get(key, "") for key in reversed(_digits(source, places)))
        for source in sources
    ]


def _digits(source: str, places: int) -> list[tuple[int, str, str]]:
    first, _, second = source.partition("+")
    return [(place, _digit(first, place), _digit(second, place)) for place in range(places)]


def _digit(number: str, place: int) -> str:
    return number[-1 - place] if place < len(number) else ""


RULES: dict[str, Callable[[Texts, list[str]], list[str]]] = {
    "date_rule": date_rule,
    "digit_table": digit_table,
}
