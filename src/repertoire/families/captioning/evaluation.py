"""Exact match, BLEU and cross-entropy of captions, and where the decoder looked; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.captioning.config import Config, seen_in
from repertoire.kinds.captions.facts import Facts
from repertoire.kinds.captions.references import measured, references
from repertoire.metrics.bleu import caption_measurement
from repertoire.runtime.inference.rows import over_rows

ATTENDED = 6  # pictures whose attention is drawn
SHOWN = 112  # pixels a side of a photograph in the report
HEAT = np.array([190, 40, 20])  # colour of a place that is looked at
FRAME = 90  # ink of the line around a picture
STRENGTH = 0.8  # share of that colour where a word looks most
DARKEST = 0.2  # light that is left of a photograph where a word does not look
HEATED, LIT = "Red is mixed in", "Light is left"


def captions(run: Run, config: Config, arrays: Arrays) -> Array:
    """Greedy ids (rows, longest) of the pictures of a split, padded with 0."""
    length = np.array(config.longest, np.int64)
    found = _asked(run, config, "caption", arrays, "tokens", max_length=length)["tokens"]
    return np.pad(found, ((0, 0), (0, config.longest - found.shape[1])))


def _asked(
    run: Run, config: Config, graph: str, arrays: Arrays, *outputs: str, **more: Array
) -> Arrays:
    """A graph's answers, by the features of photographs if they are known already."""
    seen = seen_in(arrays)
    suffix = "" if seen == "images" else f"_{seen}"
    return over_rows(
        run, f"{graph}{suffix}", config.chunk, *outputs, **{seen: arrays[seen]}, **more
    )


def _texts(data: Data[Facts], rows: Array) -> list[str]:
    encoding = data.encoding("caption")
    return [encoding.decode(row) for row in rows]


def nats(run: Run, config: Config, arrays: Arrays) -> tuple[Array, Array]:
    """Nats of each true (first) caption, its end among them, and how many tokens it has."""
    target = arrays["captions"]
    target = target.reshape(len(target), -1, target.shape[-1])[:, 0]
    scored = _asked(run, config, "score", arrays, "log_probs", target=target)["log_probs"]
    return -np.where(target != 0, scored, 0).sum(1, dtype=np.float64), (target != 0).sum(1)


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Greedy captions of the whole split against the raw strings, and nats of the true ones."""
    arrays = data.arrays(split)
    guesses = _texts(data, captions(run, config, arrays))
    sums, tokens = nats(run, config, arrays)
    return (
        caption_measurement(guesses, references(data.texts(split)), *measured(data.facts)),
        Measurement(
            len(sums),
            lambda rows: {"nats_per_token": float(sums[rows].sum() / tokens[rows].sum())},
        ),
    )


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The caption of the first validation picture, as ids."""
    first = {name: values[:1] for name, values in data.arrays("valid").items()}
    return {"tokens": captions(run, config, first)[0]}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """The first test pictures, what was said of them, attention word by word, and learning."""
    images = data.arrays("test")["images"][: config.examples]
    guesses = _texts(data, captions(run, config, {"images": images}))
    wanted = references(data.texts("test"))[: config.examples]
    first = f"The first {len(images)} test {_noun(data)}s, in the order of the data"
    grid = _grid(images)
    table = Figure(
        "captions",
        Kind.TABLE,
        f"{first}: what the net says (greedy decoding) and what is there.",
        columns=(_noun(data), "caption", "true caption", ""),
        cells=[
            (str(n), guess, true[0], "✓" if guess in true else "✗")
            for n, (guess, true) in enumerate(zip(guesses, wanted, strict=True), 1)
        ],
    )
    scenes = Figure(
        "scenes", Kind.IMAGES, f"{first}: {grid.shape[1]} a row, from left to right.", images=grid
    )
    attended = (_attention(run, config, data, images[:ATTENDED]),) if config.attention else ()
    return (scenes, table, *attended, _learning(data, snapshots))


def _noun(data: Data[Facts]) -> str:
    """What an image of the data set is called."""
    if "encoder" in data.facts:
        return "photograph"
    return "scene" if "scenes" in data.facts else "image"


def _grid(images: Array) -> Array:
    """Up to six framed pictures a row: white paper on white would show no borders."""
    columns = next(n for n in (6, 5, 4, 3, 2, 1) if len(images) % n == 0)
    if images.ndim == 4:
        framed = smaller(images)
    else:
        framed = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=FRAME)
    return framed.reshape(-1, columns, *framed.shape[1:])


def smaller(photographs: Array) -> Array:
    """uint8 (rows, side, side, 3) -> about ``SHOWN`` pixels a side, each the mean of a square."""
    step = max(1, photographs.shape[1] // SHOWN)
    side = photographs.shape[1] // step
    whole = photographs[:, : side * step, : side * step]
    squares = whole.reshape(len(photographs), side, step, side, step, 3)
    return squares.mean((2, 4)).round().astype(np.uint8)


def _learning(data: Data[Facts], snapshots: Arrays) -> Figure:
    true = references(data.texts("valid"))[0][0]
    return Figure(
        "while-training",
        Kind.TABLE,
        f"What the net said of the first validation {_noun(data)} ({true}) after each epoch.",
        columns=("epoch", "caption"),
        cells=[(str(n), text) for n, text in enumerate(_texts(data, snapshots["tokens"]), 1)],
    )


def _attention(run: Run, config: Config, data: Data[Facts], images: Array) -> Figure:
    """One row a picture: itself, then the same with the weights of each word."""
    length = np.array(config.longest, np.int64)
    found = _asked(run, config, "caption", {"images": images}, max_length=length)
    encoding = data.encoding("caption")
    paper = on_paper(images)
    over, meaning = (lit, LIT) if images.ndim == 4 else (heated, HEATED)
    steps, side = found["tokens"].shape[1], paper.shape[1]
    rows = np.full((len(images), steps + 1, side + 2, side + 2, 3), 255, np.uint8)
    rows[:, 0] = _framed(paper)
    said = []
    for scene, tokens in enumerate(found["tokens"]):
        words = [encoding.token(token) for token in tokens[tokens != 0]]
        for step in range(len(words)):
            shown = over(paper[scene], found["attention"][scene, step])
            rows[scene, step + 1] = _framed(shown[None])[0]
        said.append(f"{scene + 1}: {' · '.join(words)}")
    return Figure(
        "attention",
        Kind.IMAGES,
        f"Where the net looks while it says each word: the first {len(images)} test "
        f"{_noun(data)}s from top to bottom, the picture alone and then a column a word, the last "
        f"one the end. {meaning} by the weight of a place over the largest of its word. Rows say, "
        f"{'; '.join(said)}.",
        images=rows,
    )


def on_paper(images: Array) -> Array:
    """Pictures in colours (rows, side, side, 3): dark ink on white, photographs made smaller."""
    if images.ndim == 4:
        return smaller(images).astype(int)
    return 255 - np.repeat(images[..., None], 3, axis=3).astype(int)


def _framed(pictures: Array) -> Array:
    """Pictures (rows, side, side, 3) on paper with a grey line around each."""
    return np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255 - FRAME)


def heated(paper: Array, weights: Array) -> Array:
    """Mix red into a picture (height, width, 3) by weights (grid, grid); the largest is reddest."""
    share = _share(paper, weights) * STRENGTH
    return np.round(paper * (1 - share) + HEAT * share).astype(np.uint8)


def lit(photograph: Array, weights: Array) -> Array:
    """Darken a picture (height, width, 3) by weights (grid, grid); the largest stays as it is."""
    light = DARKEST + (1 - DARKEST) * _share(photograph, weights)
    return np.round(photograph * light).astype(np.uint8)


def _share(picture: Array, weights: Array) -> Array:
    """Weights over the largest, one a pixel: (height, width, 1)."""
    rows, columns = (
        np.arange(size) * count // size
        for size, count in zip(picture.shape[:2], weights.shape, strict=True)
    )
    return (weights / weights.max())[rows[:, None], columns, None]
