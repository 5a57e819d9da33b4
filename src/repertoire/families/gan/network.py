"""Generator, discriminator, and the graphs they are exported as."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.gan.config import Config
from repertoire.nn.spectral import spectral_norm


class Generator(nn.Module):
    """Code to image in [-1, 1]: a linear map and two transposed convolutions."""

    def __init__(self, config: Config, side: int, colours: int) -> None:
        super().__init__()
        c, self.small = config.generator_channels, side // 4
        self.channels = 2 * c
        self.start = nn.Linear(config.latent, 2 * c * self.small**2)
        self.rise = nn.Sequential(
            nn.BatchNorm2d(2 * c),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.ConvTranspose2d(c, colours, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """latents (batch, latent) -> (batch, colours, side, side)."""
        small = self.start(latents)
        return self.rise(small.view(-1, self.channels, self.small, self.small))


class Discriminator(nn.Module):
    """Image to a logit: positive means real."""

    def __init__(self, config: Config, side: int, colours: int) -> None:
        super().__init__()
        c = config.discriminator_channels
        self.layers = nn.Sequential(
            nn.Conv2d(colours, c, 4, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Flatten(),
            nn.Linear(2 * c * (side // 4) ** 2, 1),
        )
        if config.spectral:
            for layer in self.layers:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def forward(self, images: Tensor) -> Tensor:
        """images (batch, colours, side, side) in [-1, 1] -> (batch,)."""
        return self.layers(images).squeeze(1)


class Gan(nn.Module):
    """Two adversaries, and the averaged generator that is used afterwards."""

    def __init__(self, config: Config, side: int, colours: int) -> None:
        super().__init__()
        self.latent = config.latent
        self.shape = (side, side) if colours == 1 else (side, side, colours)
        self.generator = Generator(config, side, colours)
        self.discriminator = Discriminator(config, side, colours)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)


class Decode(nn.Module):
    """Code to image by the averaged generator."""

    def __init__(self, network: Gan) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor) -> Tensor:
        images = self.network.average(latents)
        grey = len(self.network.shape) == 2
        images = images[:, 0] if grey else images.permute(0, 2, 3, 1)
        return ((images + 1) * 127.5).round().to(torch.uint8)


class Discriminate(nn.Module):
    """How real an image looks, as a logit."""

    def __init__(self, network: Gan) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.discriminator(unit(images))


def unit(images: Tensor) -> Tensor:
    """uint8 (batch, side, side) or (batch, side, side, colours) -> (batch, colours, side, side).

    Values from -1 to 1.
    """
    images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
    return images.to(torch.float32) / 127.5 - 1


def build(config: Config, facts: Mapping[str, Any]) -> Gan:
    """The nets for square images whose side is a multiple of 4."""
    if facts["side"] % 4:
        raise RepertoireError(f"image side {facts['side']} is not a multiple of 4; resize the data")
    return Gan(config, facts["side"], facts["channels"])


def graphs(network: nn.Module, facts: Mapping[str, Any]) -> tuple[Graph, ...]:
    """``decode`` makes images from codes, ``discriminate`` judges them."""
    assert isinstance(network, Gan)
    images = Port("images", "uint8", ("batch", *network.shape), 0, 255)
    latents = Port("latents", "float32", ("batch", network.latent))
    return (
        Graph("decode", Decode(network), (latents,), (images,)),
        Graph(
            "discriminate",
            Discriminate(network),
            (images,),
            (Port("logit", "float32", ("batch",)),),
        ),
    )
