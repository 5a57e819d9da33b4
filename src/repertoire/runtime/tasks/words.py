"""The tasks of word vectors: nearest, similarity, analogy."""

from __future__ import annotations

from typing import Any

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Run
from repertoire.runtime.task import Answer, Known, Request, Task
from repertoire.runtime.text import Encoding

WORDS = 256  # in one request
LONGEST = 10  # of a list


def nearest(model: Model, run: Run, request: Request) -> Answer:
    """The words of largest cosine. `word`: a word or a list of them; `count`: words listed.

    Answers `results`, for each: word and nearest, a list of word and cosine.
    """
    fields = Fields(request)
    words = fields.one_or_many("word", WORDS)
    count = fields.integer("count", LONGEST, 1, LONGEST)
    fields.finish()
    encoding = model.encoding("text")
    ids = np.array([word_id(encoding, word) for word in words], np.int64)
    outputs = run("nearest", ids=ids)
    lists = _lists(encoding, outputs, count)
    asked = encoding.tokens(ids.tolist())
    return {"results": [{"word": w, "nearest": n} for w, n in zip(asked, lists, strict=True)]}


def similarity(model: Model, run: Run, request: Request) -> Answer:
    """The cosine of the words `a` and `b`: -1 to 1, or 0 where a vector is zero."""
    one, other = run("embed", ids=_ids(model, request, "a", "b"))["vectors"]
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return {"cosine": float(one @ other) / lengths if lengths else 0.0}


def analogy(model: Model, run: Run, request: Request) -> Answer:
    """What is to `c` as `b` is to `a`. Answers nearest, a list of word and cosine."""
    ids = _ids(model, request, "a", "b", "c")
    asked = {name: ids[n : n + 1] for n, name in enumerate(("a", "b", "c"))}
    outputs = run("analogy", **asked)
    [found] = _lists(model.encoding("text"), outputs, LONGEST)
    return {"nearest": found}


def _ids(model: Model, request: Request, *names: str) -> Array:
    fields = Fields(request)
    words = [fields.string(name, "") for name in names]
    fields.finish()
    encoding = model.encoding("text")
    return np.array([word_id(encoding, word) for word in words], np.int64)


def word_id(encoding: Encoding, word: Any) -> int:
    """The id of one word. Raises Malformed for what is no string, InvalidInput if unknown."""
    if not isinstance(word, str):
        raise Malformed(f"a word is a string, not {word!r}")
    ids = encoding.ids(word)
    if len(ids) != 1:
        raise InvalidInput(f"{word[:80]!r} is {len(ids)} words; send one")
    if ids[0] in (encoding.end, encoding.tokenizer.token_to_id("<unk>")):
        raise InvalidInput(f"the word {word[:80]!r} is not in the model's vocabulary; try another")
    return ids[0]


def _lists(encoding: Encoding, outputs: Arrays, count: int) -> list[list[Answer]]:
    lists = []
    for ids, cosines in zip(outputs["top_ids"], outputs["cosines"], strict=True):
        words = encoding.tokens(ids[:count].tolist())
        pairs = zip(words, cosines[:count], strict=True)
        lists.append([{"word": word, "cosine": float(cosine)} for word, cosine in pairs])
    return lists


def _three(known: Known) -> list[str]:
    """Words that the model knows: of a text of anybody those in its figures."""
    found = known.figure("neighbours")
    words = [row[0] for row in found["cells"]] if found else []
    # Agreement with people is measured on English.
    return ["king", "queen", "man"] if len(words) < 3 or known.figure("agreement") else words[:3]


TASKS = {
    "nearest": Task(
        nearest,
        field="word",
        column="word",
        many=True,
        use="finding words used alike",
        example=lambda known: {"word": _three(known)[0]},
        takes_text=True,
    ),
    "similarity": Task(
        similarity,
        field="a",
        column="a",
        many=False,
        use="telling how alike two words are used",
        example=lambda known: dict(zip("ab", _three(known), strict=False)),
        takes_text=True,
    ),
    "analogy": Task(
        analogy,
        field="a",
        column="a",
        many=False,
        use="completing analogies of words",
        example=lambda known: dict(zip("abc", _three(known), strict=True)),
        takes_text=True,
    ),
}
