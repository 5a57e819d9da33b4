"""Encoder, decoder, and the graphs they are exported as."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.autoencoder.config import Config
from repertoire.nn.coders import convolutional_halves, dense_halves, grey


class Autoencoder(nn.Module):
    """Picture to code and back; grey levels are 0 to 1 inside."""

    def __init__(self, config: Config, side: int) -> None:
        super().__init__()
        self.side, self.latent = side, config.latent
        if config.layers == "dense":
            halves = dense_halves(side, config.units, config.latent)
        else:
            halves = convolutional_halves(side, config.channels, config.units, config.latent)
        self.encoder, self.decoder = halves

    def encode(self, images: Tensor) -> Tensor:
        """uint8 (batch, side, side) -> codes (batch, latent)."""
        return self.encoder(grey(images))

    def decode(self, latents: Tensor) -> Tensor:
        """Codes (batch, latent) -> grey levels (batch, 1, side, side)."""
        return torch.sigmoid(self.decoder(latents))


def picture(levels: Tensor) -> Tensor:
    """Grey levels (batch, 1, side, side) -> uint8 (batch, side, side)."""
    return (levels[:, 0] * 255).round().to(torch.uint8)


class Reconstruct(nn.Module):
    """Picture to what its code keeps of it, and the squared error a pixel against the input."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        levels = self.network.decode(self.network.encode(images))
        error = ((levels - grey(images)) ** 2).mean((1, 2, 3))
        return picture(levels), error


class Encode(nn.Module):
    """Picture to code."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.encode(images)


class Decode(nn.Module):
    """Code to picture."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor) -> Tensor:
        return picture(self.network.decode(latents))


def build(config: Config, facts: Mapping[str, Any]) -> Autoencoder:
    """The net for square pictures; convolutions halve their side twice."""
    if config.layers == "convolutional" and facts["side"] % 4:
        raise RepertoireError(f"image side {facts['side']} is not a multiple of 4; resize the data")
    return Autoencoder(config, facts["side"])


def graphs(network: nn.Module, facts: Mapping[str, Any]) -> tuple[Graph, ...]:
    """``reconstruct`` (of a denoising net: restore), ``encode`` and ``decode``."""
    assert isinstance(network, Autoencoder)
    images = Port("images", "uint8", ("batch", network.side, network.side), 0, 255)
    rebuilt = Port("reconstruction", "uint8", images.shape)
    latents = Port("latents", "float32", ("batch", network.latent))
    error = Port("error", "float32", ("batch",))
    return (
        Graph("reconstruct", Reconstruct(network), (images,), (rebuilt, error)),
        Graph("encode", Encode(network), (images,), (latents,)),
        Graph("decode", Decode(network), (latents,), (images,)),
    )
