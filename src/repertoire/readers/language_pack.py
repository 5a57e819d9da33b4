"""Interface strings and their translations from a language pack (JSON message catalogues)."""

import json
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, members
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.pairs.encoding import Side, encode_pairs, pair_expectations, split_by_chance

KIND = "pairs"
CONTEXT = "\x04"  # gettext puts a message's context before this sign


@dataclass(frozen=True)
class Config:
    """``script`` is the regular expression of one letter that a translation must contain."""

    members: str
    seed: Seed
    script: str
    valid_share: Share
    test_share: Share
    source: Side
    target: Side


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a distinct source string with its first translation."""
    path = files["catalogues"]
    pairs: dict[str, tuple[str, str]] = {}
    for name, content in members(path, config.members):
        with expecting(path, f"JSON in {name}"):
            catalogue = dict(json.loads(content))
        for message, translations in catalogue.items():
            if message and isinstance(translations, list) and translations[0]:
                source = _clean(message.split(CONTEXT)[-1])
                pairs.setdefault(_identity(source), (source, _clean(translations[0])))
    rows = [(key, *pair) for key, pair in sorted(pairs.items())]
    table = pd.DataFrame(rows, columns=["key", "source", "target"])
    fits = (
        table["source"].str.len().between(1, config.source.longest)
        & table["target"].str.len().between(1, config.target.longest)
        & table["target"].str.contains(config.script)
    )
    table = table[fits].reset_index(drop=True)
    place = np.random.default_rng(config.seed).random(len(table))
    table["split"] = split_by_chance(place, config.valid_share, config.test_share)
    return table


def _clean(text: str) -> str:
    return " ".join(text.split())


def _identity(source: str) -> str:
    # Strings that differ in case, signs or placeholders only must not straddle two splits.
    return re.sub(r"[\W\d_]+", " ", source.lower()).strip() or source


def expectations(config: Config) -> list[Expectation]:
    """Lengths and the target's script."""
    return [
        *pair_expectations(config.source, config.target),
        expect(
            "translations are in the target's script",
            "ExpectColumnValuesToMatchRegex",
            column="target",
            regex=config.script,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of both sides."""
    return encode_pairs(table, config.source, config.target)
