"""The task of recommenders: recommend.

Requests and answers are those of serving/task.py.
"""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np

from serving.errors import BadModel, InvalidInput, Malformed
from serving.fields import Fields
from serving.plane import Run
from serving.repository import Model
from serving.task import Answer, Request, Task

LONGEST = 1000  # items of a history
LISTED = 10  # where nothing is asked
ALIKE = 80  # letters of an unknown title that are compared with those known


def recommend(model: Model, run: Run, request: Request) -> Answer:
    """What someone may like next. `history`: titles or ids of what they liked; `count`: how many.

    Nothing of the history is recommended. An empty or absent one gets the answer for someone
    unknown. Answers history (the titles understood) and recommendations, a list of title, id and
    score: the log-probability, in nats, among all that the history lacks.
    """
    fields = Fields(request)
    given = fields.items("history", LONGEST)
    [listed, _] = model.manifest.graph("recommend").outputs
    count = fields.integer("count", min(LISTED, int(listed.shape[1])), 1, int(listed.shape[1]))
    fields.finish()
    titles = _titles(model)
    numbers = {title.casefold(): number for number, title in enumerate(titles, 1)}
    ids = [_number(each, titles, numbers) for each in given]
    # A run needs one place or more, and 0 is an empty one.
    found = run("recommend", {"history": np.array([ids or [0]], np.int64)}, None)
    pairs = zip(found["top_ids"][0].tolist(), found["scores"][0].tolist(), strict=True)
    best = [{"title": titles[n - 1], "id": n, "score": score} for n, score in pairs if n > 0]
    return {"history": [titles[n - 1] for n in ids], "recommendations": best[:count]}


def _number(given: Any, titles: list[str], numbers: dict[str, int]) -> int:
    """The number of a title or of itself. Raises Malformed, and InvalidInput if it is unknown."""
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise Malformed(f"a history holds titles and ids, not {given!r}")
    if isinstance(given, int):
        if not 1 <= given <= len(titles):
            raise InvalidInput(f"id {given} is not in the catalogue; send 1 to {len(titles)}")
        return given
    if (number := numbers.get(given.strip().casefold())) is not None:
        return number
    asked = given.strip()[:ALIKE]
    near = difflib.get_close_matches(asked.casefold(), numbers, n=3, cutoff=0.5)
    hint = ", ".join(repr(titles[numbers[each] - 1]) for each in near)
    remedy = f"did you mean {hint}" if hint else "its titles are in the model's manifest"
    raise InvalidInput(f"{asked!r} is not in the catalogue; {remedy}")


def _titles(model: Model) -> list[str]:
    """The catalogue, in the order of its numbers from 1. Raises BadModel."""
    titles = model.manifest.encodings.get("items", {}).get("titles")
    if not isinstance(titles, list) or not titles:
        raise BadModel(f"the manifest of {model.name!r} names no catalogue; export again")
    return titles


TASKS = {"recommend": Task(recommend, field="history", column="history", many=False)}
