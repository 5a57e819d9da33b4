"""The emoji of two vendors as domains without pairs; true pairs score what was learned.

The emoji and their split are those of ``readers/emoji_pairs.py``. A subject of training is in one
domain alone, drawn at even chances, so that no picture of training has its partner there. The
classes of the evaluation classifiers are the categories of the table.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.image_domains.encoding import DOMAINS, Classifiers, encode_domains
from repertoire.readers import emoji_pairs

KIND = "image_domains"


@dataclass(frozen=True)
class Config(emoji_pairs.Emoji):
    """``classifier_units`` holds the hidden widths of both classifiers."""

    classifier_units: tuple[Count, ...]
    classifier_iterations: Natural


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a picture: of a held-out pair both, of a training pair one."""
    pairs = emoji_pairs.tabulate(config, files)
    subjects = np.array(sorted(pairs["subject"].unique()))
    coins = np.random.default_rng((config.seed, 1)).random(len(subjects)) < 0.5
    of_a = pairs["subject"].isin(subjects[coins])
    held = pairs["split"] != "train"
    first = pairs[held | of_a]
    second = pairs[held | ~of_a].assign(
        pixels=pairs["target"], key=pairs["target_key"], pixels_contrast=pairs["target_contrast"]
    )
    table = pd.concat([first.assign(domain="a"), second.assign(domain="b")], ignore_index=True)
    table["label"] = pd.factorize(table["category"], sort=True)[0]
    training = table[table["split"] == "train"].groupby("subject")["domain"].nunique()
    table["domains_of_subject"] = table["subject"].map(training).fillna(1).astype(int)
    return table.drop(columns=["target", "target_key", "target_contrast"])


def expectations(config: Config) -> list[Expectation]:
    """Subjects in one split, and in training in one domain."""
    kept = ("splits_of_subject", "key", "emoji")
    return [
        *(e for e in emoji_pairs.expectations(config) if e.arguments["column"] in kept),
        expect(
            "no subject of training is in both domains",
            "ExpectColumnValuesToBeBetween",
            column="domains_of_subject",
            max_value=1,
        ),
        expect(
            "a picture is of one of two vendors",
            "ExpectColumnValuesToBeInSet",
            column="domain",
            value_set=list(DOMAINS),
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Arrays and classifiers as ``encode_domains`` gives them."""
    names = sorted(table["category"].unique())
    facts = {
        "classes": len(names),
        "names": names,
        "domains": {d: f"{v} emoji" for d, v in zip(DOMAINS, config.vendors, strict=True)},
        "paired": True,
    }
    settings = Classifiers(config.classifier_units, config.classifier_iterations, config.seed)
    return encode_domains(table, (config.side, config.side, 3), settings, facts)
