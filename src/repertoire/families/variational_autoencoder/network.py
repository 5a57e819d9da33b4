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


class Gated(nn.Module):
    """A residual block whose change passes a gate (van den Oord et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.both = nn.Conv2d(channels, 2 * channels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        change, gate = self.both(functional.silu(images)).chunk(2, dim=1)
        return images + change * torch.sigmoid(gate)


class Vae(nn.Module):
    """Two strided convolutions down, two transposed convolutions up, gated blocks after each.

    ``classes`` is 0 where no label is told; else a label is a vector that is added to the hidden
    units next to the code, on either side of it.
    """

    def __init__(self, config: Config, side: int, classes: int) -> None:
        super().__init__()
        self.side, self.latent, self.classes = side, config.latent, classes
        c, small = config.channels, side // 4
        self.small, self.channels = small, 2 * c
        self.encoder = nn.Sequential(
            nn.Conv2d(1, c, 4, stride=2, padding=1),
            nn.SiLU(),
            *(Gated(c) for _ in range(config.blocks)),
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),
            nn.SiLU(),
            *(Gated(2 * c) for _ in range(config.blocks)),
            nn.Flatten(),
            nn.Linear(2 * c * small**2, config.units),
        )
        self.posterior = nn.Linear(config.units, 2 * config.latent)
        self.start = nn.Linear(config.latent, config.units)
        self.rise = nn.Sequential(nn.Linear(config.units, 2 * c * small**2), nn.SiLU())
        self.decoder = nn.Sequential(
            *(Gated(2 * c) for _ in range(config.blocks)),
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1),
            nn.SiLU(),
            *(Gated(c) for _ in range(config.blocks)),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1),
        )
        if classes:
            self.read_label = nn.Embedding(classes, config.units)
            self.written_label = nn.Embedding(classes, config.units)

    def encode(self, binary: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """binary (batch, 1, side, side) -> mean and log-variance, each (batch, latent)."""
        hidden = self.encoder(binary)
        if labels is not None:
            hidden = hidden + self.read_label(labels)
        mean, log_variance = self.posterior(functional.silu(hidden)).chunk(2, dim=1)
        return mean, log_variance

    def logits(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """latents (batch, latent) -> Bernoulli logits (batch, 1, side, side)."""
        hidden = self.start(latents)
        if labels is not None:
            hidden = hidden + self.written_label(labels)
        risen = self.rise(functional.silu(hidden))
        return self.decoder(risen.view(-1, self.channels, self.small, self.small))

    def draw(
        self, binary: Tensor, noise: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (batch * draws, 1, side, side), and the mean and log-variance of the codes.

        ``noise`` is (batch, draws, latent); the codes are mean + deviation * noise.
        """
        mean, log_variance = self.encode(binary, labels)
        latents = mean.unsqueeze(1) + torch.exp(0.5 * log_variance).unsqueeze(1) * noise
        if labels is not None:
            labels = labels.unsqueeze(1).expand(-1, noise.shape[1]).flatten()
        return self.logits(latents.flatten(0, 1), labels), mean, log_variance

    def log_weight(
        self, binary: Tensor, noise: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """log p(x|z) and log p(z) - log q(z|x) at z = mean + deviation * noise, nats.

        noise (batch, draws, latent) -> (batch, draws) each. Their sum averages to the evidence
        lower bound, and its log-mean-exp over the draws to the importance-weighted bound (Burda et
        al. 2016).
        """
        flat, mean, log_variance = self.draw(binary, noise, labels)
        logits = flat.reshape(noise.shape[0], noise.shape[1], self.side, self.side)
        # Written out, because the exporter turns the library's loss into log(sigmoid): -inf.
        likelihood = (logits * binary - functional.softplus(logits)).sum((2, 3))
        mean, log_variance = mean.unsqueeze(1), log_variance.unsqueeze(1)
        prior = -0.5 * ((mean + torch.exp(0.5 * log_variance) * noise) ** 2).sum(2)
        posterior = -0.5 * (noise**2 + log_variance).sum(2)
        return likelihood, prior - posterior


class Reconstruct(nn.Module):
    """Image to expected image through the mean of its code, and the error of that."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        binary = binarise(images)
        mean, _ = self.network.encode(binary, labels)
        expected = torch.sigmoid(self.network.logits(mean, labels))
        error = ((expected - binary) ** 2).mean((1, 2, 3))
        return (expected[:, 0] * 255).round().to(torch.uint8), error


class Encode(nn.Module):
    """The distribution of an image's code."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.network.encode(binarise(images), labels)


class Decode(nn.Module):
    """Code to expected image."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        expected = torch.sigmoid(self.network.logits(latents, labels))
        return (expected[:, 0] * 255).round().to(torch.uint8)


class Bound(nn.Module):
    """The two parts of log importance weights, for given standard normal draws."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, images: Tensor, noise: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.network.log_weight(binarise(images), noise, labels)


def build(config: Config, facts: Mapping[str, Any]) -> Vae:
    """The net for square images whose side is a multiple of 4."""
    if facts["side"] % 4:
        raise RepertoireError(f"image side {facts['side']} is not a multiple of 4; resize the data")
    return Vae(config, facts["side"], facts["classes"] if config.conditional else 0)


def graphs(network: nn.Module, facts: Mapping[str, Any]) -> tuple[Graph, ...]:
    """``reconstruct``, ``encode``, ``decode`` for use, ``bound`` for the likelihood.

    A conditional net takes ``labels`` besides.
    """
    assert isinstance(network, Vae)
    images = Port("images", "uint8", ("batch", network.side, network.side), 0, 255)
    code, draws = ("batch", network.latent), ("batch", "draws")
    latents = Port("latents", "float32", code)
    noise = Port("noise", "float32", (*draws, network.latent))
    told: tuple[Port, ...] = ()
    if network.classes:
        told = (Port("labels", "int64", ("batch",), 0, network.classes - 1),)
    return (
        Graph(
            "reconstruct",
            Reconstruct(network),
            (images, *told),
            (Port("reconstruction", "uint8", images.shape), Port("error", "float32", ("batch",))),
        ),
        Graph(
            "encode",
            Encode(network),
            (images, *told),
            (Port("mean", "float32", code), Port("log_variance", "float32", code)),
        ),
        Graph("decode", Decode(network), (latents, *told), (images,)),
        Graph(
            "bound",
            Bound(network),
            (images, noise, *told),
            (Port("log_likelihood", "float32", draws), Port("log_ratio", "float32", draws)),
        ),
    )
