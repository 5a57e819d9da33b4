"""Exact match, chrF and BLEU of translations, greedy and by beam; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.seq2seq.config import Config
from repertoire.kinds.pairs.facts import Facts
from repertoire.kinds.pairs.metrics import text_measurement
from repertoire.runtime.inference.rows import over_texts


def translate(
    run: Run, config: Config, source: Array, beam: int = 1, length_penalty: float = 0.0
) -> Array:
    """source ids (rows, time) -> target ids (rows, time), padded with 0; greedy by default."""
    settings: Arrays = {
        "max_length": np.array(config.longest, np.int64),
        "beam": np.array(beam, np.int64),
        "length_penalty": np.array(length_penalty, np.float32),
    }
    texts = [row[row != 0] for row in source]
    return over_texts(
        run, "translate", texts, config.chunk, "tokens", pad=0, port="source", **settings
    )["tokens"]


def _texts(data: Data[Facts], name: str, rows: Array) -> list[str]:
    encoding = data.encoding(name)
    return [encoding.decode(row) for row in rows]


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Corpus metrics of the whole split against the raw strings, in percent.

    An unknown token never counts as a match: references are not decoded from ids. Beam and extra
    questions are measured with the test split alone, because validation after each epoch would
    take that much longer.
    """
    measures = data.facts.get("measures", ())

    def measured(part: str, beam: int = 1, length_penalty: float = 0.0) -> Measurement:
        found = translate(run, config, data.arrays(part)["source"], beam, length_penalty)
        guesses, references = _texts(data, "target", found), data.texts(part)["target"]
        return text_measurement(guesses, references, measures)

    found = [measured(split)]
    if split == "test":
        by_beam = measured(split, config.beam, config.length_penalty)
        found.append(_named(by_beam, f"beam_{config.beam}_"))
        for part in data.facts.get("extras", ()):
            found.append(_named(measured(part), f"{part}_", "exact_match_percent"))
    return tuple(found)


def _named(measurement: Measurement, prefix: str, only: str | None = None) -> Measurement:
    """The metrics with a prefix: all of them, or one."""

    def measure(rows: Array) -> dict[str, float]:
        found = measurement.measure(rows)
        return {f"{prefix}{name}": v for name, v in found.items() if only in (None, name)}

    return Measurement(measurement.units, measure)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """How ``score`` judges the first validation pair: attention too, of a net that has it."""
    arrays = data.arrays("valid")
    source, target = (arrays[side][:1].astype(np.int64) for side in ("source", "target"))
    return {name: rows[0] for name, rows in run("score", source=source, target=target).items()}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Translations next to references, after attention maps of a net that has attention."""
    arrays = data.arrays("test")
    rows = np.arange(min(config.examples, len(arrays["source"])))
    source = arrays["source"][rows]
    guesses = translate(run, config, source)
    mapped = rows[:4] if config.attention != "none" else rows[:0]
    maps = [
        _attention(run, data, source[i : i + 1], guesses[i : i + 1], f"attention-{i + 1}")
        for i in mapped
    ]
    raw = data.texts("test")
    written = _texts(data, "target", guesses)
    table = Figure(
        "translations",
        Kind.TABLE,
        f"The first {len(rows)} test pairs, in the order of the data.",
        columns=("source", "greedy", "reference", ""),
        cells=[
            (s, g, r, "✓" if g == r else "✗")
            for s, g, r in zip(raw["source"], written, raw["target"], strict=False)
        ],
    )
    return (*maps, table)


def _attention(run: Run, data: Data[Facts], source: Array, guess: Array, name: str) -> Figure:
    source = source[:, source[0] != 0].astype(np.int64)
    guess = guess[:, guess[0] != 0]
    weights = run("score", source=source, target=guess)["attention"][0]
    return Figure(
        name,
        Kind.HEATMAP,
        "Where the decoder looks (columns: source) for each token it writes (rows).",
        values=weights,
        rows=[data.encoding("target").token(i) for i in guess[0]],
        columns=[data.encoding("source").token(i) for i in source[0]],
    )
