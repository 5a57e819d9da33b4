"""How well held-out likes are ranked, and lists to look at; numpy alone."""

from collections.abc import Callable

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.recommender.config import Config
from repertoire.kinds.interactions.baselines import chosen_models, named, ranked
from repertoire.kinds.interactions.facts import Facts
from repertoire.kinds.interactions.metrics import SHOWN, hits, ndcg, ranking_measurement, recall
from repertoire.metrics.pictures import thinned
from repertoire.metrics.word_vectors import spearman
from repertoire.runtime.inference.rows import over_rows

UNKNOWN = np.zeros((1, 1), np.int64)  # the history of someone of whom nothing is known
LISTED = 5  # titles in a cell
LENGTHS = (1, 2, 5, 10, 20, 50, 100)  # places of lists that are compared
Metric = Callable[[Array, Array, int], float]


def recommended(run: Run, config: Config, history: Array) -> Array:
    """history (users, time) -> numbers of the best items the history lacks (users, count)."""
    return over_rows(run, "recommend", config.chunk, "top_ids", history=history)["top_ids"]


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Ranking of the likes to be found, and how close a cold start is to what most like."""
    arrays, items = data.arrays(split), data.facts["items"]
    top = recommended(run, config, arrays["history"])
    cold, counts = run("score", history=UNKNOWN)["log_probs"][0], popular(data)

    def by_item(rows: Array) -> dict[str, float]:
        return {"cold_start_spearman_percent": 100 * spearman(cold[rows], counts[rows])}

    return (ranking_measurement(top, arrays["targets"], items), Measurement(items, by_item))


def popular(data: Data[Facts]) -> Array:
    """How many training users like each item."""
    history = data.arrays("train")["history"]
    return np.bincount(history.ravel(), minlength=data.facts["items"] + 1)[1:].astype(float)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """What the first validation user is told after each epoch."""
    top = recommended(run, config, data.arrays("valid")["history"][:1])
    return {"recommended": top[0, :LISTED]}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Metrics by length of list, popular and rare items, lists of test users and of nobody."""
    test = data.arrays("test")
    models, settings = chosen_models(config.rivals, data)
    names = dict(named(settings))
    lists = {"net": recommended(run, config, test["history"])}
    for name, model in models.items():
        lists[names[name]] = ranked(model, test["history"], data.facts["items"])
    return (
        _by_length("Recall", recall, lists, test["targets"]),
        _by_length("NDCG", ndcg, lists, test["targets"]),
        _long_tail(lists, data),
        _examples(lists["net"], config.examples, data),
        _cold_start(run, data),
        _while_training(data, snapshots["recommended"]),
    )


def _by_length(title: str, metric: Metric, lists: dict[str, Array], targets: Array) -> Figure:
    relevant = (targets > 0).sum(1)
    rivals = {2: "two", 3: "three"}[len(lists) - 1]
    lines = []
    for label, top in lists.items():
        found = hits(top, targets)
        lines.append(Line(label, LENGTHS, [100 * metric(found, relevant, k) for k in LENGTHS]))
    return Figure(
        f"{title.lower()}-by-length",
        Kind.LINES,
        f"{title} of all {len(targets)} test users by length of the list, the net beside {rivals} "
        "models without nets, whose settings validation chose.",
        columns=("places in the list", f"{title}, %"),
        lines=tuple(lines),
        logarithmic="x",
    )


def _long_tail(lists: dict[str, Array], data: Data[Facts]) -> Figure:
    """How much of what is shown comes from the most popular part of the catalogue."""
    counts = popular(data)
    rank = np.empty(len(counts), int)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    targets = data.arrays("test")["targets"]
    shown = {label: top[:, :SHOWN] for label, top in lists.items()}
    shown["what they like"] = np.where(targets > len(counts), 0, targets)
    edges = np.linspace(0, 1, 21)
    lines = []
    for label, ids in shown.items():
        share = (rank[ids[ids > 0] - 1] + 1) / len(counts)
        parts = [100 * float((share <= e).mean()) for e in edges]
        lines.append(Line(label, (100 * edges).tolist(), parts))
    return Figure(
        "long-tail",
        Kind.LINES,
        f"Which part of the first {SHOWN} places of all test users goes to the most popular part "
        "of the catalogue, beside the likes to be found: a lower line reaches further into the "
        "tail.",
        columns=("most popular items, % of the catalogue", "% of what is shown"),
        lines=tuple(lines),
    )


def _titles(data: Data[Facts], ids: Array, marked: Array | None = None) -> str:
    """The titles of the first few numbers that have one; a tick follows those ``marked``."""
    titles = data.encodings["items"]["titles"]
    ticks = set() if marked is None else set(marked.tolist())
    shown = [titles[n - 1] + (" ✓" if n in ticks else "") for n in ids[:LISTED].tolist() if n]
    return "; ".join(shown)


def _examples(top: Array, count: int, data: Data[Facts]) -> Figure:
    test, users = data.arrays("test"), data.texts("test")["user"]
    rows = zip(users[:count], test["history"], top, test["targets"], strict=False)
    cells = [
        (user, _titles(data, told), _titles(data, best, wanted))
        for user, told, best, wanted in rows
    ]
    return Figure(
        "examples",
        Kind.TABLE,
        f"The first {len(cells)} test users: the first {LISTED} of their history by number in the "
        f"catalogue, and the first {LISTED} recommended; ✓ is among the likes to be found.",
        columns=("user", "likes, among others", "recommended"),
        cells=cells,
    )


def _cold_start(run: Run, data: Data[Facts]) -> Figure:
    best = run("recommend", history=UNKNOWN)["top_ids"][0][:10]
    most = np.argsort(-popular(data), kind="stable")[: len(best)] + 1
    pairs = zip(best[:, None], most[:, None], strict=True)
    cells = [(str(n), *(_titles(data, each) for each in pair)) for n, pair in enumerate(pairs, 1)]
    return Figure(
        "cold-start",
        Kind.TABLE,
        "What is recommended to someone without a history, beside what most training users like.",
        columns=("place", "recommended", "liked by most"),
        cells=cells,
    )


def _while_training(data: Data[Facts], epochs: Array) -> Figure:
    shown = thinned(np.arange(len(epochs)))
    return Figure(
        "while-training",
        Kind.TABLE,
        f"The first {LISTED} titles for the first validation user after epochs evenly spaced.",
        columns=("epoch", "recommended"),
        cells=[(str(n + 1), _titles(data, epochs[n])) for n in shown],
    )
