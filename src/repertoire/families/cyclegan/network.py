"""Two generators, two discriminators, and the graphs they are exported as."""

from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.cyclegan.config import Config
from repertoire.kinds.image_domains.facts import Facts
from repertoire.nn.cycle import Cycle
from repertoire.nn.patch import PatchDiscriminator
from repertoire.nn.translation import (
    HALF,
    ResidualGenerator,
    check_side,
    image_shape,
    levels,
    unit,
)


class Translate(nn.Module):
    """Picture to picture of the other domain."""

    def __init__(self, there: nn.Module) -> None:
        super().__init__()
        self.there = there

    def forward(self, images: Tensor) -> Tensor:
        return levels(self.there(unit(images)))


class ThereAndBack(nn.Module):
    """Picture to the same picture by way of the other domain, and how far it is off, in levels."""

    def __init__(self, there: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.there, self.back = there, back

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        given = unit(images)
        returned = self.back(self.there(given))
        error = (returned - given).abs().mean((1, 2, 3)) * HALF
        return levels(returned), error


def build(config: Config, facts: Facts) -> Cycle:
    """The nets for square pictures whose side can be halved ``downs`` times."""
    check_side(facts, config.downs)
    colours = facts["colours"]

    def generator() -> nn.Module:
        return ResidualGenerator(colours, config.channels, config.downs, config.blocks, config.rim)

    def discriminator() -> nn.Module:
        return PatchDiscriminator(colours, config.discriminator_channels, config.halvings)

    return Cycle(generator(), generator(), discriminator(), discriminator())


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``a_to_b`` and ``b_to_a`` translate; ``a_to_b_to_a`` and ``b_to_a_to_b`` go on back."""
    assert isinstance(network, Cycle)
    images = Port("images", "uint8", image_shape(facts), 0, 255)
    translated = Port("translated", "uint8", image_shape(facts))
    returned = (
        Port("reconstruction", "uint8", image_shape(facts)),
        Port("error", "float32", ("batch",)),
    )
    there, back = network.a_to_b, network.b_to_a
    return (
        Graph("a_to_b", Translate(there), (images,), (translated,)),
        Graph("b_to_a", Translate(back), (images,), (translated,)),
        Graph("a_to_b_to_a", ThereAndBack(there, back), (images,), returned),
        Graph("b_to_a_to_b", ThereAndBack(back, there), (images,), returned),
    )
