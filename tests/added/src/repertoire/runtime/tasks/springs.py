"""The task of models of springs: stretch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

import numpy as np

from repertoire.runtime.model import Model
from repertoire.runtime.schema import Many
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Task


@dataclass(frozen=True)
class Stretch:
    loads: Annotated[list[float], Many(100), "newtons"]


class Stretched(TypedDict):
    length: Annotated[float, "millimetres"]


def stretch(model: Model, run: Run, request: Stretch) -> list[Stretched]:
    """How long springs become."""
    lengths = run("stretch", load=np.array(request.loads, np.float32))["length"]
    return [{"length": length} for length in lengths.tolist()]


TASKS = (
    Task(
        "stretch",
        stretch,
        use="telling how long a spring becomes",
        rows="loads",
        column="load",
        example=lambda known: {"loads": [0, known.facts["heaviest"]]},
    ),
)
