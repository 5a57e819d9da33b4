"""Texts that are drawn together are those that are drawn alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from repertoire.contract import Graph, Port
from repertoire.export.onnx_file import export_graph
from repertoire.families.language_model.network import Sample
from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.inference import batch_sampling, draws
from repertoire.runtime.inference.batch_sampling import Continuation, Wanted, sampled_together
from repertoire.runtime.inference.language import Choice, sampled
from repertoire.runtime.session import open_session
from repertoire.runtime.signature import Array, Arrays, Run
from repertoire.runtime.text import Encoding, Pieces, text_after
from tests.serving import standins

END = 1
WORDS = 599  # enough for draws without the graph
CHOICES = [Choice(), Choice(0.7), Choice(3.0), Choice(0), Choice(1, 17), Choice(1, 0, 0.9)]
CHOICES += [Choice(0.8, 19, 0.95), Choice(1, 0, 0.0), Choice(1, 1), Choice(100)]


class Counting:
    """Passes runs on, and keeps how many rows went into each."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.rows: list[tuple[str, int, int]] = []

    def graph(self, name: str, /) -> Any:
        return self._run.graph(name)

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        first = inputs["tokens" if graph == "next" else "log_probs"]
        self.rows.append((graph, *first.shape))
        return self._run(graph, *outputs, **inputs)


def exported(folder: Path, size: int) -> dict[str, Any]:
    """The graph `sample` as a pipeline exports it."""
    every = Port("log_probs", "float32", ("batch", size))
    counts = [Port("top_k", "int64", ("batch",), 0, size)]
    shares = [Port(name, "float32", ("batch",), 0, 1) for name in ("top_p", "uniform")]
    inputs = (every, Port("temperature", "float32", ("batch",), 0, 100), *counts, *shares)
    graph = Graph("sample", Sample(), inputs, (Port("token", "int64", ("batch",)),))
    ports = [
        [(p.name, p.dtype, p.shape, p.low, p.high) for p in each]
        for each in (inputs, graph.outputs)
    ]
    return standins.graph_entry(
        folder, "sample", onnx.load_from_string(export_graph(graph)), *ports
    )


@pytest.fixture(scope="module", params=[WORDS, 23])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A language model with random weights: with many words, few draws need the graph."""
    folder = tmp_path_factory.mktemp("model") / "lm"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(standins, "sampler", exported)
        standins.lstm(folder, words=request.param, width=11)
    return load(folder, 1)


def alone(run: Run, wanted: Wanted) -> Continuation:
    drawn = sampled(run, wanted.ids, wanted.choice, wanted.seed, END, wanted.least)
    found = Continuation()
    for token, log_prob in itertools.islice(drawn, wanted.count):
        if wanted.stops and token == END:
            found.ended = True
            break
        found.tokens.append(token)
        found.log_probs.append(log_prob)
    return found


def check(run: Run, texts: Sequence[Wanted], most: int) -> None:
    for text, found in zip(texts, sampled_together(run, texts, END, most), strict=True):
        expected = alone(run, text)
        assert found.tokens == expected.tokens and found.ended == expected.ended
        np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-5)


def drawn_from(model: Any, count: int) -> list[Wanted]:
    """Texts of unequal prompts, lengths, seeds, settings and ends."""
    rng, size = np.random.default_rng(7), len(model.model.encoding("text").vocabulary)
    return [
        Wanted(
            ids=[0, *rng.integers(2, size, rng.integers(0, 7)).tolist()],
            choice=CHOICES[place % len(CHOICES)],
            seed=place * 13,
            count=int(rng.integers(1, 19)),
            least=int(rng.integers(0, 2)),
            stops=bool(rng.integers(0, 2)),
        )
        for place in range(count)
    ]


@pytest.mark.parametrize("most", [1, 2, 5, 64])
def test_texts_drawn_together_are_those_drawn_alone(model: Any, most: int) -> None:
    check(model.run, drawn_from(model, 53), most)


def test_texts_that_end_early_leave_and_others_take_their_place(model: Any) -> None:
    run = Counting(model.run)
    texts = [Wanted([0, 5], Choice(), place, count=3 + place % 11) for place in range(29)]
    check(model.run, texts, 7)
    sampled_together(run, texts, END, 7)
    steps = [rows for name, rows, columns in run.rows if name == "next" and columns == 1]
    tokens = sum(text.count for text in texts)
    assert sum(steps) == tokens - len(texts), "no row is run that nobody wants"
    assert max(steps) <= 7 and 9 * len(steps) < 2 * tokens


def test_rows_in_one_run_are_bounded_also_those_of_long_prompts(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_sampling, "POSITIONS", 40)
    run = Counting(model.run)
    prompts = [[0] + [3] * length for length in (30, 30, 30, 2, 2, 2, 2, 100)]
    texts = [Wanted(ids, Choice(), place, count=2) for place, ids in enumerate(prompts)]
    check(run, texts, 5)
    sampled_together(run := Counting(model.run), texts, END, 5)
    sizes = [(rows, columns) for name, rows, columns in run.rows if name == "next"]
    assert all(rows <= 5 and (rows * columns <= 40 or rows == 1) for rows, columns in sizes)


def test_many_words_are_drawn_almost_without_the_graph(model: Any) -> None:
    run = Counting(model.run)
    texts = [Wanted([0], Choice(), place, count=31) for place in range(17)]
    sampled_together(run, texts, END)
    asked = sum(rows for name, rows, _ in run.rows if name == "sample")
    many = len(model.model.encoding("text").vocabulary) > draws.LEAST
    assert 17 <= asked < 17 * 3 if many else asked == 17 * 31


def test_a_graph_that_draws_by_other_rules_draws_every_token(tmp_path: Path) -> None:
    standins.lstm(tmp_path / "lm", words=WORDS, width=11)  # in the order of ids, without top-k
    other = load(tmp_path / "lm", 1)
    check(other.run, [Wanted([0], Choice(), place, count=13) for place in range(11)], 5)


def test_what_the_graph_refuses_alone_it_refuses_together(model: Any) -> None:
    texts = [Wanted([0], Choice(1, top_k), 0, count=3) for top_k in (0, 10_000)]
    with pytest.raises(InvalidInput, match="top_k holds 10000"):
        sampled_together(model.run, texts, END)


def test_a_draw_without_the_graph_is_the_graphs_or_is_not_sure(tmp_path: Path) -> None:
    size = 2003
    entry = exported(tmp_path, size)
    session = open_session(tmp_path / entry["file"], 1)
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((97, size)).astype(np.float32) * 3
    logits[:, 7:19] = logits[:, 5:6]  # equal ones
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    log_probs = draws.without(log_probs, END, range(0, 97, 2))
    sure = 0
    for choice in CHOICES:
        inputs = Choice.inputs_of([choice] * 97)
        uniform = rng.random(97, np.float32)
        found = draws.estimated(log_probs, uniform, **inputs)
        [expected] = session.run(None, {"log_probs": log_probs, "uniform": uniform, **inputs})
        np.testing.assert_array_equal(found[found >= 0], expected[found >= 0])
        sure += (found >= 0).mean()
    assert sure > 0.9 * len(CHOICES)


def test_a_random_number_on_the_border_of_two_tokens_is_left_to_the_graph() -> None:
    log_probs = np.log(np.array([[0.5, 0.25, 0.125, 0.125]] * 4, np.float32))
    uniform = np.array([0.3, 0.5 - 2.0**-22, 0.7, 0.75 + 2.0**-22], np.float32)
    found = draws.estimated(log_probs, uniform, **Choice.inputs_of([Choice()] * 4))
    assert found.tolist() == [0, -1, 1, -1]


class OneRow:
    """A graph `next` whose state has no batch axis: a run holds one text."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def graph(self, name: str, /) -> Any:
        graph = self._run.graph(name)
        ports = tuple(
            replace(port, shape=tuple(1 if s == "batch" else s for s in port.shape))
            for port in graph.inputs
        )
        return replace(graph, inputs=ports)

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        assert all(1 in array.shape for array in inputs.values())
        assert len(inputs["tokens" if graph == "next" else "log_probs"]) == 1
        return self._run(graph, *outputs, **inputs)


def test_graphs_without_a_batch_axis_draw_one_text_after_another(model: Any) -> None:
    run = OneRow(model.run)
    texts = [Wanted([0], Choice(), place, count=3) for place in range(3)]
    for text, found in zip(texts, sampled_together(run, texts, END), strict=True):
        assert found.tokens == alone(model.run, text).tokens


def test_a_list_of_prompts_is_answered_as_each_is_alone(model: Any) -> None:
    prompts = ["w1 w2", "", "w3", "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10", "nobody"]
    together = model.generate(prompts, seed=5, max_tokens=17)
    singly = [model.generate(text, seed=5 + n, max_tokens=17) for n, text in enumerate(prompts)]
    assert len({answer["text"] for answer in together}) == 5
    for one, other in zip(together, singly, strict=True):
        np.testing.assert_allclose(one.pop("log_probs"), other.pop("log_probs"), atol=1e-5)
        assert one == other


@pytest.mark.parametrize("name", ["words", "characters", "bytes"])
def test_the_text_after_a_prompt_is_that_of_its_pieces(name: str) -> None:
    encoding = ENCODINGS[name]()
    rng, size = np.random.default_rng(5), encoding.tokenizer.get_vocab_size()
    for length in (0, 1, 3, 13):
        for _ in range(41):
            ids, tokens = (rng.integers(0, size, n).tolist() for n in (length, 23))
            pieces = Pieces(encoding, ids)
            assert text_after(encoding, ids, tokens) == "".join(map(pieces.add, tokens))


def _of(vocabulary: Sequence[str], decoder: Any) -> Encoding:
    tokenizer = Tokenizer(models.WordLevel({each: n for n, each in enumerate(vocabulary)}, "<unk>"))
    tokenizer.decoder = decoder
    return Encoding(tokenizer, END)


LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
ENCODINGS = {
    "words": lambda: _of(["<unk>", "<eos>", "a", "king", ".", "n't", "##s"], decoders.WordPiece()),
    "characters": lambda: _of(["<unk>", "<eos>", *"abc .é한"], decoders.Fuse()),
    "bytes": lambda: _of(["<unk>", "<eos>", *LETTERS], decoders.ByteLevel()),
}
