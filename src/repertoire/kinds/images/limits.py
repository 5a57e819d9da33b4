"""What the numbers of a model of these data do not show."""

import math
from collections.abc import Mapping

from repertoire.kinds.images.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    channels = {1: "one channel", 3: "three channels"}[facts["channels"]]
    notes = [f"Pictures are {facts['side']} × {facts['side']} pixels of {channels}."]
    if "frechet_distance" in metrics:
        notes.append(
            "The Fréchet distance is measured in the features of a small classifier trained on the "
            f"same images ({facts.get('classifier', 'see the data')}): it cannot be compared with "
            "distances published elsewhere."
        )
    if "modes_covered" in metrics:
        notes.append(
            "A mode is covered if the classifier reads its number once in "
            f"{facts['images']['test']:,} images, however badly it is written: even noise is "
            "some digit to a classifier."
        )
    if "class_change_percent" in metrics:
        notes.append(
            "Which class a new picture is of is the word of that classifier, right about "
            f"{100 * facts['classifier_valid_accuracy']:.1f} % of real validation pictures."
        )
    if any(key.endswith("elbo_nats") for key in metrics):
        notes.append(
            "The bounds are of binarised images: nats of grey or continuous images elsewhere are "
            "another measure. The true likelihood is at least as good as the bound, by an unknown "
            "amount."
        )
    if any(key.startswith("negative_conditional") for key in metrics):
        notes.append(
            "Its nats are those of an image whose label is told; a net that is not told it has to "
            f"earn up to {math.log(facts['classes']):.2f} nats more."
        )
    return notes
