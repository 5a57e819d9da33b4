"""Folders of captioned images as users have them: shapes in colours, drawn with Pillow."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

COLOURS = {"red": (210, 40, 40), "green": (40, 170, 60), "blue": (40, 70, 210)}
SHAPES = ("square", "circle")


def draw(path: Path, colour: str, shape: str, seed: int, size: tuple[int, int] = (43, 37)) -> None:
    """An image file of one shape on a light ground; its kind by the path's ending."""
    from PIL import Image, ImageDraw

    rng = random.Random(seed)
    ground = tuple(rng.randint(215, 255) for _ in range(3))
    image = Image.new("RGB", size, ground)
    left, top = size[0] // 3 + rng.randint(-3, 3), size[1] // 3 + rng.randint(-3, 3)
    box = (left, top, left + 13, top + 13)
    pencil = ImageDraw.Draw(image)
    (pencil.rectangle if shape == "square" else pencil.ellipse)(box, fill=COLOURS[colour])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_shapes(folder: Path, count: int, first: int = 0) -> list[tuple[str, str]]:
    """``count`` images in the folder; gives (file name, caption), two captions of every third."""
    rows = []
    for number in range(first, first + count):
        colour, shape = list(COLOURS)[number % 3], SHAPES[number // 3 % 2]
        name = f"{number:03}.png"
        draw(folder / name, colour, shape, number)
        rows.append((name, f"A {colour} {shape} on paper."))
        if number % 3 == 0:
            rows.append((name, f"There is a {shape}, and it is {colour}!"))
    return rows


def write_table(
    path: Path,
    rows: Sequence[Sequence[str]],
    header: Sequence[str] = ("file_name", "text"),
    encoding: str = "utf-8",
    newline: str = "\n",
) -> Path:
    """A CSV file."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, lineterminator=newline).writerows([header, *rows])
    return path
