"""Settings for somebody's likes, by the size of the catalogue and the number of users.

A narrow code for few users, the sizes of Liang et al. (2018) for many. The linear path, which makes
EASE part of the net, pays up to a few thousand items and would be the whole size beyond.
"""

from repertoire.contract import Preset
from repertoire.kinds.interactions.baselines import suited
from repertoire.kinds.interactions.facts import Facts

MOST_PAIRED = 3_000  # items with a weight for each pair
STEPS = 60  # of an epoch, at least


def preset(facts: Facts, rows: int) -> Preset:
    """``facts`` of ``kinds/interactions``; what counts is users rather than rows."""
    items, users = facts["items"], facts["users"]["train"]
    rivals = suited(items)
    small, large = users < 300, items > MOST_PAIRED
    batch = 50 if small else 100 if users < 5_000 else 250
    config = {
        "variational": True,
        "linear": not large,
        "units": 100 if small else 300,
        "latent": 32 if small else 128 if large else 64,
        "beta": 0.2,
        "anneal": 0.5,
        "dropout": 0.5,
        "blank": 0.02,
        "count": 100,
        "batch": batch,
        "passes": max(1, STEPS * batch // max(users, 1)),
        "chunk": 500,
        "learning_rate": 0.004 if users < 5_000 else 0.002,
        "warmup": 0.05,
        "weight_decay": 0.01 if large else 0.1,
        "examples": 10,
        "rivals": rivals,
    }
    return Preset(config, rivals["metric"], "higher", epochs=30)
