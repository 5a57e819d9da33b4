"""Pictures of three grey ones as red, green and blue, shared by their readers.

Stacked digits (Metz et al. 2017, section 3.3) have a known number of modes: every number that three
digits make. A stack of a split is made of digits of that split alone. The table has one row a
stacked digit, and its key is that digit: Great Expectations would find it in two splits.
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.images import Judged, classifier_words, train_classifier
from repertoire.data.validation import Expectation, expect

if TYPE_CHECKING:
    import pandas as pd

CHANNELS = 3


class Stacked(Judged, Protocol):
    """How many stacks a split has."""

    @property
    def train_stacks(self) -> int: ...
    @property
    def valid_stacks(self) -> int: ...
    @property
    def test_stacks(self) -> int: ...


def stack_table(config: Stacked, digits: "pd.DataFrame") -> "pd.DataFrame":
    """One row a stacked digit, stack after stack; digits are drawn evenly, with replacement."""
    import pandas as pd

    counts = (config.train_stacks, config.valid_stacks, config.test_stacks)
    parts = []
    for number, (split, count) in enumerate(zip(SPLITS, counts, strict=True)):
        pool = digits[digits["split"] == split]
        rng = np.random.default_rng((config.seed, number))
        drawn = pool.iloc[rng.integers(0, len(pool), CHANNELS * count)].reset_index(drop=True)
        drawn["stack"] = [f"{split}-{n}" for n in range(count) for _ in range(CHANNELS)]
        parts.append(drawn.assign(channel=np.tile(np.arange(CHANNELS), count)))
    return pd.concat(parts, ignore_index=True)


def stack_expectations() -> list[Expectation]:
    """What a stack adds to the expectations of its digits."""
    channels = list(range(CHANNELS))
    return [
        expect(
            "a stacked digit is red, green or blue",
            "ExpectColumnValuesToBeInSet",
            column="channel",
            value_set=channels,
        ),
        expect(
            "no stack has two digits of one colour",
            "ExpectCompoundColumnsToBeUnique",
            column_list=["stack", "channel"],
        ),
        expect(
            "a stack has one digit of each colour",
            "ExpectColumnKLDivergenceToBeLessThan",
            column="channel",
            partition_object={"values": channels, "weights": [1 / CHANNELS] * CHANNELS},
            threshold=1e-9,
        ),
    ]


def encode_stacks(
    config: Stacked, names: tuple[str, ...], side: int, table: "pd.DataFrame"
) -> Encoded:
    """uint8 images (stacks, side, side, 3) a split and the classifier of single digits.

    ``labels`` are the numbers that the digits of red, green and blue make.
    """
    arrays: dict[str, Arrays] = {}
    singles: dict[str, Arrays] = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        known = rows.drop_duplicates("key")
        pixels = np.stack(known["pixels"].to_list()).astype(np.uint8).reshape(-1, side, side)
        singles[split] = {"images": pixels, "labels": known["label"].to_numpy(np.int64)}
        arrays[split] = _stacks(rows, singles[split]["images"], len(names))
    classifier, accuracy = train_classifier(
        config.classifier_units,
        config.classifier_iterations,
        config.seed,
        singles["train"],
        singles["valid"],
    )
    facts = {
        "side": side,
        "channels": CHANNELS,
        "classes": len(names),
        "names": list(names),
        "images": {split: len(arrays[split]["images"]) for split in SPLITS},
        "classifier": f"{classifier_words(config, side)}, each channel by itself",
        "classifier_valid_accuracy": accuracy,
    }
    shape = [side, side, CHANNELS]
    encoding = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": shape}
    return Encoded({**arrays, "classifier": classifier}, facts, {"images": encoding})


def _stacks(rows: "pd.DataFrame", known: Array, classes: int) -> Arrays:
    """``known`` are the digits (digits, side, side) in the order of their first row."""
    import pandas as pd

    places, _ = pd.factorize(rows["key"])
    labels = rows["label"].to_numpy(np.int64).reshape(-1, CHANNELS)
    return {
        "images": np.moveaxis(known[places.reshape(-1, CHANNELS)], 1, 3),
        "labels": labels @ classes ** np.arange(CHANNELS)[::-1],
    }
