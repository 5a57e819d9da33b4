"""What a data set of pairs of texts says of itself."""

from typing import Literal, NotRequired, TypeAlias

from repertoire.data.facts import CommonFacts, Counts

# Beside exact match, chrF and BLEU by character: BLEU by word, distinct words of what is written.
Measure: TypeAlias = Literal["words", "variety"]


class Facts(CommonFacts):
    """Lengths and counts are of ids where nothing else is said."""

    kind: Literal["pairs"]
    source_vocabulary: int
    target_vocabulary: int
    end: int  # the id that ends a text
    longest_target: int  # the end too
    pairs: Counts
    extras: NotRequired[dict[str, int]]  # pairs that are measured beside the test split, by name
    measures: NotRequired[list[Measure]]  # what is measured besides
    mean_target_characters: NotRequired[float]  # of training
