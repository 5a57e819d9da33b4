"""What the numbers of a signal's model do not show."""

from collections.abc import Mapping

from repertoire.kinds.waveforms.facts import Facts


def limits(facts: Facts, metrics: Mapping[str, float], epochs: int) -> list[str]:
    """Sentences for the card of a model that was trained for so many epochs."""
    loudest = max(facts["clipped"]["valid"], facts["clipped"]["test"])
    clipped = (
        f" Up to {100 * loudest:.2g} % of the held-out samples are louder and were clipped."
        if loudest
        else ""
    )
    return [
        f"Nats are those of {facts['levels']} mu-law levels at {facts['rate']:g} Hz, the loudest "
        f"of which is {facts['scale']:.3g} {facts['unit']}: another rate, scale or number of "
        f"levels is another measure.{clipped} Each sample is predicted from the true ones before "
        "it: no number here says how a long continuation sounds or looks."
    ]
