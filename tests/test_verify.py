"""What the comparison of an exported file with its graph lets pass, and what not."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from repertoire.contract import Graph, Port
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import ParityError, compare_metrics, shapes_to_try, verify_graph

TOLERANCE = 1e-4
X, Y = (Port(name, "float32", ("batch", "time"), 0, 1) for name in "xy")
GREY, SHADE = (Port(name, "uint8", ("batch", "time"), 0, 200) for name in ("grey", "shade"))


class By(nn.Module):
    """Any function of tensors as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def graph(function, inputs=(X,), outputs=(Y,)):
    return Graph("g", By(function), tuple(inputs), tuple(outputs))


def compared(wanted, function):
    """Verify the file of another function as that of the graph."""
    return verify_graph(
        wanted, export_graph(replace(wanted, module=By(function))), 7, 13, TOLERANCE
    )


def test_the_largest_difference_of_any_shape_is_told():
    parity = compared(graph(lambda x: x, [replace(X, low=1)]), lambda x: x + 3e-5)
    assert parity.largest_difference == pytest.approx(3e-5, abs=2e-7)
    assert parity.shapes == shapes_to_try(["batch", "time"], 7, 13)


@pytest.mark.parametrize("wrong", [2e-4, -2e-4, float("nan"), float("inf")])
def test_one_value_too_far_away_is_refused_with_its_place(wrong):
    def spoiled(x):
        return torch.cat((x[:, :-1], x[:, -1:] + wrong), 1)

    with pytest.raises(ParityError, match=r"output y at \{'batch': 1, 'time': 1\}: differs"):
        compared(graph(lambda x: x), spoiled)


def test_values_are_compared_by_their_share_unless_they_are_tiny():
    large = graph(lambda x: x, [replace(X, low=1000, high=2000)])
    assert compared(large, lambda x: x * (1 + 5e-5)).largest_difference == pytest.approx(5e-5, 0.2)
    with pytest.raises(ParityError):
        compared(large, lambda x: x * (1 + 2e-4))
    small = graph(lambda x: x, [replace(X, low=1e-2, high=2e-2)])
    assert compared(small, lambda x: x * (1 + 5e-5)).largest_difference == pytest.approx(5e-5, 0.2)
    with pytest.raises(ParityError):
        compared(small, lambda x: x * (1 + 4e-4))  # 8e-6 at most, and still too much
    tiny = graph(lambda x: x, [replace(X, low=1e-9, high=2e-9)])
    assert compared(tiny, lambda x: x * 3).largest_difference <= 4.1e-7


def rounded(grey, offset=0.0):
    return (grey.float() * 0.7713 + offset).round().to(torch.uint8)


def test_a_few_pixels_may_be_one_grey_level_off():
    # Of levels that are evenly spread, a shift of .0005 changes the rounding of one in 2,000.
    image = graph(rounded, [GREY], [SHADE])
    found = compared(image, lambda grey: rounded(grey, 0.0005))
    assert found.largest_difference == 0 and 0 <= found.pixels_off < 0.01
    assert compared(image, rounded).pixels_off == 0


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (lambda grey: (grey.float() * 0.7713).to(torch.uint8), "of the pixels are one grey level"),
        (lambda grey: rounded(grey) + 1, "100.0 % of the pixels"),
        (lambda grey: rounded(grey) + 2, "differs from PyTorch by 2 grey levels"),
    ],
)
def test_an_image_without_its_rounding_or_one_level_off_everywhere_is_refused(wrong, line):
    with pytest.raises(ParityError, match=f"output shade.*{line}"):
        compared(graph(rounded, [GREY], [SHADE]), wrong)


def test_ids_are_equal_or_not_however_large():
    ids = replace(X, name="ids", dtype="int64", low=80_000, high=90_000)
    kept = replace(ids, name="kept")
    same = graph(lambda given: given + 0, [ids], [kept])
    assert compared(same, lambda given: given + 0).largest_difference == 0
    with pytest.raises(ParityError, match="output kept"):
        compared(same, lambda given: given + 1)


def test_another_shape_is_refused_though_it_could_be_broadcast():
    with pytest.raises(ParityError, match=r"onnxruntime gives shape \(1, 2\), PyTorch \(1, 1\)"):
        compared(graph(lambda x: x), lambda x: torch.cat((x, x), 1))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "z"},
        {"shape": ("batch", "width")},
        {"shape": ("time", "batch")},
        {"shape": ("batch", 2)},
    ],
)
@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_a_file_whose_ports_are_not_those_declared_is_refused(kind, change):
    made = graph(lambda x: x * 2)
    content = export_graph(made)
    port = replace(getattr(made, kind)[0], **change)
    other = replace(made, **{kind: (port,)})
    with pytest.raises(ParityError, match=rf"graph g: {kind} .* are not the declared ports"):
        verify_graph(other, content, 7, 13, TOLERANCE)


def test_six_shapes_are_tried_and_no_axis_goes_beyond_its_limit():
    names = ["batch", "time", "width"]
    found = [tuple(sizes[name] for name in names) for sizes in shapes_to_try(names, 7, 13)]
    assert found[:3] == [(1, 1, 1), (1, 13, 13), (7, 1, 1)] and found[-1] == (7, 13, 13)
    # Two with sizes that all differ, so that no axis can be taken for another.
    assert [len(set(sizes)) for sizes in found[3:5]] == [3, 3]
    assert all(min(sizes) >= 1 and sizes[0] <= 7 and max(sizes[1:]) <= 13 for sizes in found)


@pytest.mark.parametrize(
    ("torch_value", "onnx_value", "passes"),
    [
        (200.0, 200.1, True),
        (200.0, 200.3, False),
        (200.0, 199.7, False),
        (0.00889, 0.0088985, True),
        (0.00889, 0.0098, False),  # within a thousandth of 1, and a tenth off
        (1e-9, 9e-7, True),
        (1e-9, 2e-6, False),
        (1.0, float("nan"), False),
        (float("nan"), 1.0, False),
        (-200.0, -200.1, True),
        (-200.0, 200.0, False),
    ],
)
def test_metrics_of_both_engines_may_differ_by_a_thousandth_of_themselves(
    torch_value, onnx_value, passes
):
    expected, found = {"same": 3.0, "m": torch_value}, {"same": 3.0, "m": onnx_value}
    if passes:
        gaps = compare_metrics(expected, found, 1e-3)
        assert set(gaps) == {"same", "m"} and gaps["same"] == 0 < gaps["m"] <= 1e-3
    else:
        with pytest.raises(ParityError, match="metric m: onnxruntime gives"):
            compare_metrics(expected, found, 1e-3)


class Ranked(nn.Module):
    """The two best of three scores; ``exported`` graphs see the second one changed by ``lift``."""

    def __init__(self, lift: float) -> None:
        super().__init__()
        self.lift = lift

    def forward(self, given):
        lifted = given + torch.tensor([0.0, self.lift, 0.0])
        scores, ids = lifted.topk(2, dim=1)
        return ids, scores


def ranked(lift: float):
    ports = (Port("ids", "int64", ("batch", 2)), Port("scores", "float32", ("batch", 2)))
    given = (Port("given", "float32", ("batch", 3), 0.5, 0.5),)
    return Graph("rank", Ranked(lift), given, ports, ranked={"ids": "scores"})


def test_ids_may_change_places_where_their_scores_are_equal_and_nowhere_else():
    ours, tied, apart = ranked(1e-6), export_graph(ranked(-1e-6)), export_graph(ranked(-0.25))
    assert verify_graph(ours, tied, 3, 5, 1e-4).largest_difference <= 1e-5
    with pytest.raises(ParityError, match=r"differ"):
        verify_graph(ranked(0.25), apart, 3, 5, 1e-4)


def test_wrong_ids_with_right_scores_are_refused():
    class Wrong(Ranked):
        def forward(self, given):
            ids, scores = super().forward(given)
            return ids + 1, scores

    wrong = replace(ranked(0.25), module=Wrong(0.25))
    with pytest.raises(ParityError, match=r"of \d+ ids differ from PyTorch's although"):
        verify_graph(ranked(0.25), export_graph(wrong), 3, 5, 1e-4)
