"""What the manifest says of texts and states is what the tasks do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from repertoire.runtime.errors import BadModel
from repertoire.runtime.manifest import parse
from repertoire.runtime.text import Encoding

WORDS = ("a", "b", "c")


def change(folder: Path, encoding: dict[str, Any] | None = None, **graph: Any) -> None:
    """Adds keys to the encoding and to every graph of a manifest."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["encodings"]["text"] |= encoding or {}
    for each in manifest["graphs"]:
        each |= graph
    file.write_text(json.dumps(manifest))


def load(client: TestClient) -> None:
    assert client.post("/v2/repository/models/bigram/load").is_success


def score(client: TestClient, text: str) -> Any:
    return client.post("/v1/models/bigram/score", json={"text": text})


def test_a_score_starts_and_ends_as_the_encoding_says(
    client: TestClient, models: Path, table: np.ndarray
) -> None:
    change(models / "bigram", {"append_end": False, "start": 4}, state="zeros")
    load(client)
    [found] = score(client, "a b").json()["results"]
    assert found["tokens"] == ["a", "b"]
    assert found["log_probs"] == pytest.approx([table[4, 2], table[2, 3]])


def test_candidates_and_completions_start_as_the_encoding_says(
    client: TestClient, models: Path, table: np.ndarray
) -> None:
    change(models / "bigram", {"append_end": False, "start": 4})
    load(client)
    body = {"candidates": ["b a"]}
    [best] = client.post("/v1/models/bigram/rescore", json=body).json()["results"]
    assert best["log_prob"] == pytest.approx(table[4, 3] + table[3, 2])
    found = client.post("/v1/models/bigram/complete", json={"prompt": ""}).json()["results"]
    assert found[0]["log_prob"] == pytest.approx(table[4, 2:].max())
    greedy = {"prompt": "", "max_tokens": 1, "temperature": 0, "stop_at_end": False}
    answer = client.post("/v1/models/bigram/generate", json=greedy).json()
    assert answer["tokens"] == [["<eos>", "<unk>", *WORDS][int(table[4].argmax())]]


def test_a_manifest_of_before_starts_and_ends_with_the_end_token(
    client: TestClient, table: np.ndarray
) -> None:
    [found] = score(client, "a").json()["results"]
    assert found["log_probs"] == pytest.approx([table[0, 2], table[2, 0]])


def test_a_text_cannot_be_scored_by_a_model_that_nothing_starts(
    client: TestClient, models: Path
) -> None:
    change(models / "bigram", {"append_end": True, "start": None})
    load(client)
    answer = score(client, "a")
    assert answer.status_code >= 400
    assert "names no token that starts a text" in answer.json()["error"]


def test_a_state_that_starts_otherwise_is_refused() -> None:
    graph = {
        "name": "next",
        "file": "onnx/next.onnx",
        "sha256": "0" * 64,
        "bytes": 7,
        "inputs": [{"name": "hidden", "dtype": "float32", "shape": ["batch", 3]}],
        "outputs": [{"name": "next_hidden", "dtype": "float32", "shape": ["batch", 3]}],
        "feedback": {"next_hidden": "hidden"},
    }

    def parsed(**more: Any) -> Any:
        each = {**graph, **more}
        document = {"format": "repertoire/1", "family": "toy", "tasks": [], "graphs": [each]}
        return parse(json.dumps(document).encode())

    assert parsed().graph("next") == parsed(state="zeros").graph("next")
    assert parsed(feedback={}, state=None).graph("next").feedback == {}
    with pytest.raises(BadModel, match="graph next: state 'ones' is not 'zeros'"):
        parsed(state="ones")


def test_a_text_that_spells_the_end_token_does_not_end() -> None:
    from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import WordLevel

    tokens = ["<eos>", "<unk>", *"<>eos"]
    tokenizer = Tokenizer(WordLevel({t: n for n, t in enumerate(tokens)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    marked = [AddedToken(each, special=True) for each in tokens[:2]]
    assert tokenizer.add_special_tokens(marked) == 2
    document = {"kind": "tokenizer", "tokenizer": json.loads(tokenizer.to_str()), "end": 0}
    encoding = Encoding.parse(document)
    assert encoding.ids("<EOS>") == encoding.ids("<eos>") == [2, 4, 5, 6, 3]
    assert encoding.text([4, 1, 0]).split() == ["e", "<unk>", "<eos>"]
