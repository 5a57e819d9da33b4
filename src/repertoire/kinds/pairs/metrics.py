"""How close strings are to reference strings."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric

DECODED = {"": "", "beam_{beam:d}_": ", beam of {beam}"}  # greedily where nothing is said
MEASURES = {
    "exact_match": "Exact match",
    "chrf": "chrF",
    "bleu": "BLEU by character",
    "bleu_13a": "BLEU",
    "bleu_13a_lowercase": "BLEU, lower-cased",
    "distinct_{n:d}": "Distinct-{n}",
}
METRICS = (
    *(
        Metric(f"{how}{key}_percent", f"{label}{said}", "%", "higher")
        for how, said in DECODED.items()
        for key, label in MEASURES.items()
    ),
    # Of a part of the test split that the data name, such as questions with longer terms.
    Metric("{part}_exact_match_percent", "Exact match, {part}", "%", "higher"),
)


def text_measurement(
    guesses: Sequence[str], references: Sequence[str], measures: Collection[str] = ()
) -> Measurement:
    """Exact match, chrF (Popović 2015) and character BLEU (Papineni et al. 2002), in percent.

    chrF and BLEU are sacrebleu's. BLEU splits characters, because the strings are short and
    Korean has no 13a tokens; with ``words`` among the measures BLEU of 13a tokens stands beside
    it, as written and of small letters. ``signatures`` states all settings. ``variety`` adds that
    of the guesses. What corpus scores are made of is counted once a pair and then summed.
    """
    same = np.array([g == r for g, r in zip(guesses, references, strict=True)])
    scorers = _scorers(measures)
    # sacrebleu's own statistics a sentence, of which it makes a corpus score by their sum.
    counted = {
        name: np.array(scorer._extract_corpus_statistics(list(guesses), [list(references)]))
        for name, scorer in scorers.items()
    }

    varied = variety_measurement(guesses) if "variety" in measures else None

    def measure(rows: Array) -> dict[str, float]:
        found = {"exact_match_percent": 100 * float(same[rows].mean())}
        for name, scorer in scorers.items():
            sums = counted[name][rows].sum(0).tolist()
            found[f"{name}_percent"] = scorer._compute_score_from_stats(sums).score
        return found | (varied.measure(rows) if varied else {})

    return Measurement(len(guesses), measure)


def variety_measurement(texts: Sequence[str]) -> Measurement:
    """distinct-1 and -2: different words and pairs of words, in percent of all (Li et al. 2016)."""
    words = [text.split() for text in texts]
    single, pairs = _Numbered(words), _Numbered([list(pairwise(row)) for row in words])

    def measure(rows: Array) -> dict[str, float]:
        drawn = np.bincount(rows, minlength=len(texts))
        return {
            "distinct_1_percent": single.distinct_percent(drawn),
            "distinct_2_percent": pairs.distinct_percent(drawn),
        }

    return Measurement(len(texts), measure)


class _Numbered:
    """Things in rows, each different one under a number of its own."""

    def __init__(self, rows: Sequence[Sequence[Hashable]]) -> None:
        known: dict[Hashable, int] = {}
        ids = [known.setdefault(thing, len(known)) for row in rows for thing in row]
        self.ids, self.known = np.array(ids, np.int64), len(known)
        self.lengths = np.array([len(row) for row in rows], np.int64)

    def distinct_percent(self, drawn: Array) -> float:
        """Different things in percent of all, of rows that were drawn so many times each."""
        seen = np.zeros(self.known, bool)
        seen[self.ids[np.repeat(drawn > 0, self.lengths)]] = True
        return 100 * int(seen.sum()) / max(1, int(drawn @ self.lengths))


def signatures(measures: Collection[str] = ()) -> dict[str, str]:
    """sacrebleu's description of exactly what was computed."""
    scorers = _scorers(measures)
    for scorer in scorers.values():
        scorer.corpus_score(["a"], [["a"]])
    return {name: str(scorer.get_signature()) for name, scorer in scorers.items()}


def _scorers(measures: Collection[str]) -> Mapping[str, Any]:
    from sacrebleu.metrics import BLEU, CHRF

    words = {"bleu_13a": BLEU(), "bleu_13a_lowercase": BLEU(lowercase=True)}
    return {
        "chrf": CHRF(),
        "bleu": BLEU(tokenize="char"),
        **(words if "words" in measures else {}),
    }
