"""The task of models that turn pictures into pictures: translate_image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from repertoire.runtime.errors import Malformed
from repertoire.runtime.inference.rows import over_rows
from repertoire.runtime.model import Model
from repertoire.runtime.pictures import ROWS, Images, Png, read
from repertoire.runtime.signature import Run
from repertoire.runtime.task import File, Task


@dataclass(frozen=True)
class TranslateImage:
    images: Images
    direction: Annotated[
        Literal["a_to_b", "b_to_a"] | None, "of models that know both; a_to_b if left out"
    ] = None


class ImageTranslated(TypedDict):
    image: Png


def translate_image(model: Model, run: Run, request: TranslateImage) -> list[ImageTranslated]:
    """Turns images of one domain into images of another."""
    both = _knows_both(model)
    if request.direction and not both:
        raise Malformed(f"direction: model {model.name!r} knows one alone; leave it out")
    graph = request.direction or "a_to_b" if both else "translate_image"
    given = read(model, graph, request.images)
    translated = over_rows(run, graph, ROWS, "translated", images=given)["translated"]
    return [{"image": image} for image in translated]


def _knows_both(model: Model) -> bool:
    return "a_to_b" in model.manifest.graphs


def _options(model: Model) -> Mapping[str, Mapping[str, Any] | None]:
    return {} if _knows_both(model) else {"direction": None}


TASKS = (
    Task(
        "translate_image",
        translate_image,
        use="turning pictures of one kind into pictures of another",
        rows="images",
        column="image",
        example=lambda known: {"images": [File("picture.png")]},
        options=_options,
    ),
)
