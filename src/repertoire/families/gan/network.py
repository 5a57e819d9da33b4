"""Generator, discriminator, and the graphs they are exported as."""

import copy
import itertools

import torch
from torch import Tensor, nn

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.gan.config import Config
from repertoire.kinds.images.facts import Facts as ImageFacts
from repertoire.kinds.images.sizes import divisor, halvings
from repertoire.kinds.stacked_images.facts import Facts as StackFacts
from repertoire.nn.coders import map_channels
from repertoire.nn.spectral import spectral_norm


class Generator(nn.Module):
    """Code to image in [-1, 1]: a linear map and transposed convolutions."""

    def __init__(self, config: Config, side: int, colours: int) -> None:
        super().__init__()
        maps = map_channels(config.generator_channels, halvings(side))[::-1]
        self.channels, self.small = maps[0], side // 2 ** len(maps)
        self.start = nn.Linear(config.latent, self.channels * self.small**2)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(maps):
            layers += [nn.BatchNorm2d(before), nn.ReLU()]
            layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(maps[-1]), nn.ReLU()]
        layers += [nn.ConvTranspose2d(maps[-1], colours, 4, stride=2, padding=1), nn.Tanh()]
        self.rise = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """latents (batch, latent) -> (batch, colours, side, side)."""
        small = self.start(latents)
        return self.rise(small.view(-1, self.channels, self.small, self.small))


class Discriminator(nn.Module):
    """Image to a logit: positive means real."""

    def __init__(self, config: Config, side: int, colours: int) -> None:
        super().__init__()
        maps = map_channels(config.discriminator_channels, halvings(side))
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((colours, *maps)):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(0.1)]
        small = side // 2 ** len(maps)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(maps[-1] * small**2, 1))
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


def build(config: Config, facts: ImageFacts | StackFacts) -> Gan:
    """The nets for square images whose side can be halved some times."""
    side = facts["side"]
    if side % divisor(side):
        raise RepertoireError(
            f"image side {side} is not a multiple of {divisor(side)}; resize the data"
        )
    return Gan(config, side, facts["channels"])


def graphs(network: nn.Module, facts: ImageFacts | StackFacts) -> tuple[Graph, ...]:
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
