"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping
from typing import Any


def limits(facts: Mapping[str, Any], metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    if "judges" not in facts:
        a, b = (100 * share for share in facts["share_of_variance"].values())
        return [
            "Distances compare means and covariances of principal components of the training "
            f"pixels, which hold {a:.0f} % and {b:.0f} % of the variance: what an image shows they "
            "do not see. They cannot be compared with distances elsewhere, nor one direction with "
            "the other."
        ]
    accuracies = " and ".join(f"{100 * a:.0f} %" for a in facts["judge_valid_accuracies"].values())
    return [
        "Distances are in the features of small evaluation classifiers, one of each domain, "
        "trained on its images and labels: they cannot be compared with distances elsewhere, nor "
        f"one direction with the other. The classifiers know {accuracies} of real validation "
        "images, so the share of kept classes is as uncertain as they are. The translators saw no "
        "label."
    ]
