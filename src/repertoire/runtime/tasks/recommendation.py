"""The task of recommenders: recommend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between, Size, shown
from repertoire.runtime.signature import Run
from repertoire.runtime.spelling import Names
from repertoire.runtime.task import Known, Task

LONGEST = 1000  # items of a history, or of a list
LISTED = 10  # where nothing is asked
ALIKE = 80  # letters of an unknown title that are compared with those known


@dataclass(frozen=True)
class Recommend:
    history: Annotated[
        list[int | str],
        Size(0, LONGEST),
        "titles or ids of what someone liked; nothing of it is recommended. Ids are those of the "
        "data; where its catalogue has none, numbers from 1",
    ] = field(default_factory=list)
    count: Annotated[
        int | None,
        Between(1, LONGEST),
        "how many; usually 10, or as many as the model lists if these are fewer",
    ] = None


class Item(TypedDict):
    title: str
    id: int | str
    score: Annotated[float, "its log-probability among all that the history lacks, nats"]


class Recommended(TypedDict):
    history: Annotated[list[str], "the titles understood"]
    recommendations: Annotated[list[Item], "best first"]


def recommend(model: Model, run: Run, request: Recommend) -> Recommended:
    """What someone may like next. An empty history gets the answer for someone unknown."""
    most = _listed(model)
    count = min(LISTED, most) if request.count is None else request.count
    if count > most:
        raise InvalidInput(f"count is {count}; send a whole number from 1 to {most}")
    titles, ids = _catalogue(model)
    numbers = {title: number for number, title in enumerate(titles, 1)}
    # An id comes first: a title may be the id of something else.
    names = Names(numbers | {str(each): number for number, each in enumerate(ids, 1)})
    places = enumerate(request.history)
    liked = [_number(each, titles, ids, names, f"history[{n}]") for n, each in places]
    # A run needs one place or more, and 0 is an empty one.
    found = run("recommend", history=np.array([liked or [0]], np.int64))
    pairs = zip(found["top_ids"][0].tolist(), found["scores"][0].tolist(), strict=True)
    best = [Item(title=titles[n - 1], id=ids[n - 1], score=s) for n, s in pairs if n > 0]
    return {"history": [titles[n - 1] for n in liked], "recommendations": best[:count]}


def _listed(model: Model) -> int:
    """How many items the model lists."""
    [listed, _] = model.manifest.graph("recommend").outputs
    return int(listed.shape[1])


def _number(given: int | str, titles: list[str], ids: list[Any], names: Names, path: str) -> int:
    """The number of a title or of an id. Raises InvalidInput if it is unknown."""
    if (number := names.find(str(given).strip())) is not None:
        return number
    unknown = f"{path} is {shown(given)}, which is not in the catalogue"
    if isinstance(given, int):
        known = f"{ids[0]}, {ids[1]}, …" if len(ids) > 1 else f"{ids[0]}"
        hint = f"1 to {len(ids)}" if ids == list(range(1, len(ids) + 1)) else f"ids such as {known}"
        raise InvalidInput(f"{unknown}; send {hint}")
    near = names.near(given.strip()[:ALIKE], most=3, cutoff=0.5)
    hint = ", ".join(json.dumps(titles[number - 1], ensure_ascii=False) for number in near)
    remedy = f"did you mean {hint}" if hint else "its titles are in the model's manifest"
    raise InvalidInput(f"{unknown}; {remedy}")


def _catalogue(model: Model) -> tuple[list[str], list[Any]]:
    """Titles and ids in the order of the graph's numbers from 1. Raises BadModel."""
    items = model.manifest.encodings.get("items", {})
    titles = items.get("titles")
    if not isinstance(titles, list) or not titles:
        raise BadModel(f"the manifest of {model.name!r} names no catalogue; export again")
    ids = items.get("ids", list(range(1, len(titles) + 1)))
    if len(ids) != len(titles):
        raise BadModel(f"the manifest of {model.name!r} has {len(ids)} ids; export again")
    return titles, ids


def _options(model: Model) -> Mapping[str, Mapping[str, Any]]:
    most = _listed(model)
    return {"count": {"maximum": most, "default": min(LISTED, most)}}


def _example(known: Known) -> Mapping[str, Any]:
    """The titles that a figure begins with; a small catalogue lists fewer than five."""
    begun = known.figure("cold-start")
    history = [row[-1] for row in begun["cells"][:2]] if begun else []
    return {"history": history, "count": min(5, known.facts.get("items", 5))}


TASKS = (
    Task(
        "recommend",
        recommend,
        use="proposing what someone may like next, from what they liked",
        rows="history",
        column="history",
        example=_example,
        options=_options,
    ),
)
