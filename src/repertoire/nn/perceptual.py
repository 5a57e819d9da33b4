"""How far a picture is from a photograph in content and from a painting in style.

Gatys, Ecker and Bethge 2016 (section 2): features of a net that knows photographs are compared
place by place for content, and by their correlations, whatever the place, for style. Both losses
are relative here, so that they need no unit: of the content's energy, and of the style's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from repertoire.contract import Arrays
from repertoire.nn.measure import Measure
from repertoire.nn.vgg import Vgg


def gram(features: Tensor) -> Tensor:
    """(batch, channels, height, width) -> correlations of channels, a mean over all places."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


class PerceptualLoss(nn.Module):
    """Content and style loss of pictures, for one style that is kept as its correlations."""

    def __init__(self, widths: Sequence[int], measure: Measure) -> None:
        super().__init__()
        self.measure = measure
        self.vgg = Vgg(widths, measure.layers)
        channels = dict(zip(self.vgg.names, widths[1:], strict=True))
        for layer in measure.style:
            width = channels[layer.removeprefix("relu")]
            self.register_buffer(f"gram_{layer}", torch.eye(width))

    @torch.no_grad()
    def learn(self, weights: Arrays, style: Tensor) -> "PerceptualLoss":
        """Take the weights of VGG by name, and the style of a picture (1, 3, height, width)."""
        known = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
        self.vgg.convolutions.load_state_dict(known)
        found = self.vgg(style)
        for layer in self.measure.style:
            getattr(self, f"gram_{layer}").copy_(gram(found[layer])[0])
        return self

    def content(self, photographs: Tensor) -> Tensor:
        """The features (batch, channels, height, width) of the layer of content."""
        return self.vgg(photographs)[self.measure.content]

    def forward(self, pictures: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """pictures (batch, 3, height, width) in [0, 1], and ``content`` of their photographs.

        Gives (batch,) each: squared differences of features over the square of the photograph's,
        and of correlations over the square of the style's, a mean over layers.
        """
        found = self.vgg(pictures)
        gap = ((found[self.measure.content] - wanted) ** 2).mean((1, 2, 3))
        content = gap / (wanted**2).mean((1, 2, 3)).clamp_min(1e-6)
        parts = []
        for layer in self.measure.style:
            style: Tensor = getattr(self, f"gram_{layer}")
            parts.append(((gram(found[layer]) - style) ** 2).sum((1, 2)) / (style**2).sum())
        return content, torch.stack(parts).mean(0)

    def loss(self, content: Tensor, style: Tensor) -> Tensor:
        """Both together."""
        return content + self.measure.style_weight * style


def scaled(pictures: Tensor) -> Tensor:
    """uint8 (batch, height, width, 3) -> (batch, 3, height, width) in [0, 1]."""
    return pictures.permute(0, 3, 1, 2).to(torch.float32) / 255


def pixels(pictures: Tensor) -> Tensor:
    """The inverse of ``scaled``."""
    return (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


@dataclass(frozen=True)
class Stage:
    """A picture (1, 3, height, width) on its way, and its two losses."""

    picture: Tensor
    content: float
    style: float


def optimised(loss_network: PerceptualLoss, photograph: Tensor, iterations: int) -> Iterator[Stage]:
    """The photograph, and the picture after each iteration of projected L-BFGS that starts there.

    Gatys et al. 2016 with the optimiser of Johnson et al. 2016 (section 4.1): after each iteration,
    which is one evaluation of the loss and its gradient, values are clipped to those of a picture.
    """
    photograph = photograph.contiguous()
    wanted = loss_network.content(photograph)
    picture = photograph.clone().requires_grad_()
    # A limit above zero would end early: the gradient of one pixel is small.
    optimizer = torch.optim.LBFGS(
        [picture], max_iter=1, history_size=10, tolerance_grad=0.0, tolerance_change=0.0
    )
    seen: list[float] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        content, style = loss_network(picture, wanted)
        # A loss a pixel value, not their mean, or the first steps would be lost to rounding.
        loss = loss_network.loss(content, style).sum() * picture.numel()
        loss.backward()
        seen[:] = content.item(), style.item()
        return loss

    for _ in range(iterations):
        before = picture.detach().clone()
        optimizer.step(closure)
        yield Stage(before, *seen)
        with torch.no_grad():
            picture.clamp_(0, 1)
    with torch.no_grad():
        content, style = loss_network(picture, wanted)
    yield Stage(picture.detach(), content.item(), style.item())
