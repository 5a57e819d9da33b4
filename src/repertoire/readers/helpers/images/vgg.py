"""The published weights of VGG-16, which compare images and styles."""

from pathlib import Path

import numpy as np

from repertoire.contract import Arrays
from repertoire.data.sources import one_member
from repertoire.nn.measure import Measure
from repertoire.readers.helpers.pickles import named_arrays

NET = "VGG16_0"  # in the file of weights


def vgg16_weights(path: Path, pattern: str, measure: Measure) -> tuple[Arrays, list[int]]:
    """Weights of as many convolutions as are needed, by name, and the widths before and after.

    ``pattern`` finds the weights in the archive. Raises SourceError for a file of anything else.
    """
    # Imported late: the names are those of a net.
    from repertoire.nn.vgg import NAMES, depth

    name, content = one_member(path, pattern)
    found = named_arrays(path, name, content)
    weights: Arrays = {}
    for index, place in enumerate(NAMES[: depth(measure.layers)]):
        kernel = found[f"{NET}/Conv_{index}/kernel"]  # height, width, before, after
        weights[f"conv{place}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        weights[f"conv{place}.bias"] = found[f"{NET}/Conv_{index}/bias"]
    shapes = [value.shape for key, value in weights.items() if key.endswith("weight")]
    return weights, [int(shapes[0][1]), *(int(shape[0]) for shape in shapes)]
