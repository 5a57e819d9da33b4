"""Distance to the other domain, what survives the way there and back, and pictures."""

from collections.abc import Mapping

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Measurement, Run
from repertoire.families.cyclegan.config import Config
from repertoire.kinds.image_domains.facts import Facts
from repertoire.kinds.image_domains.metrics import (
    DIRECTIONS,
    domain_measurement,
    mean_of,
    spaces_of,
)
from repertoire.metrics.generation import EvaluationClassifier
from repertoire.metrics.pictures import as_shown, thinned
from repertoire.runtime.inference.rows import over_rows


def translations(run: Run, config: Config, real: Arrays) -> dict[str, Array]:
    """The pictures of a split in the other domain, by direction."""
    name = "translated"
    return {
        direction: over_rows(run, direction, config.chunk, name, images=real[source])[name]
        for direction, (source, _) in DIRECTIONS.items()
    }


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Both directions and their means; the way there and back; true pairs, if there are any."""
    real = data.arrays(split)
    translated = translations(run, config, real)
    found = domain_measurement(translated, real, spaces_of(data), data.facts["paired"])
    ways = {}
    for direction, (source, _) in DIRECTIONS.items():
        graph, images = f"{direction}_to_{source}", real[source]
        error = over_rows(run, graph, config.chunk, "error", images=images)["error"]
        ways[f"{direction}_reconstruction_levels"] = mean_of(error, found.units)
    return found, Measurement(
        found.units, lambda rows: {name: of(rows) for name, of in ways.items()}
    )


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The first validation pictures of each domain, translated after every epoch."""
    valid = data.arrays("valid")
    return {
        direction: run(direction, images=valid[source][: config.shown])["translated"]
        for direction, (source, _) in DIRECTIONS.items()
    }


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Translations each way, the same over training, and which classes survive."""
    figures = []
    for direction, (source, _) in DIRECTIONS.items():
        figures.append(_there_and_back(run, config, data, direction))
        first = data.arrays("valid")[source][: config.shown][None]
        figures.append(
            Figure(
                f"{direction.replace('_', '-')}-while-training",
                Kind.IMAGES,
                f"The first {first.shape[1]} validation pictures ({_named(data, direction)}) and "
                "their translations after each epoch shown, from top to bottom.",
                images=np.concatenate((first, thinned(snapshots[direction]))),
            )
        )
    classifiers = {
        d: space for d, space in spaces_of(data).items() if isinstance(space, EvaluationClassifier)
    }
    if classifiers:
        figures.append(_classes(run, config, data, classifiers))
    return as_shown(figures, data.facts)


def _named(data: Data[Facts], direction: str) -> str:
    source, target = DIRECTIONS[direction]
    names = data.facts["domains"]
    return f"{names[source]} to {names[target]}"


def _there_and_back(run: Run, config: Config, data: Data[Facts], direction: str) -> Figure:
    source, target = DIRECTIONS[direction]
    test = data.arrays("test")
    images = test[source][: config.shown]
    back = run(f"{direction}_to_{source}", images=images)["reconstruction"]
    rows = [images, run(direction, images=images)["translated"], back]
    said = "source, translation, and the way back"
    if data.facts["paired"]:
        rows.append(test[target][: config.shown])
        said += ", and the true partner, which training never saw"
    return Figure(
        f"{direction.replace('_', '-')}-and-back",
        Kind.IMAGES,
        f"The first {len(images)} test pictures ({_named(data, direction)}), from top to bottom: "
        f"{said}.",
        images=np.stack(rows),
    )


def _classes(
    run: Run, config: Config, data: Data[Facts], classifiers: Mapping[str, EvaluationClassifier]
) -> Figure:
    real = data.arrays("test")
    columns = []
    for direction, images in translations(run, config, real).items():
        source, target = DIRECTIONS[direction]
        labels = real[f"{source}_labels"]
        right = classifiers[target].classes(images) == labels
        counts = np.bincount(labels, minlength=data.facts["classes"])
        kept = np.bincount(labels[right], minlength=len(counts))
        columns.append([_percent(k, n) for k, n in zip(kept, counts, strict=True)])
    return Figure(
        "classes",
        Kind.TABLE,
        "Share of the test images of each class that the evaluation classifier of the target "
        "domain, which knows real images alone, still sees as that class.",
        columns=("class", *(_named(data, direction) for direction in DIRECTIONS)),
        cells=list(zip(data.facts["names"], *columns, strict=True)),
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"
