"""Short texts with the mean of many people's ratings of their sentiment, from -4 to 4.

The ground truth of Hutto and Gilbert 2014 (VADER), carried in an archive within the archive of its
distribution. Lines are: id, mean rating, text, between tabs.
"""

import html
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from repertoire.config import NonNegative, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, one_member, unexpected
from repertoire.data.splits import cleaned, identity, split_of_groups
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.labelled_texts.encoding import (
    Texts,
    encode_labels,
    label_expectations,
)

KIND = "labelled_texts"
CLASSES = ("negative", "positive")


@dataclass(frozen=True)
class Config:
    """``members`` is the archive within the source, ``collection`` the file within that.

    Texts whose mean rating is less than ``clear`` away from 0 have no label and are left out.
    """

    members: str
    collection: str
    clear: NonNegative
    seed: Seed
    valid_share: Share
    test_share: Share
    texts: Texts


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a distinct text that is clearly negative or positive."""
    path = files["ratings"]
    content = _collection(config, path)
    with expecting(path, f"UTF-8 in {config.collection}"):
        lines = content.decode().replace("\r", "").split("\n")
    rows = [line.split("\t") for line in lines if line.strip()]
    if wrong := [number for number, row in enumerate(rows, 1) if len(row) != 3]:
        raise unexpected(path, f"{config.collection}: line {wrong[0]} has no three fields")
    table = pd.DataFrame(rows, columns=["id", "rating", "text"])
    with expecting(path, "ratings and texts"):
        table["rating"] = table["rating"].astype(float)
    table["text"] = [cleaned(html.unescape(text)) for text in table["text"]]
    table["key"] = table["text"].map(identity)
    table = table[table["rating"].abs() >= config.clear].drop_duplicates("key")
    table = table.reset_index(drop=True)
    table["label"] = [CLASSES[int(rating > 0)] for rating in table["rating"]]
    table["clarity"] = table["rating"].abs()
    table["is_last_class"] = (table["label"] == CLASSES[-1]).astype(int)
    table["document"] = [_document(*row) for row in zip(table["id"], table["key"], strict=True)]
    table["split"] = split_of_groups(
        table["document"], config.seed, config.valid_share, config.test_share
    )
    return table.drop(columns="id")


def _collection(config: Config, path: Path) -> bytes:
    _, inner = one_member(path, config.members)
    with TemporaryDirectory() as folder:
        archive = Path(folder) / Path(config.members).name
        archive.write_bytes(inner)
        _, content = one_member(archive, config.collection)
    return content


def _document(number: str, key: str) -> str:
    # "17_3" is the third snippet of text 17, whose snippets stay together; plain numbers tell
    # nothing, so each text stands alone.
    return number.split("_")[0] if "_" in number else key


def expectations(config: Config) -> list[Expectation]:
    """Lengths, labels, and ratings that are clear."""
    return [
        *label_expectations(config.texts, CLASSES),
        expect(
            "a rating is -4 to 4",
            "ExpectColumnValuesToBeBetween",
            column="rating",
            min_value=-4,
            max_value=4,
        ),
        expect(
            f"no rating is nearer to 0 than {config.clear:g}",
            "ExpectColumnValuesToBeBetween",
            column="clarity",
            min_value=config.clear,
        ),
        expect("no text occurs twice", "ExpectColumnValuesToBeUnique", column="text"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of the texts, and their labels."""
    return encode_labels(table, config.texts, CLASSES)
