"""The task of recommenders: recommend."""

from __future__ import annotations

from typing import Any

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.spelling import Names
from repertoire.runtime.task import Answer, Known, Request, Task

LONGEST = 1000  # items of a history
LISTED = 10  # where nothing is asked
ALIKE = 80  # letters of an unknown title that are compared with those known


def recommend(model: Model, run: Run, request: Request) -> Answer:
    """What someone may like next. `history`: titles or ids of what they liked; `count`: how many.

    Ids are those of the data; where its catalogue has none, numbers from 1. Nothing of the history
    is recommended. An empty or absent one gets the answer for someone unknown. Answers history (the
    titles understood) and recommendations, a list of title, id and score: the log-probability, in
    nats, among all that the history lacks.
    """
    fields = Fields(request)
    given = fields.items("history", LONGEST)
    [listed, _] = model.manifest.graph("recommend").outputs
    count = fields.integer("count", min(LISTED, int(listed.shape[1])), 1, int(listed.shape[1]))
    fields.finish()
    titles, ids = _catalogue(model)
    numbers = {title: number for number, title in enumerate(titles, 1)}
    # An id comes first: a title may be the id of something else.
    names = Names(numbers | {str(each): number for number, each in enumerate(ids, 1)})
    liked = [_number(each, titles, ids, names) for each in given]
    # A run needs one place or more, and 0 is an empty one.
    found = run("recommend", history=np.array([liked or [0]], np.int64))
    pairs = zip(found["top_ids"][0].tolist(), found["scores"][0].tolist(), strict=True)
    best = [{"title": titles[n - 1], "id": ids[n - 1], "score": s} for n, s in pairs if n > 0]
    return {"history": [titles[n - 1] for n in liked], "recommendations": best[:count]}


def _number(given: Any, titles: list[str], ids: list[Any], names: Names) -> int:
    """The number of a title or of an id. Raises Malformed, and InvalidInput if it is unknown."""
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise Malformed(f"a history holds titles and ids, not {given!r}")
    if (number := names.find(str(given).strip())) is not None:
        return number
    if isinstance(given, int):
        known = f"{ids[0]}, {ids[1]}, …" if len(ids) > 1 else f"{ids[0]}"
        hint = f"1 to {len(ids)}" if ids == list(range(1, len(ids) + 1)) else f"ids such as {known}"
        raise InvalidInput(f"id {given} is not in the catalogue; send {hint}")
    asked = given.strip()[:ALIKE]
    near = names.near(asked, most=3, cutoff=0.5)
    hint = ", ".join(repr(titles[number - 1]) for number in near)
    remedy = f"did you mean {hint}" if hint else "its titles are in the model's manifest"
    raise InvalidInput(f"{asked!r} is not in the catalogue; {remedy}")


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


def _example(known: Known) -> Request:
    """The titles that a figure begins with."""
    begun = known.figure("cold-start")
    return {"history": [row[-1] for row in begun["cells"][:2]] if begun else [], "count": 5}


TASKS = {
    "recommend": Task(
        recommend,
        field="history",
        column="history",
        many=False,
        use="proposing what someone may like next, from what they liked",
        example=_example,
    )
}
