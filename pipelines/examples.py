"""A request for each task of a model that works as it stands, in the manifest."""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from repertoire.contract import Array
from repertoire.data.dataset import Dataset
from repertoire.runtime.task import File, Known
from repertoire.runtime.tasks import TASKS

SMALL = 128  # pixels of a side: larger pictures are stored as JPEG
QUALITY = 85  # of JPEG, percent


def examples(
    tasks: Iterable[str], known: Known, graph: Mapping[str, Any], data: Dataset
) -> dict[str, Any]:
    """By task; where it asks for files there are pictures of the test split that fit the graph."""
    found = {}
    for name in tasks:
        pictures = (_base64(each) for each in _pictures(graph, data))
        found[name] = _filled(TASKS[name].example(known), pictures)
    return found


def _filled(value: Any, pictures: Iterator[str]) -> Any:
    if isinstance(value, File):
        return next(pictures)
    if isinstance(value, Mapping):
        return {key: _filled(each, pictures) for key, each in value.items()}
    return [_filled(each, pictures) for each in value] if isinstance(value, list) else value


def _pictures(graph: Mapping[str, Any], data: Dataset) -> Iterator[Array]:
    """uint8 (height, width) or (height, width, 3) of the test split, in its order."""
    wanted = graph["inputs"][0]["shape"][1:]
    for array in data.arrays("test").values():
        sizes = array.shape[1:]
        fits = len(sizes) == len(wanted) and all(
            isinstance(w, str) or w == s for w, s in zip(wanted, sizes, strict=True)
        )
        if array.dtype == np.uint8 and fits:
            yield from array


def _base64(pixels: Array) -> str:
    file = io.BytesIO()
    large = max(pixels.shape[:2]) > SMALL
    form = {"format": "JPEG", "quality": QUALITY} if large else {"format": "PNG"}
    Image.fromarray(pixels).save(file, **form)
    return base64.b64encode(file.getvalue()).decode()
