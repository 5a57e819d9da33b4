"""A prepared data set on disk: arrays a split, facts that the data decided, and encodings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repertoire.config import RepertoireError
from repertoire.contract import Arrays
from repertoire.data.files import read_json, whole_file, write_json
from repertoire.data.strings import batches
from repertoire.data.tensors import read_tensors, write_tensors
from repertoire.runtime.text import Encoding

if TYPE_CHECKING:
    from repertoire.data.strings import Texts

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
    texts: "Mapping[str, Mapping[str, Texts]]" = field(default_factory=dict)


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
        """The arrays of a split, or a named extra such as ``classifier``; large ones are mapped."""
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

    def encoding(self, name: str) -> Encoding:
        """The tokenizer called ``name``."""
        return Encoding.parse(self.encodings[name])


def write_dataset(folder: Path, encoded: Encoded, facts: dict[str, Any]) -> None:
    """Write the files that ``Dataset`` opens; ``facts`` join those of the reader."""
    for name, content in encoded.arrays.items():
        write_tensors(folder / f"{name}.safetensors", content)
    write_json(folder / "facts.json", {**facts, **encoded.facts})
    write_json(folder / "encodings.json", encoded.encodings)
    write_texts(folder / "texts.json", encoded.texts)


def write_texts(path: Path, texts: "Mapping[str, Mapping[str, Texts]]") -> None:
    """As ``write_json``, batch by batch: as Python strings, many texts are larger than memory."""
    named = {split: dict.fromkeys(sides, "\0") for split, sides in texts.items()}
    between = json.dumps(named, indent=1, ensure_ascii=False).split(json.dumps("\0"))
    columns = [rows for sides in texts.values() for rows in sides.values()]
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        for before, rows in zip(between, columns, strict=False):
            file.write(before + "[")
            for place, part in enumerate(batches(rows)):
                separator = ",\n   "
                block = json.dumps(part.to_pylist(), ensure_ascii=False, separators=(separator, ""))
                file.write((separator if place else "\n   ") + block[1:-1])
            file.write("\n  ]" if len(rows) else "]")
        file.write(between[-1] + "\n")
