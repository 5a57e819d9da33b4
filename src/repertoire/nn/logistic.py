"""A logistic distribution of 8-bit levels: exact probabilities, in a form that does not cancel.

Kingma et al. 2016, "Improved variational inference with inverse autoregressive flow", equation 18;
the lowest level has all that lies below it and the highest all above (Salimans et al. 2017).
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

LEVEL = 1 / 255  # between neighbouring levels, white being 1


def log_probability(levels: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Nats of each of ``levels``, multiples of 1/255 from 0 to 1, of the shape of all three.

    With s the logistic function and a, b the standardised upper and lower ends of a level:
    log(s(a) - s(b)) = log s(a) + log s(-b) + log(1 - exp(b - a)).
    """
    inverse = torch.exp(-log_scale)
    above = softplus(-(levels + LEVEL / 2 - mean) * inverse)  # - log s(a)
    below = softplus((levels - LEVEL / 2 - mean) * inverse)  # - log s(-b)
    width = torch.log(1 - torch.exp(-LEVEL * inverse))
    inside = width - above - below
    highest = torch.where(levels > 1 - LEVEL / 2, -below, inside)
    return torch.where(levels < LEVEL / 2, -above, highest)
