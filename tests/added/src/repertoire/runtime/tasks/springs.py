"""The task of models of springs: stretch."""

from __future__ import annotations

import numpy as np

from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Answer, Request, Task


def stretch(model: Model, run: Run, request: Request) -> Answer:
    """How long a spring becomes. `loads`: newtons, one or a list. Answers `results`: mm."""
    fields = Fields(request)
    loads = fields.one_or_many("loads", 100)
    fields.finish()
    found = run("stretch", load=np.array(loads, np.float32))["length"]
    return {"results": [{"length": length} for length in found.tolist()]}


TASKS = {
    "stretch": Task(
        stretch,
        field="loads",
        column="load",
        many=True,
        use="telling how long a spring becomes",
        example=lambda known: {"loads": [0, known.facts["heaviest"]]},
    )
}
