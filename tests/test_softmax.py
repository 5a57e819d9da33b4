"""The fused output layer against PyTorch in double precision."""

import pytest
import torch
from torch.nn import functional

from repertoire.nn.softmax import linear_cross_entropy

ROWS, WIDTH, VOCABULARY = 73, 29, 211


def gradients(scale: float, fused: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
    torch.manual_seed(0)
    kind = torch.float32 if fused else torch.float64
    parts = [
        (scale * torch.randn(ROWS, WIDTH)).to(kind),
        torch.randn(VOCABULARY, WIDTH).to(kind),
        torch.randn(VOCABULARY).to(kind),
    ]
    leaves = [part.requires_grad_() for part in parts]
    targets = torch.randint(0, VOCABULARY, (ROWS,))
    if fused:
        loss = linear_cross_entropy(*leaves, targets, bfloat16=True)
    else:
        loss = functional.cross_entropy(functional.linear(*leaves), targets)
    (3 * loss).backward()
    return loss, [leaf.grad.double() for leaf in leaves]


@pytest.mark.parametrize(("scale", "tolerance"), [(0.2, 0.01), (40.0, 0.05)])
def test_loss_and_gradients_agree_with_double_precision(scale, tolerance):
    loss, found = gradients(scale, fused=True)
    exact, wanted = gradients(scale, fused=False)
    assert float(loss) == pytest.approx(float(exact), rel=tolerance)
    for one, other in zip(found, wanted, strict=True):
        assert float((one - other).norm() / other.norm()) < tolerance


def test_the_precise_variant_is_pytorch_itself():
    features, weight = torch.randn(7, 5), torch.randn(11, 5)
    bias, targets = torch.randn(11), torch.randint(0, 11, (7,))
    expected = functional.cross_entropy(functional.linear(features, weight, bias), targets)
    assert torch.equal(linear_cross_entropy(features, weight, bias, targets, False), expected)
