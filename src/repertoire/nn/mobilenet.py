"""MobileNetV2 (Sandler et al. 2018, table 2), its parameters under the names of torchvision."""

import torch
from torch import Tensor, nn

HALVINGS = 5  # of each side, before the last features
WIDTH = 1280  # channels of the last features
CLASSES = 1000
FIRST = 32
# Rows of table 2: expansion t, channels c, repetitions n, stride s of the first.
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# What the published weights were trained on, by channel (red, green, blue) of values in [0, 1].
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


def _convolution(before: int, after: int, size: int, stride: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """Widen by ``expansion``, convolve channel by channel, and narrow linearly (section 3.3)."""

    def __init__(self, before: int, after: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.residual = stride == 1 and before == after
        widen = [] if expansion == 1 else [_convolution(before, wide, 1, 1, 1)]
        self.conv = nn.Sequential(
            *widen,
            _convolution(wide, wide, 3, stride, wide),
            nn.Conv2d(wide, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, given: Tensor) -> Tensor:
        """(batch, before, height, width) -> (batch, after, height / stride, width / stride)."""
        narrow = self.conv(given)
        return given + narrow if self.residual else narrow


class MobileNetV2(nn.Module):
    """Normalised photographs -> the logits of 1,000 classes; ``features`` is all but the last."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, FIRST, 3, 2, 1)]
        before = FIRST
        for expansion, after, count, stride in BLOCKS:
            for index in range(count):
                layers.append(InvertedResidual(before, after, 1 if index else stride, expansion))
                before = after
        self.features = nn.Sequential(*layers, _convolution(before, WIDTH, 1, 1, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(WIDTH, CLASSES))

    def forward(self, photographs: Tensor) -> Tensor:
        """float (batch, 3, height, width) -> (batch, 1000)."""
        return self.classifier(self.features(photographs).mean((2, 3)))


class Photographs(nn.Module):
    """uint8 photographs in colours -> the grid of the last features; normalisation is inside."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = MobileNetV2().features
        for name, value in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(value), persistent=False)

    def forward(self, photographs: Tensor) -> Tensor:
        """(batch, height, width, 3) -> (batch, places, 1280), row by row of the grid."""
        scaled = (photographs.to(torch.float32) / 255 - self.mean) / self.deviation
        return self.features(scaled.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
