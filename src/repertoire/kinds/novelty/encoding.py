"""What readers of normal things and anomalies share: facts and arrays of detectors.

Pictures: ``images`` and ``labels``, the class; each class counts as normal for a detector of its
own. Tables: ``rows`` float32, padded with 0 where tables have fewer columns than the widest,
``labels``, the table, and ``anomaly``. Somebody's images or rows have one detector: all labels are
0, ``anomaly`` is 1 for what is not normal, and ``group`` says what it is.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.kinds.novelty.baselines import left_out
from repertoire.kinds.novelty.columns import LIMIT, decoded, encoded, learned, value_names

if TYPE_CHECKING:
    import pandas as pd

NORMAL = "normal"  # what somebody's table counts as normal


def encode_one_class(table: "pd.DataFrame", names: tuple[str, ...], side: int) -> Encoded:
    """Pictures of a table as ``repertoire.data.images`` makes it, one detector a class."""
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        images = np.stack(rows["pixels"].to_list()).astype(np.uint8)
        labels = rows["label"].to_numpy(np.int64)
        arrays[split] = {"images": images.reshape(-1, side, side), "labels": labels}
    facts = {
        "shape": [side, side],
        "side": side,
        "names": list(names),
        "contaminated": False,
        "images": {split: len(arrays[split]["images"]) for split in SPLITS},
    }
    encoding = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": [side, side]}
    return Encoded(arrays, facts, {"images": encoding})


def encode_tables(
    table: "pd.DataFrame", columns: dict[str, list[str]], contaminated: bool
) -> Encoded:
    """Rows with ``table`` (a name), ``values`` (a list) and ``anomaly``; ``columns`` by table.

    Columns are standardised by the training rows that a detector may see; constant ones by 1.
    """
    names, width = list(columns), max(map(len, columns.values()))
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        part = table[table["split"] == split]
        arrays[split] = {
            "rows": np.stack([_padded(v, width) for v in part["values"]]).astype(np.float32),
            "labels": part["table"].map(names.index).to_numpy(np.int64),
            "anomaly": part["anomaly"].to_numpy(np.int64),
        }
    facts: dict[str, Any] = {
        "shape": [width],
        "names": names,
        "columns": list(columns.values()),
        **_standard(arrays["train"], len(names)),
        "contaminated": contaminated,
        "anomalies_in_training": int(arrays["train"]["anomaly"].sum()),
        "rows": {split: len(arrays[split]["rows"]) for split in SPLITS},
    }
    encoding = {"kind": "rows", "tables": columns}
    return Encoded(arrays, facts, {"rows": encoding})


def encode_columns(
    table: "pd.DataFrame",
    numbers: Sequence[str],
    categories: Mapping[str, Sequence[str]],
    decimal: str,
) -> Encoded:
    """Rows with ``values``, the cells of ``repertoire.kinds.novelty.columns``, and ``anomaly``.

    The graph takes standardised values; the encoding tells how raw cells become them.
    """
    cells = {s: np.stack(table["values"][table["split"] == s].to_list()) for s in SPLITS}
    columns = learned(numbers, categories, cells["train"])
    names = value_names(columns)
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        anomaly = table["anomaly"][table["split"] == split].to_numpy(np.int64)
        rows = encoded(columns, categories, cells[split])
        arrays[split] = {"rows": rows, "labels": np.zeros_like(anomaly), "anomaly": anomaly}
    facts: dict[str, Any] = {
        "shape": [len(names)],
        "names": [NORMAL],
        "columns": [names],
        "center": [[0.0] * len(names)],
        "scale": [[1.0] * len(names)],
        "contaminated": False,
        "anomalies_in_training": 0,
        "rows": {split: len(arrays[split]["rows"]) for split in SPLITS},
        "anomalies": {split: int(arrays[split]["anomaly"].sum()) for split in SPLITS},
        "left_out": left_out(len(arrays["train"]["rows"]), len(names)),
        "example": decoded(columns, arrays["train"]["rows"][0]),
    }
    encoding = {"kind": "table", "decimal": decimal, "limit": LIMIT, "columns": columns}
    return Encoded(arrays, facts, {"rows": encoding})


def encode_normal_images(
    table: "pd.DataFrame", groups: Sequence[str], encoding: Mapping[str, Any]
) -> Encoded:
    """Images ``pixels`` uint8 (side, side) or (side, side, 3), ``anomaly``, and ``group`` by name.

    ``groups`` are what images may show, the normal one first; ``encoding`` tells a client how an
    image file becomes pixels.
    """
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        part = table[table["split"] == split]
        anomaly = part["anomaly"].to_numpy(np.int64)
        arrays[split] = {
            "images": np.stack(part["pixels"].to_list()),
            "labels": np.zeros_like(anomaly),
            "anomaly": anomaly,
            "group": part["group"].map(list(groups).index).to_numpy(np.int64),
        }
    shape = list(arrays["train"]["images"].shape[1:])
    facts: dict[str, Any] = {
        "shape": shape,
        "side": shape[0],
        "names": [groups[0]],
        "groups": list(groups),
        "contaminated": False,
        "images": {split: len(arrays[split]["images"]) for split in SPLITS},
        "anomalies": {split: int(arrays[split]["anomaly"].sum()) for split in SPLITS},
        "left_out": left_out(len(arrays["train"]["images"]), int(np.prod(shape))),
    }
    return Encoded(arrays, facts, {"images": dict(encoding)})


def _padded(values: list[float], width: int) -> Array:
    return np.pad(np.asarray(values, np.float64), (0, width - len(values)))


def _standard(train: Arrays, tables: int) -> dict[str, list[list[float]]]:
    center, scale = [], []
    for number in range(tables):
        rows = train["rows"][train["labels"] == number].astype(np.float64)
        deviation = rows.std(0)
        center.append(rows.mean(0).tolist())
        scale.append(np.where(deviation > 0, deviation, 1.0).tolist())
    return {"center": center, "scale": scale}
