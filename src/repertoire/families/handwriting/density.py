"""The mixture density over a pen's next point: its parameters, its likelihood, and drawing it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

STRAIGHT = 0.98  # bound of a correlation: at 1 a density would shrink to a line
LOG_DEVIATIONS = (-5.0, 4.0)  # bounds, in units of the offsets
NEVER_ZERO = 1e-7  # the least uniform number whose logarithm is taken


@dataclass(frozen=True)
class Mixture:
    """Parameters along the last axes: weights (…, components) as logarithms, means and deviations
    (…, components, 2), correlations (…, components), and the pen's logit (…)."""

    log_weights: Tensor
    means: Tensor
    deviations: Tensor
    correlations: Tensor
    pen_logit: Tensor


def mixture(raw: Tensor, bias: Tensor) -> Mixture:
    """raw (…, 1 + 6 components) -> parameters (Graves 2013, eqs. 18 to 22).

    ``bias`` 0 leaves the density as learned; a larger one narrows it (eqs. 61 and 62). Its shape
    is that of the leading axes, or it is broadcast to them.
    """
    pen, rest = raw[..., 0], raw[..., 1:]
    weights, correlations, means, deviations = (
        rest.unflatten(-1, (6, -1))[..., part, :] for part in (0, 1, slice(2, 4), slice(4, 6))
    )
    sharp = bias.unsqueeze(-1)
    log_deviations = deviations.clamp(*LOG_DEVIATIONS) - sharp.unsqueeze(-1)
    return Mixture(
        torch.log_softmax(weights * (1 + sharp), dim=-1),
        means.transpose(-1, -2),
        torch.exp(log_deviations).transpose(-1, -2),
        STRAIGHT * torch.tanh(correlations),
        pen,
    )


def log_likelihood(density: Mixture, points: Tensor) -> Tensor:
    """Natural log-density of points (…, 3), in units of their offsets: (…).

    Graves 2013, eqs. 23 to 26: a mixture of bivariate normals times the chance of the pen bit.
    """
    z = (points[..., None, :2] - density.means) / density.deviations
    rho = density.correlations
    spread = 1 - rho * rho
    squares = (z * z).sum(-1) - 2 * rho * z[..., 0] * z[..., 1]
    logs = (
        density.log_weights
        - squares / (2 * spread)
        - math.log(2 * math.pi)
        - torch.log(density.deviations).sum(-1)
        - 0.5 * torch.log(spread)
    )
    # Written out, because the exporter turns the library's loss into log(sigmoid): -inf.
    pen = points[..., 2] * density.pen_logit - functional.softplus(density.pen_logit)
    return torch.logsumexp(logs, dim=-1) + pen


def draw(density: Mixture, uniform: Tensor) -> Tensor:
    """The point (batch, 3) that four uniform numbers in [0, 1] pick: (batch, 4).

    The first chooses the component by cumulated weights, two become a normal pair (Box and Muller
    1958), the last lifts the pen if it is below the chance of that.
    """
    cumulated = torch.exp(density.log_weights).cumsum(-1)
    passed = (cumulated <= uniform[:, :1] * cumulated[:, -1:]).to(torch.int64).sum(1, keepdim=True)
    chosen = passed.clamp(max=cumulated.shape[1] - 1)
    rho = density.correlations.gather(1, chosen).squeeze(1)
    both = chosen.unsqueeze(2).expand(-1, 1, 2)
    mean, deviation = (v.gather(1, both).squeeze(1) for v in (density.means, density.deviations))
    radius = torch.sqrt(-2 * torch.log(uniform[:, 1].clamp(min=NEVER_ZERO)))
    angle = 2 * math.pi * uniform[:, 2]
    first, second = radius * torch.cos(angle), radius * torch.sin(angle)
    across = rho * first + torch.sqrt(1 - rho * rho) * second
    offset = mean + deviation * torch.stack((first, across), dim=1)
    lifted = (uniform[:, 3] < torch.sigmoid(density.pen_logit)).to(offset.dtype)
    return torch.cat((offset, lifted.unsqueeze(1)), dim=1)
