"""How close strings are to reference strings."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def text_metrics(guesses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Exact match, chrF (Popović 2015) and character BLEU (Papineni et al. 2002), in percent.

    chrF and BLEU are sacrebleu's. BLEU splits characters, because the strings are short and
    Korean has no 13a tokens; ``signatures`` states both settings.
    """
    chrf, bleu = _scorers()
    same = [g == r for g, r in zip(guesses, references, strict=True)]
    return {
        "exact_match_percent": 100 * float(np.mean(same)),
        "chrf_percent": chrf.corpus_score(list(guesses), [list(references)]).score,
        "bleu_percent": bleu.corpus_score(list(guesses), [list(references)]).score,
    }


def signatures() -> dict[str, str]:
    """sacrebleu's description of exactly what was computed."""
    chrf, bleu = _scorers()
    for scorer in (chrf, bleu):
        scorer.corpus_score(["a"], [["a"]])
    return {"chrf": str(chrf.get_signature()), "bleu": str(bleu.get_signature())}


def _scorers() -> tuple[Any, Any]:
    from sacrebleu.metrics import BLEU, CHRF

    return CHRF(), BLEU(tokenize="char")
