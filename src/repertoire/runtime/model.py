"""A folder with a manifest, its graphs and its encodings: checked before anything of it is run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from repertoire.runtime.errors import BadModel
from repertoire.runtime.manifest import Graph, Manifest, parse
from repertoire.runtime.onnx_file import opened, refuse_foreign_content
from repertoire.runtime.text import Encoding

NO_TEXT = ("image", "catalogue")  # kinds of encodings that need no tokenizer


@dataclass(frozen=True)
class Model:
    """One version of one model; without a version of its own it goes by the digest of its content.

    `digest` is the sha256 of the manifest, which holds those of the graphs.
    """

    name: str
    version: str
    digest: str
    folder: Path
    manifest: Manifest

    @cached_property
    def encodings(self) -> Mapping[str, Encoding]:
        """The text encodings by name; built on first use, for tokenizers are slow to build."""
        known = self.manifest.encodings.items()
        texts = ((name, each) for name, each in known if each.get("kind") not in NO_TEXT)
        return {name: Encoding.parse(each) for name, each in texts}

    def encoding(self, name: str) -> Encoding:
        """Raises BadModel."""
        if name not in self.encodings:
            raise BadModel(
                f"the manifest of {self.name!r} lacks the encoding {name!r}; export again"
            )
        return self.encodings[name]


def read_model(folder: Path) -> Model:
    """Reads the manifest of a model folder, not its graphs. Raises BadModel."""
    try:
        text = (folder / "manifest.json").read_bytes()
    except OSError as error:
        raise BadModel(f"manifest.json cannot be read ({error.strerror}); export again") from error
    manifest = parse(text)
    digest = hashlib.sha256(text).hexdigest()
    version = manifest.version or digest[:12]
    return Model(folder.name, version, digest, folder.resolve(), manifest)


def verify(folder: Path, graph: Graph) -> Path:
    """The file of a graph, after making sure that it is what its manifest says. Raises BadModel."""
    path = folder / graph.file
    with opened(path) as (file, content):
        if hashlib.file_digest(file, "sha256").hexdigest() != graph.sha256:
            raise BadModel(f"{graph.file} is not what the manifest names (sha256); export again")
        refuse_foreign_content(content)
    return path
