"""A prepared data set on disk: arrays a split, facts that the data decided, and encodings."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Array, Arrays
from repertoire.data.files import read_json, write_json
from repertoire.data.tensors import read_tensors, write_tensors
from repertoire.data.text import load_tokenizer

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Encoded:
    """Arrays a split (and named extras), facts that the data decided, encodings for clients.

    An array larger than memory may be ``RowBlocks``, which are made while they are written.
    ``texts`` keeps raw strings by split and side, where metrics must not see unknown tokens.
    """

    arrays: dict[str, dict[str, Any]]  # of Array or RowBlocks
    facts: dict[str, Any]
    encodings: dict[str, Any]
    texts: dict[str, dict[str, list[str]]] = field(default_factory=dict)


class Dataset:
    """Opens what ``prepare`` wrote.

    ``limit`` keeps the first rows of every split: the fixed slice on which export compares the
    two engines.
    """

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        if not (folder / "facts.json").exists():
            raise RepertoireError(f"{folder}: not prepared; run: dvc repro prepare@{folder.name}")
        self.folder = folder
        self.limit = limit

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the data decided: vocabulary size, image side, rows a split, digests."""
        return read_json(self.folder / "facts.json")

    @property
    def labels(self) -> list[str]:
        """Names of the classes by number; none where the data have no classes."""
        classes = self.facts.get("classes")
        return classes if isinstance(classes, list) else self.facts.get("names", [])

    def arrays(self, name: str) -> Arrays:
        """The arrays of a split, or of a named extra such as ``judge``; large ones are mapped."""
        arrays = read_tensors(self.folder / f"{name}.safetensors")
        if name in SPLITS and self.limit is not None:
            arrays = {key: value[: self.limit] for key, value in arrays.items()}
        return arrays

    def texts(self, split: str) -> dict[str, list[str]]:
        """The raw strings of a split by side, row by row those of its arrays."""
        content = read_json(self.folder / "texts.json")[split]
        return {side: rows[: self.limit] for side, rows in content.items()}

    @cached_property
    def encodings(self) -> dict[str, Any]:
        """How raw input becomes numbers, as the manifest carries it to clients."""
        return read_json(self.folder / "encodings.json")

    def encoding(self, name: str) -> "TextEncoding":
        """The tokenizer called ``name``."""
        return TextEncoding(self.encodings[name])


class TextEncoding:
    """A tokenizer in the format of the ``tokenizers`` library, and the ids with a meaning."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.tokenizer = load_tokenizer(content)
        self.end: int = content["end"]

    def encode(self, text: str) -> list[int]:
        """Ids of one text, without an end."""
        return self.tokenizer.encode(text).ids

    def decode(self, ids: Array | list[int]) -> str:
        """Text up to the first end; an unknown token is written out, so that metrics see it."""
        kept = np.asarray(ids, dtype=np.int64)
        ends = np.flatnonzero(kept == self.end)
        kept = kept[: ends[0]] if ends.size else kept
        return self.tokenizer.decode(kept.tolist(), skip_special_tokens=False)

    def token(self, index: int) -> str:
        """The token with this id."""
        return self.tokenizer.id_to_token(int(index)) or ""


def write_dataset(folder: Path, encoded: Encoded, facts: dict[str, Any]) -> None:
    """Write the files that ``Dataset`` opens; ``facts`` join those of the reader."""
    for name, content in encoded.arrays.items():
        write_tensors(folder / f"{name}.safetensors", content)
    write_json(folder / "facts.json", {**facts, **encoded.facts})
    write_json(folder / "encodings.json", encoded.encodings)
    write_json(folder / "texts.json", encoded.texts)
