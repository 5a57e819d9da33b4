"""Encoder, decoder, the bound, and the graphs they are exported as."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.variational_autoencoder.config import Config
from repertoire.kinds.images.facts import Facts
from repertoire.kinds.images.sizes import divisor, halvings
from repertoire.nn.coders import as_images, levels, map_channels
from repertoire.nn.logistic import log_probability

LOG_SCALE = -2.0  # of the logistic distribution of levels, before training


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
    """Strided convolutions down, transposed convolutions up, gated blocks after each.

    ``classes`` is 0 where no label is told; else a label is a vector that is added to the hidden
    units next to the code, on either side of it. Levels that are not binarised have a logistic
    distribution around the decoder's output, whose scale is learned, one a colour.
    """

    def __init__(self, config: Config, side: int, colours: int, classes: int) -> None:
        super().__init__()
        self.latent, self.classes, self.blocks = config.latent, classes, config.blocks
        self.side = side
        self.shape = (side, side) if colours == 1 else (side, side, colours)
        maps = map_channels(config.channels, halvings(side))
        self.small, self.channels = side // 2 ** len(maps), maps[-1]
        self.encoder = nn.Sequential(
            *self._down((colours, *maps)),
            nn.Flatten(),
            nn.Linear(self.channels * self.small**2, config.units),
        )
        self.posterior = nn.Linear(config.units, 2 * config.latent)
        self.start = nn.Linear(config.latent, config.units)
        rise = nn.Linear(config.units, self.channels * self.small**2)
        self.rise = nn.Sequential(rise, nn.SiLU())
        self.decoder = nn.Sequential(*self._up((*maps[::-1], colours)))
        if classes:
            self.read_label = nn.Embedding(classes, config.units)
            self.written_label = nn.Embedding(classes, config.units)
        self.binary = config.binarisation != "none"
        if not self.binary:
            self.log_scale = nn.Parameter(torch.full((colours, 1, 1), LOG_SCALE))

    def _down(self, channels: tuple[int, ...]) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
            layers += [Gated(after) for _ in range(self.blocks)]
        return layers

    def _up(self, channels: tuple[int, ...]) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            layers += [Gated(before) for _ in range(self.blocks)]
            layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        return layers[:-1]

    def values(self, images: Tensor) -> Tensor:
        """uint8 images as the net sees them (batch, colours, side, side): 0 or 1, or levels."""
        return binarise(images) if self.binary else levels(images)

    def encode(self, values: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """values (batch, colours, side, side) -> mean and log-variance, each (batch, latent)."""
        hidden = self.encoder(values)
        if labels is not None:
            hidden = hidden + self.read_label(labels)
        mean, log_variance = self.posterior(functional.silu(hidden)).chunk(2, dim=1)
        return mean, log_variance

    def logits(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """latents (batch, latent) -> logits of the expected values (batch, colours, side, side)."""
        hidden = self.start(latents)
        if labels is not None:
            hidden = hidden + self.written_label(labels)
        risen = self.rise(functional.silu(hidden))
        return self.decoder(risen.view(-1, self.channels, self.small, self.small))

    def draw(
        self, values: Tensor, noise: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (batch * draws, colours, side, side), and mean and log-variance of the codes.

        ``noise`` is (batch, draws, latent); the codes are mean + deviation * noise.
        """
        mean, log_variance = self.encode(values, labels)
        latents = mean.unsqueeze(1) + torch.exp(0.5 * log_variance).unsqueeze(1) * noise
        if labels is not None:
            labels = labels.unsqueeze(1).expand(-1, noise.shape[1]).flatten()
        return self.logits(latents.flatten(0, 1), labels), mean, log_variance

    def log_weight(
        self, values: Tensor, noise: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """log p(x|z) and log p(z) - log q(z|x) at z = mean + deviation * noise, nats.

        noise (batch, draws, latent) -> (batch, draws) each. Their sum averages to the evidence
        lower bound, and its log-mean-exp over the draws to the importance-weighted bound (Burda et
        al. 2016).
        """
        flat, mean, log_variance = self.draw(values, noise, labels)
        likelihood = self.log_likelihood(flat, values, noise.shape[1])
        mean, log_variance = mean.unsqueeze(1), log_variance.unsqueeze(1)
        prior = -0.5 * ((mean + torch.exp(0.5 * log_variance) * noise) ** 2).sum(2)
        posterior = -0.5 * (noise**2 + log_variance).sum(2)
        return likelihood, prior - posterior

    def log_likelihood(self, flat: Tensor, values: Tensor, draws: int) -> Tensor:
        """log p(x|z) in nats (batch, draws) by the logits of ``draws`` codes an image."""
        if self.binary:
            logits = flat.reshape(values.shape[0], draws, self.side, self.side)
            # Written out, because the exporter turns the library's loss into log(sigmoid): -inf.
            return (logits * values - functional.softplus(logits)).sum((2, 3))
        logits = flat.reshape(values.shape[0], draws, *values.shape[1:])
        nats = log_probability(values.unsqueeze(1), torch.sigmoid(logits), self.log_scale)
        return nats.sum((2, 3, 4))


class Reconstruct(nn.Module):
    """Image to expected image through the mean of its code, and the error of that."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        values = self.network.values(images)
        mean, _ = self.network.encode(values, labels)
        expected = torch.sigmoid(self.network.logits(mean, labels))
        error = ((expected - values) ** 2).mean((1, 2, 3))
        return as_images(expected), error


class Encode(nn.Module):
    """The distribution of an image's code."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.network.encode(self.network.values(images), labels)


class Decode(nn.Module):
    """Code to expected image."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        expected = torch.sigmoid(self.network.logits(latents, labels))
        return as_images(expected)


class Bound(nn.Module):
    """The two parts of log importance weights, for given standard normal draws."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, images: Tensor, noise: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.network.log_weight(self.network.values(images), noise, labels)


def build(config: Config, facts: Facts) -> Vae:
    """The net for square images whose side can be halved some times."""
    side, colours, classes = facts["side"], facts["channels"], facts["classes"]
    if side % divisor(side):
        raise RepertoireError(
            f"image side {side} is not a multiple of {divisor(side)}; resize the data"
        )
    if colours > 1 and config.binarisation != "none":
        raise RepertoireError(
            f"config.binarisation: {config.binarisation} is of grey images; set none for colours"
        )
    if config.conditional and not classes:
        raise RepertoireError("config.conditional: the images have no classes; set false")
    return Vae(config, side, colours, classes if config.conditional else 0)


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``reconstruct``, ``encode``, ``decode`` for use, ``bound`` for the likelihood.

    A conditional net takes ``labels`` besides.
    """
    assert isinstance(network, Vae)
    images = Port("images", "uint8", ("batch", *network.shape), 0, 255)
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
