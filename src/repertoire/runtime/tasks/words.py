"""The tasks of word vectors: nearest, similarity, analogy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

import numpy as np

from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between, Many, shown
from repertoire.runtime.signature import Array, Arrays, Run
from repertoire.runtime.task import Known, Task
from repertoire.runtime.text import Encoding

LONGEST = 10  # of a list
ENGLISH = ["king", "queen", "man"]


class Neighbour(TypedDict):
    word: str
    cosine: float


@dataclass(frozen=True)
class Nearest:
    word: Annotated[list[str], Many(256), "a word, or a list of them"]
    count: Annotated[int, Between(1, LONGEST), "words listed"] = LONGEST


class Neighbours(TypedDict):
    word: Annotated[str, "as the model spells it"]
    nearest: Annotated[list[Neighbour], "by falling cosine"]


def nearest(model: Model, run: Run, request: Nearest) -> list[Neighbours]:
    """The words of largest cosine."""
    encoding = model.encoding("text")
    named = [word_id(encoding, word, f"word[{n}]") for n, word in enumerate(request.word)]
    lists = _lists(encoding, run("nearest", ids=np.array(named, np.int64)), request.count)
    asked = encoding.tokens(named)
    return [{"word": word, "nearest": near} for word, near in zip(asked, lists, strict=True)]


@dataclass(frozen=True)
class Similarity:
    a: Annotated[str, "a word"]
    b: Annotated[str, "a word"]


class Cosine(TypedDict):
    cosine: Annotated[float, Between(-1, 1), "0 where a vector is zero"]


def similarity(model: Model, run: Run, request: Similarity) -> Cosine:
    """The cosine of two words."""
    ids = _ids(model, a=request.a, b=request.b)
    one, other = run("embed", ids=ids)["vectors"].astype(np.float64)
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return {"cosine": min(1.0, max(-1.0, float(one @ other) / lengths)) if lengths else 0.0}


@dataclass(frozen=True)
class Analogy:
    a: Annotated[str, "a word"]
    b: Annotated[str, "what stands to a"]
    c: Annotated[str, "as what is sought stands to this word"]


class Analogous(TypedDict):
    nearest: Annotated[list[Neighbour], "by falling cosine"]


def analogy(model: Model, run: Run, request: Analogy) -> Analogous:
    """What is to `c` as `b` is to `a`."""
    a, b, c = _ids(model, a=request.a, b=request.b, c=request.c)[:, None]
    [found] = _lists(model.encoding("text"), run("analogy", a=a, b=b, c=c), LONGEST)
    return {"nearest": found}


def _ids(model: Model, **words: str) -> Array:
    encoding = model.encoding("text")
    return np.array([word_id(encoding, word, name) for name, word in words.items()], np.int64)


def word_id(encoding: Encoding, word: str, path: str) -> int:
    """The id of one word. Raises InvalidInput where the text is not one, or is unknown."""
    ids = encoding.ids(word)
    if len(ids) != 1:
        raise InvalidInput(f"{path} is {shown(word)}, which is {len(ids)} words; send one")
    if ids[0] in (encoding.end, encoding.unknown):
        raise InvalidInput(
            f"{path} is {shown(word)}, which is not in the model's vocabulary; try another word"
        )
    return ids[0]


def _lists(encoding: Encoding, outputs: Arrays, count: int) -> list[list[Neighbour]]:
    lists = []
    for ids, cosines in zip(outputs["top_ids"], outputs["cosines"], strict=True):
        words = encoding.tokens(ids[:count].tolist())
        pairs = zip(words, cosines[:count].tolist(), strict=True)
        lists.append([Neighbour(word=word, cosine=cosine) for word, cosine in pairs])
    return lists


def _three(known: Known) -> list[str]:
    """Words that the model knows: of a text of anybody those in its figures."""
    found = known.figure("neighbours")
    words = [row[0] for row in found["cells"]] if found else []
    # Agreement with people is measured on English.
    is_english = known.figure("agreement") and {*ENGLISH} <= {*known.facts.get("words", ENGLISH)}
    return ENGLISH if len(words) < 3 or is_english else words[:3]


TASKS = (
    Task(
        "nearest",
        nearest,
        use="finding words used alike",
        rows="word",
        column="word",
        example=lambda known: {"word": _three(known)[0]},
    ),
    Task(
        "similarity",
        similarity,
        use="telling how alike two words are used",
        rows="a",
        column="a",
        example=lambda known: dict(zip("ab", _three(known), strict=False)),
    ),
    Task(
        "analogy",
        analogy,
        use="completing analogies of words",
        rows="a",
        column="a",
        example=lambda known: dict(zip("abc", _three(known), strict=True)),
    ),
)
