"""Pictures as tensors."""

import numpy as np
import torch
from torch import Tensor


def shifted(images: Tensor, rng: np.random.Generator, largest: int) -> Tensor:
    """Move each image (batch, side, side, …) by up to ``largest`` pixels each way; fill with 0."""
    if largest == 0:
        return images
    side = images.shape[1]
    padded = torch.nn.functional.pad(images, (0, 0) * (images.dim() - 3) + (largest,) * 4)
    down, right = torch.from_numpy(rng.integers(0, 2 * largest + 1, (2, len(images))))
    places = torch.arange(side, device=images.device)
    rows = down.view(-1, 1, 1) + places.view(1, -1, 1)
    columns = right.view(-1, 1, 1) + places.view(1, 1, -1)
    return padded[torch.arange(len(images), device=images.device).view(-1, 1, 1), rows, columns]
