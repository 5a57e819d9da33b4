"""Classifying without a net: the most frequent class, naive Bayes, linear models of n-grams.

Linear models of word and character n-grams are what practice starts from, and on a few thousand
texts they are hard to beat (Wang and Manning 2012; Joulin et al. 2017, section 3.1). Boosted trees
and kernels other than the linear one gain nothing on such sparse inputs (Joachims 1998). Naive
Bayes and ``tfidf_logistic`` see the tokens that nets see. The rivals read raw texts: their words
are known however rare, and character n-grams see parts of words, which a net over words does not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from repertoire.config import Count, Positive
from repertoire.contract import Array, Data, Measurement
from repertoire.data.dataset import SPLITS
from repertoire.data.text import WORDS
from repertoire.kinds.labelled_texts.facts import Facts
from repertoire.measured import Baseline
from repertoire.metrics.classification import label_metrics
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("majority", "most frequent class"),
    Baseline("naive_bayes", "naive Bayes"),
    Baseline("tfidf_logistic", "logistic regression on tf-idf"),
    Baseline("{unit}_tfidf_logistic", "logistic regression on tf-idf of {unit} n-grams"),
    Baseline("{unit}_tfidf_svm", "support vector machine on tf-idf of {unit} n-grams"),
    Baseline("nbsvm", "NBSVM"),
)
INTERPOLATION = 0.25  # of the machine with naive Bayes (Wang and Manning 2012, section 2.3)
# What a margin of a support vector machine, which is no probability, can be asked for.
RANKED = ("accuracy_percent", "roc_auc_percent", "f1_")


@dataclass(frozen=True)
class Rival:
    """A linear model over the n-grams of raw texts.

    ``nbsvm`` weighs each n-gram by naive Bayes, the others by tf-idf. Candidates: n-grams up to
    each of ``lengths``, ``strengths`` as the inverse of the penalty, and of ``nbsvm`` the
    smoothings of naive Bayes. ``rarest`` is the number of texts that an n-gram must occur in.
    """

    model: Literal["nbsvm", "svm", "logistic"]
    unit: Literal["word", "char"]
    lengths: tuple[Count, ...]
    rarest: Count
    strengths: tuple[Positive, ...]

    @property
    def name(self) -> str:
        return "nbsvm" if self.model == "nbsvm" else f"{self.unit}_tfidf_{self.model}"


@dataclass(frozen=True)
class Config:
    """Candidates, of which the accuracy on validation texts chooses.

    ``smoothings`` are what naive Bayes adds to each count, ``strengths`` the inverse of the penalty
    of the logistic regression on tokens. ``rivals`` see raw texts instead of the tokens of nets.
    """

    smoothings: tuple[Positive, ...]
    strengths: tuple[Positive, ...]
    rivals: tuple[Rival, ...]


@dataclass(frozen=True)
class Candidate:
    """Settings, and the scores (rows, classes) of validation and test texts that they lead to."""

    settings: dict[str, float]
    valid: Array
    test: Array


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Every metric of each on the test split, and what validation chose."""
    labels, classes = data.arrays("test")["labels"], data.facts["classes"]
    found = Scores()
    for name, candidate in _models(config, data):
        found.measure(name, _measured(name, candidate.test, labels, classes))
        found |= {f"{name}_{key}": value for key, value in candidate.settings.items()}
    return found


def _measured(name: str, scores: Array, labels: Array, classes: list[str]) -> Measurement:
    """What a model's scores (texts, classes) are worth, text by text."""
    ranked = name == "nbsvm" or name.endswith("svm")

    def measure(rows: Array) -> dict[str, float]:
        found = label_metrics(scores[rows], labels[rows], classes)
        return {k: v for k, v in found.items() if not ranked or k.startswith(RANKED)}

    return Measurement(len(labels), measure)


def best(candidates: Iterable[Candidate], labels: Array) -> Candidate:
    """The first of those that are right most often on validation texts."""
    return max(candidates, key=lambda candidate: np.mean(candidate.valid.argmax(1) == labels))


def _models(config: Config, data: Data[Facts]) -> Iterator[tuple[str, Candidate]]:
    labels, valid = data.arrays("train")["labels"], data.arrays("valid")["labels"]
    classes = len(data.facts["classes"])
    shares = np.log(np.bincount(labels, minlength=classes) / len(labels))
    rows = (len(data.arrays(split)["labels"]) for split in ("valid", "test"))
    yield "majority", Candidate({}, *(np.tile(shares, (count, 1)) for count in rows))
    size = data.facts["vocabulary"]
    tokens = {split: bags(data.arrays(split)["tokens"], size) for split in SPLITS}
    yield "naive_bayes", best(_naive_bayes(config.smoothings, tokens, labels), valid)
    logistic = _linear("logistic", config.strengths, _weighted(tokens), labels)
    yield "tfidf_logistic", best(logistic, valid)
    for unit, rarest in dict.fromkeys((rival.unit, rival.rarest) for rival in config.rivals):
        alike = [rival for rival in config.rivals if (rival.unit, rival.rarest) == (unit, rarest)]
        grams = NGrams(unit, max(max(rival.lengths) for rival in alike), rarest, data)
        for rival in alike:
            yield rival.name, best(_of_texts(rival, config.smoothings, grams, labels), valid)


class NGrams:
    """How often each n-gram of training texts occurs in each text, read once for all lengths."""

    def __init__(self, unit: str, longest: int, rarest: int, data: Data[Facts]) -> None:
        # Imported late: only these baselines need it.
        from sklearn.feature_extraction.text import CountVectorizer

        pattern = r"\S+" if data.facts["level"] == "spaced" else WORDS
        reader = CountVectorizer(
            analyzer=unit,
            ngram_range=(1, longest),
            min_df=rarest,
            token_pattern=pattern if unit == "word" else None,
        )
        self.counts = {"train": reader.fit_transform(data.texts("train")["text"])}
        for split in ("valid", "test"):
            self.counts[split] = reader.transform(data.texts(split)["text"])
        names = reader.get_feature_names_out()
        self.lengths = np.array([n.count(" ") + 1 if unit == "word" else len(n) for n in names])

    def up_to(self, length: int) -> dict[str, Any]:
        """Sparse counts (texts, n-grams) of each split."""
        kept = np.flatnonzero(self.lengths <= length)
        return {split: counts[:, kept] for split, counts in self.counts.items()}


def _of_texts(
    rival: Rival, smoothings: tuple[float, ...], grams: NGrams, labels: Array
) -> Iterator[Candidate]:
    for length in rival.lengths:
        counts = grams.up_to(length)
        if rival.model == "nbsvm":
            found = _nbsvm(smoothings, rival.strengths, counts, labels)
        else:
            found = _linear(rival.model, rival.strengths, _weighted(counts), labels)
        for each in found:
            yield Candidate({"longest": float(length)} | each.settings, each.valid, each.test)


def _naive_bayes(
    smoothings: tuple[float, ...], counts: dict[str, Any], labels: Array
) -> Iterator[Candidate]:
    from sklearn.naive_bayes import MultinomialNB

    for smoothing in smoothings:
        model = MultinomialNB(alpha=smoothing).fit(counts["train"], labels)
        scores = (model.predict_log_proba(counts[split]) for split in ("valid", "test"))
        yield Candidate({"smoothing": smoothing}, *scores)


def _weighted(counts: dict[str, Any]) -> dict[str, Any]:
    from sklearn.feature_extraction.text import TfidfTransformer

    weights = TfidfTransformer(sublinear_tf=True).fit(counts["train"])
    return {split: weights.transform(rows) for split, rows in counts.items()}


def _linear(
    kind: str, strengths: tuple[float, ...], inputs: dict[str, Any], labels: Array
) -> Iterator[Candidate]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    for strength in strengths:
        machine = LogisticRegression(max_iter=1000) if kind == "logistic" else LinearSVC()
        # A fixed state: the same values on every run.
        model = machine.set_params(C=strength, random_state=0).fit(inputs["train"], labels)
        margins = (model.decision_function(inputs[split]) for split in ("valid", "test"))
        yield Candidate({"strength": strength}, *map(log_shares, margins))


def _nbsvm(
    smoothings: tuple[float, ...], strengths: tuple[float, ...], counts: dict[str, Any], y: Array
) -> Iterator[Candidate]:
    present = {split: (rows > 0).astype(np.float64) for split, rows in counts.items()}
    classes = int(y.max()) + 1
    asked = range(1, 2) if classes == 2 else range(classes)  # each class against the rest
    for smoothing in smoothings:
        for strength in strengths:
            fitted = [nbsvm(present["train"], y == c, smoothing, strength) for c in asked]
            weights, biases = (np.stack(parts, axis=-1) for parts in zip(*fitted, strict=True))
            margins = [present[split] @ weights + biases for split in ("valid", "test")]
            if classes == 2:
                margins = [margin[:, 0] for margin in margins]
            settings = {"smoothing": smoothing, "strength": strength}
            yield Candidate(settings, *map(log_shares, margins))


def nbsvm(
    present: Any, positive: Array, smoothing: float, strength: float, share: float = INTERPOLATION
) -> tuple[Array, float]:
    """Weights (features,) and bias of the margin of ``positive`` texts over the others.

    Wang and Manning 2012, sections 2.1 to 2.3: a machine over ``present``, 0 or 1 for each text and
    n-gram, times the n-gram's log-ratio; its weights are interpolated with the mean of their sizes,
    which alone is naive Bayes. The paper says nothing of the bias; that it is interpolated with the
    one of naive Bayes, the log-odds of the classes, at the same scale, is ours: otherwise weights
    would shrink and the bias would not, and texts would fall to the more frequent class.
    """
    from sklearn.svm import LinearSVC

    ratios = log_ratios(present, positive, smoothing)
    machine = LinearSVC(C=strength, random_state=0).fit(present.multiply(ratios).tocsr(), positive)
    weights, bias = machine.coef_[0], float(machine.intercept_[0])
    even = np.abs(weights).mean()
    odds = np.log(positive.sum() / (~positive).sum())
    mixed = share * weights + (1 - share) * even
    return ratios * mixed, share * bias + (1 - share) * even * odds


def log_ratios(counts: Any, positive: Array, smoothing: float) -> Array:
    """Of each feature how much likelier it is among positive texts than among others, in nats.

    Wang and Manning 2012, section 2.1.
    """
    sums = [np.asarray(counts[rows].sum(0)).ravel() + smoothing for rows in (positive, ~positive)]
    return np.log(sums[0] / sums[0].sum()) - np.log(sums[1] / sums[1].sum())


def log_shares(margins: Array) -> Array:
    """Log-probabilities (rows, classes) of margins (rows, classes); of two classes (rows,)."""
    each = np.stack((np.zeros_like(margins), margins), axis=1) if margins.ndim == 1 else margins
    return each - np.logaddexp.reduce(each, axis=1, keepdims=True)


def bags(tokens: Array, vocabulary: int) -> Any:
    """Sparse counts (rows, vocabulary) of each row's tokens, without padding and end."""
    from scipy.sparse import coo_matrix

    rows, places = np.nonzero(tokens > 1)
    ones = np.ones(len(rows))
    return coo_matrix((ones, (rows, tokens[rows, places])), (len(tokens), vocabulary)).tocsr()
