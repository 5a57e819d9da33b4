"""Encoder, decoder, the bound, and the graphs they are exported as."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.variational_autoencoder.config import Config


def binarise(images: Tensor) -> Tensor:
    """uint8 (batch, side, side) -> float 0 or 1 (batch, 1, side, side)."""
    return (images >= 128).to(torch.float32).unsqueeze(1)


class Vae(nn.Module):
    """Two strided convolutions down, two transposed convolutions up."""

    def __init__(self, config: Config, side: int) -> None:
        super().__init__()
        self.side, self.latent = side, config.latent
        c, small = config.channels, side // 4
        self.small, self.channels = small, 2 * c
        self.encoder = nn.Sequential(
            nn.Conv2d(1, c, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * c * small**2, config.units),
            nn.SiLU(),
            nn.Linear(config.units, 2 * config.latent),
        )
        self.rise = nn.Sequential(
            nn.Linear(config.latent, config.units),
            nn.SiLU(),
            nn.Linear(config.units, 2 * c * small**2),
            nn.SiLU(),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1),
        )

    def encode(self, binary: Tensor) -> tuple[Tensor, Tensor]:
        """binary (batch, 1, side, side) -> mean and log-variance, each (batch, latent)."""
        mean, log_variance = self.encoder(binary).chunk(2, dim=1)
        return mean, log_variance

    def logits(self, latents: Tensor) -> Tensor:
        """latents (batch, latent) -> Bernoulli logits (batch, 1, side, side)."""
        return self.decoder(self.rise(latents).view(-1, self.channels, self.small, self.small))

    def log_weight(self, binary: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """log p(x|z) and log p(z) - log q(z|x) at z = mean + deviation * noise, nats, (batch,).

        Their sum averages to the evidence lower bound, and its log-mean-exp over several draws
        to the importance-weighted bound (Burda et al. 2016).
        """
        mean, log_variance = self.encode(binary)
        latents = mean + torch.exp(0.5 * log_variance) * noise
        logits = self.logits(latents)
        # Written out, because the exporter turns the library's loss into log(sigmoid): -inf.
        likelihood = (logits * binary - functional.softplus(logits)).sum((1, 2, 3))
        prior = -0.5 * (latents**2).sum(1)
        posterior = -0.5 * (noise**2 + log_variance).sum(1)
        return likelihood, prior - posterior


class Reconstruct(nn.Module):
    """Image to expected image through the mean of its code, and the error of that."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        binary = binarise(images)
        mean, _ = self.network.encode(binary)
        expected = torch.sigmoid(self.network.logits(mean))
        error = ((expected - binary) ** 2).mean((1, 2, 3))
        return (expected[:, 0] * 255).round().to(torch.uint8), error


class Encode(nn.Module):
    """The distribution of an image's code."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.encode(binarise(images))


class Decode(nn.Module):
    """Code to expected image."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor) -> Tensor:
        expected = torch.sigmoid(self.network.logits(latents))
        return (expected[:, 0] * 255).round().to(torch.uint8)


class Bound(nn.Module):
    """The two parts of a log importance weight, for a given standard normal draw."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.log_weight(binarise(images), noise)


def build(config: Config, facts: Mapping[str, Any]) -> Vae:
    """The net for square images whose side is a multiple of 4."""
    if facts["side"] % 4:
        raise RepertoireError(f"image side {facts['side']} is not a multiple of 4; resize the data")
    return Vae(config, facts["side"])


def graphs(network: nn.Module, facts: Mapping[str, Any]) -> tuple[Graph, ...]:
    """``reconstruct``, ``encode``, ``decode`` for use, ``bound`` for the likelihood."""
    assert isinstance(network, Vae)
    images = Port("images", "uint8", ("batch", network.side, network.side), 0, 255)
    code = ("batch", network.latent)
    latents = Port("latents", "float32", code)
    return (
        Graph(
            "reconstruct",
            Reconstruct(network),
            (images,),
            (Port("reconstruction", "uint8", images.shape), Port("error", "float32", ("batch",))),
        ),
        Graph(
            "encode",
            Encode(network),
            (images,),
            (Port("mean", "float32", code), Port("log_variance", "float32", code)),
        ),
        Graph("decode", Decode(network), (latents,), (images,)),
        Graph(
            "bound",
            Bound(network),
            (images, Port("noise", "float32", code)),
            (
                Port("log_likelihood", "float32", ("batch",)),
                Port("log_ratio", "float32", ("batch",)),
            ),
        ),
    )
