"""The fused output layer against PyTorch in double precision."""

import pytest
import torch
from torch.nn import functional

from repertoire.nn import softmax
from repertoire.nn.softmax import linear_cross_entropy

ROWS, WIDTH, VOCABULARY = 73, 29, 211


def gradients(
    scale: float, precision: torch.dtype | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    torch.manual_seed(0)
    kind = torch.float32 if precision else torch.float64
    parts = [
        (scale * torch.randn(ROWS, WIDTH)).to(kind),
        torch.randn(VOCABULARY, WIDTH).to(kind),
        torch.randn(VOCABULARY).to(kind),
    ]
    leaves = [part.requires_grad_() for part in parts]
    targets = torch.randint(0, VOCABULARY, (ROWS,))
    if precision:
        loss = linear_cross_entropy(*leaves, targets, precision)
    else:
        loss = functional.cross_entropy(functional.linear(*leaves), targets)
    (3 * loss).backward()
    return loss, [leaf.grad.double() for leaf in leaves]


@pytest.mark.parametrize(
    ("scale", "precision", "tolerance"),
    [
        (0.2, torch.bfloat16, 0.01),
        (40.0, torch.bfloat16, 0.05),
        (0.2, torch.float32, 1e-5),
        (40.0, torch.float32, 1e-4),
    ],
)
def test_loss_and_gradients_agree_with_double_precision(scale, precision, tolerance):
    loss, found = gradients(scale, precision)
    exact, wanted = gradients(scale, None)
    assert float(loss) == pytest.approx(float(exact), rel=tolerance)
    for one, other in zip(found, wanted, strict=True):
        assert float((one - other).norm() / other.norm()) < tolerance


def test_a_large_bias_keeps_more_digits_than_its_precision_has():
    # Multiples of a quarter alone are bfloat16 numbers between 32 and 64.
    bias = torch.tensor([37.1, 37.3, 36.9, 30.0, 37.07])
    features, weight = torch.zeros(3, 7), torch.zeros(5, 7)
    for target in range(5):
        targets = torch.full((3,), target)
        found = linear_cross_entropy(features, weight, bias, targets, torch.bfloat16)
        exact = functional.cross_entropy(bias.expand(3, 5), targets)
        assert float(found) == pytest.approx(float(exact), abs=0.01)


@pytest.mark.parametrize(
    ("tiles", "vectors", "vendor", "precision"),
    [
        (True, True, "GenuineIntel", torch.bfloat16),
        (False, True, "AuthenticAMD", torch.bfloat16),
        (False, True, "GenuineIntel", torch.float32),
        (False, False, "AuthenticAMD", torch.float32),
    ],
)
def test_the_precision_is_bfloat16_only_where_the_processor_multiplies_it_faster(
    monkeypatch, tiles, vectors, vendor, precision
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: vectors)
    monkeypatch.setattr(softmax, "_made_by", lambda: vendor)
    assert softmax.fastest_precision() == precision


def test_the_vendor_is_read_from_the_kernels_table(monkeypatch, tmp_path):
    table = tmp_path / "cpuinfo"
    table.write_text("processor\t: 0\nvendor_id\t: AuthenticAMD\nprocessor\t: 1\n")
    monkeypatch.setattr(softmax, "CPUINFO", table)
    assert softmax._made_by.__wrapped__() == "AuthenticAMD"
    monkeypatch.setattr(softmax, "CPUINFO", tmp_path / "none")
    assert softmax._made_by.__wrapped__() == ""
