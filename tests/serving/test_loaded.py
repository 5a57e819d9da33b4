"""A model folder in a program of one's own, and that it needs four packages alone."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from repertoire.runtime import load
from repertoire.runtime.errors import BadModel, InvalidInput, Malformed

ROOT = Path(__file__).parents[2]
# The packages that the runtime may import, and what those import themselves.
ALLOWED = {"numpy", "onnxruntime", "tokenizers", "PIL", "flatbuffers", "google", "packaging"}
IMPORTED = """
import json, sys
from pathlib import Path
before = set(sys.modules)
from repertoire.runtime import load
from repertoire.runtime.tasks import TASKS
model = load(sys.argv[1])
found = model.score("a b")
names = {name.partition(".")[0] for name in set(sys.modules) - before}
foreign = sorted(n for n in names if n not in sys.stdlib_module_names and n[0] != "_")
print(json.dumps({"found": found, "imported": foreign, "tasks": len(TASKS)}))
"""


def test_one_row_has_one_answer_and_a_list_has_a_list_of_any_length(
    models: Path, table: np.ndarray
) -> None:
    model = load(models / "bigram")
    one = model.score("c")
    assert one["log_prob"] == pytest.approx(table[0, 4] + table[4, 0])
    many = model.score(["c"] * 521)
    assert len(many) == 521 and many[520]["log_prob"] == pytest.approx(one["log_prob"])
    assert model.score(text="c")["tokens"] == ["c", "<eos>"]
    assert model.score([]) == []


def test_rows_of_a_task_that_takes_one_at_a_time_are_drawn_each_from_its_own_seed(
    models: Path,
) -> None:
    model = load(models / "lstm")
    several = model.generate(["w1", "w1", "w1"], max_tokens=17, seed=5)
    assert [each["seed"] for each in several] == [5, 6, 7]
    assert several[1] == model.generate("w1", max_tokens=17, seed=6)
    assert len(model.generate(max_tokens=3, min_tokens=3)["tokens"]) == 3


def test_answers_are_those_of_the_server(models: Path, client: TestClient) -> None:
    asked = {"prompt": "a b", "max_tokens": 13, "seed": 3, "stop_at_end": False}
    served = client.post("/v1/models/bigram/generate", json=asked).json()
    assert load(models / "bigram").generate(**asked) == served


def test_steps_end_with_the_answer(models: Path) -> None:
    model = load(models / "bigram")
    *tokens, done = model.generate.steps("a", max_tokens=7, seed=2, stop_at_end=False)
    assert [kind for kind, _ in tokens] == ["token"] * 7
    assert done == ("done", model.generate("a", max_tokens=7, seed=2, stop_at_end=False))


def test_how_much_of_a_text_was_unknown_is_said(models: Path) -> None:
    found = load(models / "bigram").score("a zzz b yyy")
    assert (found["input_tokens"], found["unknown_tokens"]) == (4, 2)
    found = load(models / "mirror").translate("x zzz y")
    assert (found["unknown_tokens"], found["unknown_output_tokens"]) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "settings", "error", "words"),
    [
        (3, {}, Malformed, "text is 3; send a text, or a list of 1 to 256, each a text"),
        (["a", None], {}, Malformed, r"text\[1\] is null; send a text"),
        ("a", {"beam": 2}, Malformed, "unknown field beam; known are text"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    models: Path, rows: object, settings: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        load(models / "bigram").score(rows, **settings)


def test_a_setting_out_of_bounds_names_them(models: Path) -> None:
    with pytest.raises(InvalidInput, match=r"top_p is 1\.5; send a number from 0 to 1"):
        load(models / "bigram").generate("a", top_p=1.5)


def test_a_task_that_a_model_lacks_is_named_beside_those_it_has(models: Path) -> None:
    with pytest.raises(AttributeError, match="has no task 'translate'; its tasks are: score, gen"):
        load(models / "bigram").translate("a")


def test_a_task_named_by_a_word_of_python_has_an_underscore(models: Path) -> None:
    file = models / "bigram/manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tasks": ["continue"]}))
    model = load(models / "bigram")
    assert "continue_" in dir(model)
    with pytest.raises(BadModel, match="lacks 'wave'"):  # it was found, and the model is another's
        model.continue_([0.5])


def test_an_image_may_be_named_by_its_path_and_a_path_without_a_file_is_named(
    models: Path, tmp_path: Path
) -> None:
    model = load(models / "negative")
    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = model.reconstruct([str(tmp_path / "a.png"), tmp_path / "a.png", pixels])
    for each in found:
        assert np.array_equal(each["image"], found[2]["image"])
    with pytest.raises(Malformed, match=r"there is no file .*none\.png"):
        model.reconstruct(str(tmp_path / "none.png"))


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"manifest.json cannot be read \(No such file"):
        load(tmp_path)


def test_a_task_explains_itself(models: Path) -> None:
    generate = load(models / "bigram").generate
    assert "Continues a text" in (inspect.getdoc(generate) or "")
    assert str(inspect.signature(generate)).startswith("(prompt='', *, max_tokens=64")
    assert "generate" in dir(load(models / "bigram"))


def test_graphs_can_be_run_directly(models: Path) -> None:
    found = load(models / "double").run("scale", x=np.full((3, 2), 3.5, np.float32))
    assert found["y"].tolist() == [[7, 7]] * 3


def test_the_runtime_imports_four_packages_alone(models: Path) -> None:
    command = [sys.executable, "-c", IMPORTED, str(models / "bigram")]
    done = subprocess.run(
        command, cwd=ROOT / "src", capture_output=True, encoding="utf-8", check=True
    )
    told = json.loads(done.stdout)
    assert set(told["imported"]) - {"repertoire"} <= ALLOWED
    assert told["tasks"] > 20
    assert math.isfinite(told["found"]["log_prob"])
