"""Exact match, BLEU and cross-entropy of captions, and where the decoder looked; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Run
from repertoire.families.captioning.config import Config
from repertoire.metrics.bleu import caption_metrics

ATTENDED = 6  # scenes whose attention is drawn
HEAT = np.array([190, 40, 20])  # colour of a place that is looked at
FRAME = 90  # ink of the line around a scene
STRENGTH = 0.8  # share of that colour where a word looks most


def captions(run: Run, config: Config, images: Array) -> Array:
    """images (rows, side, side) -> greedy ids (rows, longest), padded with 0."""
    result = np.zeros((len(images), config.longest), np.int64)
    for start in range(0, len(images), config.chunk):
        part = slice(start, start + config.chunk)
        tokens = _look(run, config, images[part])["tokens"]
        result[part, : tokens.shape[1]] = tokens
    return result


def _look(run: Run, config: Config, images: Array) -> Arrays:
    return run("caption", images=images, max_length=np.array(config.longest, np.int64))


def _texts(data: Data, rows: Array) -> list[str]:
    encoding = data.encoding("caption")
    return [encoding.decode(row) for row in rows]


def nats(run: Run, config: Config, images: Array, target: Array) -> float:
    """Mean negative log-probability of a given token, the end among them."""
    total = 0.0
    for start in range(0, len(images), config.chunk):
        part = slice(start, start + config.chunk)
        given = target[part].astype(np.int64)
        scored = run("score", images=images[part], target=given)["log_probs"]
        total -= float(scored[given != 0].sum(dtype=np.float64))
    return total / int((target != 0).sum())


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """Greedy captions of the whole split against the raw strings, and nats of the true ones."""
    arrays = data.arrays(split)
    guesses = _texts(data, captions(run, config, arrays["images"]))
    return {
        **caption_metrics(guesses, data.texts(split)["caption"]),
        "nats_per_token": nats(run, config, arrays["images"], arrays["captions"]),
    }


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """The caption of the first validation scene, as ids."""
    return {"tokens": captions(run, config, data.arrays("valid")["images"][:1])[0]}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """The first test scenes, what was said of them, attention word by word, and learning."""
    images = data.arrays("test")["images"][: config.examples]
    guesses = _texts(data, captions(run, config, images))
    wanted = data.texts("test")["caption"][: config.examples]
    first = f"The first {len(images)} test scenes, in the order of the data"
    grid = _grid(images)
    table = Figure(
        "captions",
        Kind.TABLE,
        f"{first}: what the net says (greedy decoding) and what is there.",
        columns=("scene", "caption", "true caption", ""),
        cells=[
            (str(n), guess, true, "✓" if guess == true else "✗")
            for n, (guess, true) in enumerate(zip(guesses, wanted, strict=True), 1)
        ],
    )
    scenes = Figure(
        "scenes", Kind.IMAGES, f"{first}: {grid.shape[1]} a row, from left to right.", images=grid
    )
    attended = (_attention(run, config, data, images[:ATTENDED]),) if config.attention else ()
    return (scenes, table, *attended, _learning(data, snapshots))


def _grid(images: Array) -> Array:
    """Up to six framed scenes a row: white paper on white would show no borders."""
    columns = next(n for n in (6, 5, 4, 3, 2, 1) if len(images) % n == 0)
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=FRAME)
    return framed.reshape(-1, columns, *framed.shape[1:])


def _learning(data: Data, snapshots: Arrays) -> Figure:
    true = data.texts("valid")["caption"][0]
    return Figure(
        "while-training",
        Kind.TABLE,
        f"What the net said of the first validation scene ({true}) after each epoch.",
        columns=("epoch", "caption"),
        cells=[(str(n), text) for n, text in enumerate(_texts(data, snapshots["tokens"]), 1)],
    )


def _attention(run: Run, config: Config, data: Data, images: Array) -> Figure:
    """One row a scene: the picture, then the same with the weights of each word."""
    found = _look(run, config, images)
    encoding = data.encoding("caption")
    paper = 255 - np.repeat(images[..., None], 3, axis=3).astype(int)
    steps, side = found["tokens"].shape[1], images.shape[1]
    rows = np.full((len(images), steps + 1, side + 2, side + 2, 3), 255, np.uint8)
    rows[:, 0] = _framed(paper)
    said = []
    for scene, tokens in enumerate(found["tokens"]):
        words = [encoding.token(token) for token in tokens[tokens != 0]]
        for step in range(len(words)):
            warm = heated(paper[scene], found["attention"][scene, step])
            rows[scene, step + 1] = _framed(warm[None])[0]
        said.append(f"{scene + 1}: {' · '.join(words)}")
    return Figure(
        "attention",
        Kind.IMAGES,
        f"Where the net looks while it says each word: the first {len(images)} test scenes from "
        "top to bottom, the picture alone and then a column a word, the last one the end. Red is "
        "mixed in by the weight of a place over the largest of its word. Rows say, "
        f"{'; '.join(said)}.",
        images=rows,
    )


def _framed(pictures: Array) -> Array:
    """Pictures (rows, side, side, 3) on paper with a grey line around each."""
    return np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255 - FRAME)


def heated(paper: Array, weights: Array) -> Array:
    """Mix red into a picture (height, width, 3) by weights (grid, grid); the largest is reddest."""
    cell = paper.shape[0] // weights.shape[0]
    share = np.kron(weights / weights.max(), np.ones((cell, cell)))[..., None] * STRENGTH
    return np.round(paper * (1 - share) + HEAT * share).astype(np.uint8)
