"""The task of models that give a picture a style: stylize."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import InvalidInput, TooLarge
from repertoire.runtime.inference import painting
from repertoire.runtime.model import Model
from repertoire.runtime.pictures import Image, Png, at
from repertoire.runtime.schema import Many
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Event, File, Pace, Task, last

IMAGES = 16  # in one request
PIXELS = 2**25  # of all images of a request


@dataclass(frozen=True)
class Stylize:
    images: Annotated[
        list[Image],
        Many(IMAGES),
        f"an image of any size, or a list of them: {PIXELS:,} pixels in all, and files of up to "
        f"{images.BYTES:,} bytes",
    ]


class Stylized(TypedDict):
    image: Png
    height: int
    width: int


def stylize(model: Model, run: Run, request: Stylize) -> list[Stylized]:
    """Paints images in the style of the model, which takes about 2.5 s a megapixel on two cores."""
    answer: list[Stylized] = last(stylize_events(model, run, request))
    return answer


def stylize_events(model: Model, run: Run, request: Stylize) -> Iterator[Event]:
    """How many runs are done, each of about half a second; then the whole."""
    photographs = _read(request.images)
    answers: list[Stylized] = []
    done, pace = 0, Pace(sum(map(painting.steps, photographs)))
    while photographs:  # one that is painted is given free
        photograph = photographs.pop(0)
        picture = np.empty_like(photograph)
        for _ in painting.paint(run, photograph, picture):
            done += 1
            yield from pace.at(done)
        height, width = picture.shape[:2]
        answers.append({"image": picture, "height": height, "width": width})
    yield "done", answers


def _read(given: Sequence[Any]) -> list[Array]:
    """uint8[height, width, 3] each. Raises TooLarge before more than PIXELS are decoded."""
    found: list[Array] = []
    left = PIXELS
    for place, image in enumerate(given):
        if not left:
            raise TooLarge(f"the images before images[{place}] fill the request; send fewer")
        with at(f"images[{place}]"):
            found.append(images.read_any(image, left))
        left -= found[-1].shape[0] * found[-1].shape[1]
    return found


def picture(model: Model, request: Stylize, answer: list[Stylized]) -> bytes:
    """The PNG of a single image."""
    if len(answer) > 1:
        raise InvalidInput(f"images holds {len(answer)} values; send 1, or accept JSON")
    return images.png(answer[0]["image"])


TASKS = (
    Task(
        "stylize",
        stylize,
        use="painting a picture in the style that it learned",
        rows="images",
        column="image",
        example=lambda known: {"images": File("picture.jpg", long=True)},
        events=stylize_events,
        rendered={"image/png": picture},
        accept="image/png",
        into="painted.png",
    ),
)
