"""Small image files in the layouts of pix2pix and CycleGAN, drawn here."""

import numpy as np
from PIL import Image, ImageDraw


def drawing(rng, width, height=None):
    """A disc of some colour on another: uint8 (height, width, 3)."""
    height = height or width
    image = Image.new("RGB", (width, height), tuple(rng.integers(100, 256, 3).tolist()))
    x, y = rng.integers(width // 4, width - width // 4), rng.integers(height // 4, height // 2)
    reach = min(width, height) // 4
    ink = tuple(rng.integers(0, 90, 3).tolist())
    ImageDraw.Draw(image).ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink)
    return np.array(image)


def negative(image):
    return 255 - image


def save(path, pixels, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **more)
    return path


def side_by_side(folder, counts, side=19, seed=3):
    """``counts`` of pairs a subfolder ("" for none): a drawing left, its negative right."""
    rng = np.random.default_rng(seed)
    for name, count in counts.items():
        for number in range(count):
            image = drawing(rng, side)
            both = np.concatenate((image, negative(image)), axis=1)
            save(folder / name / f"{number:02}.png", both)
    return folder


def two_folders(folder, names, count=23, side=19, seed=3):
    """Drawings below the first name, their negatives under the same file names in the second."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        image = drawing(rng, side)
        save(folder / names[0] / f"{number:02}.png", image)
        save(folder / names[1] / f"{number:02}.png", negative(image))
    return folder


def domains(folder, counts, side=19, below=("",), seed=5):
    """``counts`` of images a folder; names that end with B hold negatives of other drawings."""
    rng = np.random.default_rng(seed)
    for name, count in counts.items():
        for number in range(count):
            image = drawing(rng, side)
            if name.lower().endswith("b"):
                image = negative(image)
            save(folder / name / below[number % len(below)] / f"{number:02}.png", image)
    return folder
