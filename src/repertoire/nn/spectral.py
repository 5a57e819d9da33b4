"""Spectral normalisation whose evaluation is a plain matrix product, and so can be exported."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class SpectralNorm(nn.Module):
    """Weight divided by its largest singular value (Miyato et al. 2018, algorithm 1).

    One power iteration a training step; PyTorch's own module ends in an operator that ONNX lacks.
    """

    left: Tensor
    right: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        rows = weight.detach().flatten(1)
        self.register_buffer("left", nn.functional.normalize(torch.randn(rows.shape[0]), dim=0))
        self.register_buffer("right", nn.functional.normalize(torch.randn(rows.shape[1]), dim=0))
        for _ in range(15):
            self._iterate(rows)

    @torch.no_grad()
    def _iterate(self, rows: Tensor) -> None:
        self.right.copy_(nn.functional.normalize(rows.t() @ self.left, dim=0))
        self.left.copy_(nn.functional.normalize(rows @ self.right, dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight, scaled to a largest singular value of 1."""
        rows = weight.flatten(1)
        if self.training:
            self._iterate(rows.detach())
        # Cloned, because the next iteration overwrites what this step's gradient needs.
        left, right = self.left.clone(), self.right.clone()
        return weight / (left @ (rows @ right))


def spectral_norm(layer: nn.Conv2d | nn.Linear) -> nn.Module:
    """Normalise the layer's weight from now on."""
    parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight))
    return layer
