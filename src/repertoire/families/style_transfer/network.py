"""The net that gives a photograph a style, its loss network, and the exported graphs."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.style_transfer.config import Config
from repertoire.kinds.styles.facts import Facts
from repertoire.nn.measure import Measure
from repertoire.nn.perceptual import PerceptualLoss, pixels, scaled
from repertoire.runtime.inference.painting import OVERLAP

STRIDE = 4  # the net halves each side twice
MARGIN = 4  # pixels of the edge repeated around a picture, so that the smallest can be reflected
CONTRAST = 0.25  # usual deviation of a photograph's values
LEAST_VARIANCE = 1e-3  # added to that of colours: an even picture is not to be blown up to noise
LEAST_ACTIVITY = 0.3  # added to the variance of features for the same reason

Moments = tuple[Tensor, Tensor]  # mean and deviation, each to be broadcast over features
Normal = Callable[[Tensor, float], Moments]


def of_each(features: Tensor, floor: float) -> Moments:
    """Of each channel of each picture (Ulyanov et al. 2016); ``floor`` is added to the variance."""
    mean = features.mean((2, 3), keepdim=True)
    return mean, ((features - mean) ** 2).mean((2, 3), keepdim=True).add(floor).sqrt()


class OfAll:
    """Of each channel over all pictures; ``seen`` keeps them layer by layer."""

    def __init__(self) -> None:
        self.seen: list[Moments] = []

    def __call__(self, features: Tensor, floor: float) -> Moments:
        mean = features.mean((0, 2, 3), keepdim=True)
        deviation = ((features - mean) ** 2).mean((0, 2, 3), keepdim=True).add(floor).sqrt()
        self.seen.append((mean.flatten(), deviation.flatten()))
        return mean, deviation


class Given:
    """Those of another run, taken layer by layer from (channels,) each."""

    def __init__(self, means: Tensor, deviations: Tensor) -> None:
        self.means, self.deviations, self.taken = means, deviations, 0

    def __call__(self, features: Tensor, floor: float) -> Moments:
        part = slice(self.taken, self.taken + features.shape[1])
        self.taken = part.stop
        return self.means[part].view(1, -1, 1, 1), self.deviations[part].view(1, -1, 1, 1)


class Convolution(nn.Module):
    """Reflected edges, a convolution, and channels brought to a learned mean and deviation."""

    def __init__(self, before: int, after: int, size: int, stride: int = 1) -> None:
        super().__init__()
        half = size // 2
        self.layer = nn.Conv2d(before, after, size, stride, half, padding_mode="reflect")
        self.gain = nn.Parameter(torch.ones(after, 1, 1))
        self.shift = nn.Parameter(torch.zeros(after, 1, 1))

    def forward(self, given: Tensor, normal: Normal) -> Tensor:
        # Over the norm of its weights a channel has the variance of what it is given, so that the
        # floor bounds how much larger a layer makes the differences of a flat picture, which are
        # rounding alone.
        norms = self.layer.weight.flatten(1).norm(dim=1).view(-1, 1, 1)
        features = self.layer(given) / norms
        mean, deviation = normal(features, LEAST_ACTIVITY)
        return (features - mean) / deviation * self.gain + self.shift


class Residual(nn.Module):
    """Two convolutions beside what they are given (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Convolution(width, width, 3)
        self.second = Convolution(width, width, 3)

    def forward(self, given: Tensor, normal: Normal) -> Tensor:
        return given + self.second(torch.relu(self.first(given, normal)), normal)


class Stylist(nn.Module):
    """Two halvings of each side, residual blocks, two doublings (Johnson et al. 2016, table 1).

    What is painted is added to the photograph, whose colours are brought to a learned mean and
    deviation, and is nothing at first: a short training need not learn to copy before it learns to
    paint, and correlations, which are squares of contrast, begin alike for all photographs.
    """

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        w = width
        self.down = nn.ModuleList(
            [Convolution(3, w, 9), Convolution(w, 2 * w, 3, 2), Convolution(2 * w, 4 * w, 3, 2)]
        )
        self.blocks = nn.ModuleList(Residual(4 * w) for _ in range(blocks))
        self.up = nn.ModuleList([Convolution(4 * w, 2 * w, 3), Convolution(2 * w, w, 3)])
        self.gain = nn.Parameter(torch.full((3, 1, 1), 0.5))
        self.shift = nn.Parameter(torch.zeros(3, 1, 1))
        self.paint = nn.Conv2d(w, 3, 9, 1, 4, padding_mode="reflect")
        nn.init.zeros_(self.paint.weight)
        assert self.paint.bias is not None
        nn.init.zeros_(self.paint.bias)
        self.channels = 3 + sum(
            m.layer.out_channels for m in self.modules() if isinstance(m, Convolution)
        )
        # Pixels from which one pixel is made, to each side: 4, 1 and 2 down, 2 times 4 a block,
        # 2 and 1 up, 4 at the end, and 3 because an enlarged pixel has neighbours of one place.
        self.reach = 4 + 1 + 2 + 8 * blocks + 2 + 1 + 4 + 3

    def forward(self, photographs: Tensor, normal: Normal = of_each) -> Tensor:
        """(batch, 3, height, width) in [0, 1] -> the same shape, in (0, 1)."""
        height, width = photographs.shape[2:]
        mean, deviation = normal(photographs, LEAST_VARIANCE)
        primed = (photographs - mean) / deviation * self.gain + self.shift
        # Up to a multiple of the stride; the edge is repeated at the far sides and all around.
        below, right = (MARGIN + (-size) % STRIDE for size in (height, width))
        standard = (photographs - 0.5) / CONTRAST
        features = functional.pad(standard, (MARGIN, right, MARGIN, below), mode="replicate")
        for layer in self.down:
            features = torch.relu(layer(features, normal))
        for block in self.blocks:
            features = block(features, normal)
        for layer in self.up:
            larger = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = torch.relu(layer(larger, normal))
        painted = self.paint(features)[:, :, MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        return torch.sigmoid(primed + painted)


class StyleTransfer(nn.Module):
    """The net that is trained, and the loss network that is given."""

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.stylist = Stylist(config.width, config.blocks)
        self.loss_network = PerceptualLoss(facts["widths"], Measure.of(facts["measure"]))


class Stylize(nn.Module):
    """Each photograph by its own moments."""

    def __init__(self, stylist: Stylist) -> None:
        super().__init__()
        self.stylist = stylist

    def forward(self, images: Tensor) -> Tensor:
        return pixels(self.stylist(scaled(images)))


class FindMoments(nn.Module):
    """The moments of all photographs together, layer after layer."""

    def __init__(self, stylist: Stylist) -> None:
        super().__init__()
        self.stylist = stylist

    def forward(self, images: Tensor) -> Moments:
        normal = OfAll()
        self.stylist(scaled(images), normal)
        means, deviations = zip(*normal.seen, strict=True)
        return torch.cat(means), torch.cat(deviations)


class StylizeBy(nn.Module):
    """Each photograph by moments that are given."""

    def __init__(self, stylist: Stylist) -> None:
        super().__init__()
        self.stylist = stylist

    def forward(self, images: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
        return pixels(self.stylist(scaled(images), Given(means, deviations)))


class Compare(nn.Module):
    """Content and style loss of pictures beside their photographs."""

    def __init__(self, loss_network: PerceptualLoss) -> None:
        super().__init__()
        self.loss_network = loss_network

    def forward(self, pictures: Tensor, images: Tensor) -> Moments:
        return self.loss_network(scaled(pictures), self.loss_network.content(scaled(images)))


def build(config: Config, facts: Facts) -> StyleTransfer:
    """The net for one style of the data set."""
    if config.style not in facts["styles"]:
        known = ", ".join(facts["styles"])
        raise RepertoireError(f"style {config.style!r} is none of the data set's: {known}")
    network = StyleTransfer(config, facts)
    if network.stylist.reach > OVERLAP:
        raise RepertoireError(
            f"blocks: with {config.blocks} a pixel depends on {network.stylist.reach} to each "
            f"side, and tiles overlap by {OVERLAP}; take fewer"
        )
    return network


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``stylize`` for pictures that fit in memory; ``moments`` and ``stylize_by`` for tiles of one
    that does not, all of them normalised alike; ``loss_network`` measures.
    """
    assert isinstance(network, StyleTransfer)
    size = ("batch", "height", "width", 3)
    images, pictures = (Port(name, "uint8", size, 0, 255) for name in ("images", "pictures"))
    means = Port("means", "float32", (network.stylist.channels,))
    deviations = Port("deviations", "float32", (network.stylist.channels,), 0)
    losses = (Port("content", "float32", ("batch",)), Port("style", "float32", ("batch",)))
    stylist = network.stylist
    return (
        Graph("stylize", Stylize(stylist), (images,), (pictures,)),
        Graph("moments", FindMoments(stylist), (images,), (means, deviations)),
        Graph(
            "stylize_by",
            StylizeBy(stylist),
            (images, means, deviations),
            (pictures,),
            drawn={"deviations": (0.5, 2.0)},
        ),
        Graph("loss_network", Compare(network.loss_network), (pictures, images), losses),
    )
