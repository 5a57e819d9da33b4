"""What the numbers of a model of these data do not show."""

from collections.abc import Mapping

from repertoire.kinds.image_domains.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    if "classifiers" not in facts:
        kept = facts["share_of_variance"]
        return [
            "Distances compare means and covariances of principal components of the training "
            f"pixels, which hold {100 * kept['a']:.0f} % and {100 * kept['b']:.0f} % of the "
            "variance: what an image shows they do not see. They cannot be compared with distances "
            "elsewhere, nor one direction with the other."
        ]
    right = facts["classifier_valid_accuracies"]
    return [
        "Distances are in the features of small evaluation classifiers, one of each domain, "
        "trained on its images and labels: they cannot be compared with distances elsewhere, nor "
        f"one direction with the other. The classifiers know {100 * right['a']:.0f} % and "
        f"{100 * right['b']:.0f} % of real validation images, so the share of kept classes is as "
        "uncertain as they are. The translators saw no label."
    ]
