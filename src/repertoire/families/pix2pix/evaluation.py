"""Error and structural similarity on held-out pairs, and pictures; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.pix2pix.config import Config
from repertoire.kinds.image_pairs.baselines import nearest_sources
from repertoire.kinds.image_pairs.facts import Facts
from repertoire.metrics.pictures import as_shown, thinned
from repertoire.metrics.similarity import pair_measurement
from repertoire.runtime.inference.rows import over_rows


def translate(run: Run, config: Config, images: Array) -> Array:
    """The translation of each picture, in chunks."""
    name = "translated"
    return over_rows(run, "translate_image", config.chunk, name, images=images)[name]


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Translations against the true partners; the unit is a pair."""
    arrays = data.arrays(split)
    guesses = translate(run, config, arrays["sources"])
    return (pair_measurement(guesses, arrays["targets"]),)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The first validation pictures, translated after every epoch."""
    sources = data.arrays("valid")["sources"][: config.shown]
    return {"translated": translate(run, config, sources)}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Test pictures with their translations, and validation ones over training."""
    n = config.shown
    train, test = data.arrays("train"), data.arrays("test")
    sources, targets = test["sources"][:n], test["targets"][:n]
    nearest = train["targets"][nearest_sources(train["sources"], sources)[:, 0]]
    rows = (sources, nearest, translate(run, config, sources), targets)
    valid = data.arrays("valid")
    first, last = (valid[k][:n][None] for k in ("sources", "targets"))
    figures = (
        Figure(
            "translations",
            Kind.IMAGES,
            f"The first {len(sources)} test pairs, from top to bottom: source, partner of the "
            "nearest training source, translation, true partner.",
            images=np.stack(rows),
        ),
        Figure(
            "while-training",
            Kind.IMAGES,
            f"The first {len(valid['sources'][:n])} validation sources, their translations after "
            "each epoch shown, and their true partners, from top to bottom.",
            images=np.concatenate((first, thinned(snapshots["translated"]), last)),
        ),
    )
    return as_shown(figures, data.facts)
