"""Encoder, decoder, and the graphs they are exported as."""

import torch
from torch import Tensor, nn

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.autoencoder.config import Config
from repertoire.kinds.images.facts import Facts
from repertoire.kinds.images.sizes import divisor, halvings
from repertoire.nn.coders import (
    as_images,
    convolutional_halves,
    dense_halves,
    levels,
    map_channels,
)


class Autoencoder(nn.Module):
    """Image to code and back; levels are 0 to 1 inside."""

    def __init__(self, config: Config, side: int, colours: int) -> None:
        super().__init__()
        self.latent = config.latent
        self.shape = (side, side) if colours == 1 else (side, side, colours)
        if config.layers == "dense":
            halves = dense_halves(side, colours, config.units, config.latent)
        else:
            maps = map_channels(config.channels, halvings(side))
            halves = convolutional_halves(side, colours, maps, config.units, config.latent)
        self.encoder, self.decoder = halves

    def encode(self, images: Tensor) -> Tensor:
        """uint8 (batch, side, side) or (batch, side, side, 3) -> codes (batch, latent)."""
        return self.encoder(levels(images))

    def decode(self, latents: Tensor) -> Tensor:
        """Codes (batch, latent) -> levels (batch, colours, side, side)."""
        return torch.sigmoid(self.decoder(latents))


class Reconstruct(nn.Module):
    """Image to what its code keeps of it, and the squared error a value against the input."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        rebuilt = self.network.decode(self.network.encode(images))
        error = ((rebuilt - levels(images)) ** 2).mean((1, 2, 3))
        return as_images(rebuilt), error


class Encode(nn.Module):
    """Image to code."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.encode(images)


class Decode(nn.Module):
    """Code to image."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor) -> Tensor:
        return as_images(self.network.decode(latents))


def build(config: Config, facts: Facts) -> Autoencoder:
    """The net for square images; convolutions halve their side some times."""
    side = facts["side"]
    if config.layers == "convolutional" and side % divisor(side):
        raise RepertoireError(
            f"image side {side} is not a multiple of {divisor(side)}; resize the data"
        )
    return Autoencoder(config, side, facts["channels"])


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``reconstruct`` (of a denoising net: restore), ``encode`` and ``decode``."""
    assert isinstance(network, Autoencoder)
    images = Port("images", "uint8", ("batch", *network.shape), 0, 255)
    rebuilt = Port("reconstruction", "uint8", images.shape)
    latents = Port("latents", "float32", ("batch", network.latent))
    error = Port("error", "float32", ("batch",))
    return (
        Graph("reconstruct", Reconstruct(network), (images,), (rebuilt, error)),
        Graph("encode", Encode(network), (images,), (latents,)),
        Graph("decode", Decode(network), (latents,), (images,)),
    )
