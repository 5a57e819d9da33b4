"""The output layer over a large vocabulary, where most of a language model's time goes."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 70  # rows whose exponentials stay in the second-level cache
CPUINFO = Path("/proc/cpuinfo")
LARGEST = 1e30  # of a sum of exponentials, before the shift is chosen anew


def linear_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, precision: torch.dtype
) -> Tensor:
    """Mean cross-entropy of ``features @ weight.T + bias`` in nats.

    features (rows, width), weight (vocabulary, width), bias (vocabulary), targets (rows,) int64.
    The three matrix products run in ``precision``; everything that is summed stays in float32.
    """
    if features.is_cuda:
        low = (tensor.to(precision) for tensor in (features, weight, bias))
        return functional.cross_entropy(functional.linear(*low).float(), targets)
    return FusedLinearCrossEntropy.apply(features, weight, bias, targets, precision)


def fastest_precision() -> torch.dtype:
    """bfloat16 where its products are the faster ones, else float32.

    GPUs and matrix registers (AMX) are made for it. By `python -m pipelines.speed training` AMD's
    AVX512-BF16 is twice as fast as float32, Intel's alone half as fast; imitations are far slower.
    """
    faster = torch.cuda.is_available() or torch.cpu._is_amx_tile_supported()
    faster = faster or (torch.cpu._is_avx512_bf16_supported() and _made_by() == "AuthenticAMD")
    return torch.bfloat16 if faster else torch.float32


@cache
def _made_by() -> str:
    """The processor's vendor by its own name; empty where the kernel does not tell."""
    found = CPUINFO.read_text(encoding="utf-8") if CPUINFO.exists() else ""
    names = (line.partition(":")[2] for line in found.splitlines() if line.startswith("vendor_id"))
    return next(names, "").strip()


class FusedLinearCrossEntropy(torch.autograd.Function):
    """Loss and gradients in three products over one (rows, vocabulary) buffer.

    - Logits are taken relative to the target's: P = exp(l - l_target), so the loss is
      log(sum P). No pass looks for a maximum, and a low precision is most exact where it matters.
    - Bias and shift ride in spare columns of the product, each as a high and a low part.
    - P is never normalised: 1 / (rows * sum P) scales the rows of the products instead.
    """

    _buffers: dict[tuple[Any, ...], Tensor] = {}  # noqa: RUF012

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        precision: torch.dtype,
    ) -> Tensor:
        rows, width = features.shape
        low_features, low_weight = _with_bias(features, weight, bias, precision)
        target = (low_features[:, :width].float() * low_weight[:, :width][targets].float()).sum(1)
        target += bias[targets]
        shift, sums, exponentials = _exponentials(low_features, low_weight, width, -target)
        loss = (sums.log() - (target + shift)).mean()
        if not any(ctx.needs_input_grad):
            return loss
        scale = 1 / (sums * rows)
        d_features = (exponentials @ low_weight[:, :width]).float().mul_(scale[:, None])
        d_features.sub_(weight[targets], alpha=1 / rows)
        scaled = _buffer("scaled", len(features), low_features.shape[1], precision)
        scaled[:, :width] = features * scale[:, None]
        scaled[:, width] = scale
        product = _buffer("product", len(weight), low_weight.shape[1], precision)
        torch.mm(exponentials.t(), scaled, out=product)
        d_weight = product[:, :width].float().index_add_(0, targets, features, alpha=-1 / rows)
        one = torch.full((rows,), -1 / rows)
        d_bias = product[:, width].float().index_add_(0, targets, one)
        ctx.save_for_backward(d_features, d_weight, d_bias)
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = float(gradients[0])
        return *(g if scale == 1 else g * scale for g in ctx.saved_tensors), None, None


def _buffer(name: str, rows: int, columns: int, precision: torch.dtype) -> Tensor:
    # Reused, because the kernel takes a page fault for every new 4 KiB of a large tensor.
    buffers = FusedLinearCrossEntropy._buffers
    key = (name, rows, columns, precision)
    if key not in buffers:
        buffers[key] = torch.zeros((rows, columns), dtype=precision)
    return buffers[key]


def _with_bias(
    features: Tensor, weight: Tensor, bias: Tensor, precision: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Copies with four spare columns for bias and shift, padded to a multiple of 8."""
    width = features.shape[1]
    padded = (width + 4 + 7) // 8 * 8
    low_features = _buffer("features", len(features), padded, precision)
    low_weight = _buffer("weight", len(weight), padded, precision)
    low_features[:, :width], low_weight[:, :width] = features, weight
    low_features[:, width : width + 2] = 1
    low_weight[:, width] = bias
    low_weight[:, width + 1] = bias - low_weight[:, width]
    low_weight[:, width + 2 : width + 4] = 1
    return low_features, low_weight


def _exponentials(
    features: Tensor, weight: Tensor, width: int, shift: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The shift that was used, the row sums, and exp(logits + shift) in the shared buffer."""
    buffer = _buffer("exponentials", len(features), len(weight), features.dtype)

    def products(shift: Tensor) -> None:
        features[:, width + 2] = shift
        features[:, width + 3] = shift - features[:, width + 2]
        torch.mm(features, weight.t(), out=buffer)

    products(shift)
    sums = _exp_and_sum(buffer)
    if not bool(sums.max() < LARGEST):
        # A target far below the best token: shift by the row's maximum instead.
        products(torch.zeros_like(shift))
        shift = -buffer.amax(1).float()
        products(shift)
        sums = _exp_and_sum(buffer)
    return shift, sums, buffer


def _exp_and_sum(buffer: Tensor) -> Tensor:
    sums = torch.empty(len(buffer))
    for start in range(0, len(buffer), BLOCK):
        rows = slice(start, start + BLOCK)
        torch.sum(buffer[rows].exp_(), 1, dtype=torch.float32, out=sums[rows])
    return sums
