"""N-best lists: lines in which a recogniser was unsure of one word, with its scores.

Stands for what a recogniser of speech, handwriting or print hands to a language model. In a
held-out line, one word is listed with the words of the vocabulary whose spelling is closest; each
gets a score, drawn from a normal distribution of deviation 1 whose mean is 1 for the true word and
0 for the others. Under this channel the log-likelihood of a word is its score, up to a constant, so
by Bayes' rule the best choice maximises score + log-probability of the line: no weight is tuned.
"""

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.runtime.text import Encoding

PAD = -1


def nbest_lists(encoding: Encoding, tokens: Array, lists: int, choices: int) -> Arrays:
    """The first ``lists`` lines of a stream that have a word to confuse.

    candidates int64 (lists, choices, time): token ids up to the end token, filled up with -1;
    scores float32 (lists, choices); truth int64 (lists,): the place of the true line.
    """
    rng = np.random.default_rng(lists)
    close = closest_words(encoding, choices - 1)
    found: list[Array] = []
    truth: list[int] = []
    for line in np.split(tokens.astype(np.int64), np.flatnonzero(tokens == encoding.end) + 1):
        places = [place for place, token in enumerate(line) if int(token) in close]
        if len(line) > 4 and places and len(found) < lists:
            place, order = int(rng.choice(places)), rng.permutation(choices)
            options = np.array([line[place], *close[int(line[place])]])[order]
            here = np.arange(len(line)) == place
            found.append(np.where(here, options[:, None], line))
            truth.append(int(np.flatnonzero(order == 0)[0]))
    scores = rng.standard_normal((len(found), choices)).astype(np.float32)
    scores[np.arange(len(found)), truth] += 1
    return {
        "candidates": _padded(found, choices),
        "scores": scores,
        "truth": np.array(truth, np.int64),
    }


def closest_words(encoding: Encoding, count: int) -> dict[int, Array]:
    """For each word of three letters or more, the ids of those that share most pairs of letters.

    Similarity is the cosine of counts of letter pairs, word ends included; the more frequent word
    comes first among equals.
    """
    # Imported late: only ``prepare`` needs it.
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import normalize

    vocabulary = encoding.tokenizer.get_vocab()
    letters = (word for word in vocabulary if len(word) > 2 and word.isalpha())
    words = sorted(letters, key=vocabulary.__getitem__)
    ids = np.array([vocabulary[word] for word in words])
    if len(words) <= count:
        return {}
    pairs = CountVectorizer(analyzer="char_wb", ngram_range=(2, 2)).fit_transform(words)
    pairs = normalize(pairs.astype(np.float64))
    close: dict[int, Array] = {}
    for start in range(0, len(words), 512):
        likeness = (pairs[start : start + 512] @ pairs.T).toarray()
        rows = np.arange(len(likeness))
        likeness[rows, start + rows] = -1
        close |= {int(ids[start + row]): ids[_largest(likeness[row], count)] for row in rows}
    return close


def _largest(values: Array, count: int) -> Array:
    """Places of the largest values, largest first, and the first place first among equals."""
    least = np.partition(values, -count)[-count]
    places = np.flatnonzero(values >= least)
    return places[np.argsort(-values[places], kind="stable")[:count]]


def _padded(found: list[Array], choices: int) -> Array:
    longest = max((rows.shape[1] for rows in found), default=1)
    candidates = np.full((len(found), choices, longest), PAD, np.int64)
    for index, rows in enumerate(found):
        candidates[index, :, : rows.shape[1]] = rows
    return candidates
