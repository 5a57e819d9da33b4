"""How close strings are to reference strings."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from repertoire.contract import Array, Measurement


def text_metrics(
    guesses: Sequence[str], references: Sequence[str], measures: Collection[str] = ()
) -> dict[str, float]:
    """Exact match, chrF (Popović 2015) and character BLEU (Papineni et al. 2002), in percent.

    chrF and BLEU are sacrebleu's. BLEU splits characters, because the strings are short and
    Korean has no 13a tokens; with ``words`` among the measures BLEU of 13a tokens stands beside
    it, as written and of small letters. ``signatures`` states all settings. ``variety`` adds that
    of the guesses.
    """
    return text_measurement(guesses, references, measures).measure(np.arange(len(guesses)))


def text_measurement(
    guesses: Sequence[str], references: Sequence[str], measures: Collection[str] = ()
) -> Measurement:
    """The same, by pair: what corpus scores are made of is counted once a pair and then summed."""
    same = np.array([g == r for g, r in zip(guesses, references, strict=True)])
    scorers = _scorers(measures)
    # sacrebleu's own statistics a sentence, of which it makes a corpus score by their sum.
    counted = {
        name: np.array(scorer._extract_corpus_statistics(list(guesses), [list(references)]))
        for name, scorer in scorers.items()
    }

    def measure(rows: Array) -> dict[str, float]:
        found = {"exact_match_percent": 100 * float(same[rows].mean())}
        for name, scorer in scorers.items():
            sums = counted[name][rows].sum(0).tolist()
            found[f"{name}_percent"] = scorer._compute_score_from_stats(sums).score
        return found | (variety([guesses[row] for row in rows]) if "variety" in measures else {})

    return Measurement(len(guesses), measure)


def variety(texts: Sequence[str]) -> dict[str, float]:
    """distinct-1 and -2: different words and pairs of words, in percent of all (Li et al. 2016)."""
    words = [text.split() for text in texts]
    pairs = [pair for row in words for pair in pairwise(row)]
    single = [word for row in words for word in row]
    return {
        "distinct_1_percent": 100 * len(set(single)) / max(1, len(single)),
        "distinct_2_percent": 100 * len(set(pairs)) / max(1, len(pairs)),
    }


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
