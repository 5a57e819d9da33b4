"""A project of somebody's own with one data set: short reviews in a CSV file."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.params import Raw
from repertoire.readers import labelled_table
from tests.project import dump_yaml

WORDS = ("plot", "actor", "scene", "music", "ending", "dialogue", "camera")


def reviews(rows: int) -> pd.DataFrame:
    """Texts that differ in words, and their labels."""
    texts = [
        f"the {WORDS[n % 7]} and the {WORDS[n // 7 % 7]} were {'fine' if n % 3 else 'dull'} "
        f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}"
        for n in range(rows)
    ]
    return pd.DataFrame({"text": texts, "label": ["good" if n % 3 else "bad" for n in range(rows)]})


def write_project(folder: Path, table: pd.DataFrame, **more: Any) -> Path:
    """params.yaml and raw/reviews/; ``more`` are entries of the data set's block."""
    raw = folder / "raw" / "reviews"
    raw.mkdir(parents=True)
    table.to_csv(raw / "reviews.csv", index=False)
    proposal = labelled_table.propose(raw, {"on-bad-row": "drop"})
    block = {
        "reader": proposal.reader,
        "sources": {},
        "raw": asdict(Raw("reviews.csv", "unknown")),
        "config": proposal.config,
        "baseline": proposal.baseline,
        **more,
    }
    dump_yaml(folder / "params.yaml", {"sources": {}, "datasets": {"reviews": block}})
    return folder
