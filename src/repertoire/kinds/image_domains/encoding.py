"""Pictures of two domains without pairs, and a judge of each.

A table has a row a picture: ``domain`` is "a" or "b", ``label`` what it shows. Labels serve the
judges and the evaluation; no translator ever trains on them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.images import train_judge

DOMAINS = ("a", "b")


@dataclass(frozen=True)
class Judges:
    """Hidden widths and iterations of both perceptrons, and the seed they start from."""

    units: tuple[int, ...]
    iterations: int
    seed: int


def encode_domains(
    table: pd.DataFrame, shape: tuple[int, ...], judges: Judges, facts: dict[str, Any]
) -> Encoded:
    """uint8 ``a``, ``b`` (pictures, side, side[, 3]) and their labels a split, and the judges.

    ``facts`` name the ``domains`` and the classes, and say whether the n-th pictures of both
    are ``paired`` in validation and test.
    """
    arrays = {split: _of_split(table[table["split"] == split], shape) for split in SPLITS}
    sizes = {split: sum(len(arrays[split][d]) for d in DOMAINS) for split in SPLITS}
    accuracies: dict[str, float] = {}
    for domain in DOMAINS:
        train, valid = (
            {"images": arrays[s][domain], "labels": arrays[s][f"{domain}_labels"]}
            for s in ("train", "valid")
        )
        weights, accuracy = train_judge(judges.units, judges.iterations, judges.seed, train, valid)
        arrays[f"judge_{domain}"], accuracies[domain] = weights, accuracy
    side, _, *colours = shape
    known = {
        "side": side,
        "colours": colours[0] if colours else 1,
        "pictures": sizes,
        "judges": f"ReLU perceptrons {'-'.join(map(str, (int(np.prod(shape)), *judges.units)))}, "
        "each trained on the training pictures of its domain",
        "judge_valid_accuracies": accuracies,
        **facts,
    }
    images = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": list(shape)}
    return Encoded(arrays, known, {"images": images})


def _of_split(rows: pd.DataFrame, shape: tuple[int, ...]) -> Arrays:
    arrays: Arrays = {}
    for domain in DOMAINS:
        own = rows[rows["domain"] == domain]
        arrays[domain] = np.stack(own["pixels"].to_list()).astype(np.uint8).reshape(-1, *shape)
        arrays[f"{domain}_labels"] = own["label"].to_numpy(np.int64)
    return arrays


def enlarged(images: Array, side: int) -> Array:
    """Pictures (pictures, small, small) of any scale, linearly interpolated to ``side`` pixels.

    A pixel is an area: its value holds at its centre, and the outer ones reach to the rim.
    """
    small = images.shape[1]
    places = (np.arange(side) + 0.5) * small / side - 0.5
    shares = np.array([np.interp(places, np.arange(small), row) for row in np.eye(small)]).T
    return shares @ images @ shares.T
