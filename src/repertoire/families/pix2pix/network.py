"""U-Net, discriminator of pairs, and the graphs they are exported as."""

import torch
from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.pix2pix.config import Config
from repertoire.kinds.image_pairs.facts import Facts
from repertoire.nn.patch import PatchDiscriminator, rows_of
from repertoire.nn.translation import UNet, check_side, image_shape, levels, unit


class Pix2Pix(nn.Module):
    """A generator, and a discriminator that sees the source beside its translation."""

    def __init__(self, config: Config, side: int, colours: int) -> None:
        super().__init__()
        self.rows = rows_of(side, config.halvings)
        self.generator = UNet(colours, config.channels, config.depth, config.dropout)
        self.discriminator = PatchDiscriminator(
            2 * colours, config.discriminator_channels, config.halvings
        )

    def logits(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Pairs in [-1, 1], each (batch, channels, side, side) -> (batch, rows, columns)."""
        return self.discriminator(torch.cat((sources, targets), 1))


class TranslateImage(nn.Module):
    """Picture to picture."""

    def __init__(self, network: Pix2Pix) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return levels(self.network.generator(unit(images)))


class Discriminate(nn.Module):
    """How real each patch of a pair looks, as a logit."""

    def __init__(self, network: Pix2Pix) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, translated: Tensor) -> Tensor:
        return self.network.logits(unit(images), unit(translated))


def build(config: Config, facts: Facts) -> Pix2Pix:
    """The nets for square pictures whose side can be halved ``depth`` times."""
    check_side(facts, config.depth)
    return Pix2Pix(config, facts["side"], facts["colours"])


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``translate_image`` translates, ``discriminate`` judges pairs."""
    assert isinstance(network, Pix2Pix)
    images = Port("images", "uint8", image_shape(facts), 0, 255)
    translated = Port("translated", "uint8", image_shape(facts), 0, 255)
    logits = Port("logits", "float32", ("batch", network.rows, network.rows))
    return (
        Graph("translate_image", TranslateImage(network), (images,), (translated,)),
        Graph("discriminate", Discriminate(network), (images, translated), (logits,)),
    )
