"""Casts to the types of ports: nothing is lost, or the value is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.signature import Port
from serving.protocol.datatypes import fitted, from_bytes, from_json

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


def cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    return fitted({"x": array}, [Port("x", dtype, ("batch",))])["x"]


@pytest.mark.parametrize("sent", [*INTEGERS, "float16", "float32", "float64"])
@pytest.mark.parametrize("wanted", ["int64", "float32", "uint8"])
def test_numbers_that_both_types_hold_come_through_whole(sent: str, wanted: str) -> None:
    values = np.array([0, 1, 7, 127], sent)
    found = cast(values, wanted)
    assert found.dtype == wanted and found.tolist() == [0, 1, 7, 127]


@pytest.mark.parametrize(
    ("sent", "wanted", "values", "named"),
    [
        ("float64", "float32", [0.5, 0.1], "0.1"),
        ("float64", "float32", [1e300], "1e.300"),
        ("float64", "float32", [1e-320], "1e-320"),
        ("int64", "float32", [2**24, 2**24 + 1], "16777217"),
        ("int64", "float32", [2**63 - 1], "9223372036854775807"),
        ("uint64", "float32", [2**64 - 1], "18446744073709551615"),
        ("float64", "int64", [3.0, 3.5], "3.5"),
        ("float64", "int64", [2.0**63], "9.223372036854776e.18"),
        ("float64", "int64", [float("nan")], "nan"),
        ("float32", "int64", [float("inf")], "inf"),
        ("uint64", "int64", [2**63], "9223372036854775808"),
        ("int32", "uint8", [255, 256], "256"),
        ("int8", "uint8", [-1], "-1"),
        ("float16", "uint8", [0.5], "0.5"),
    ],
)
def test_the_first_value_that_the_port_cannot_hold_is_named(
    sent: str, wanted: str, values: list[float], named: str
) -> None:
    with pytest.raises(InvalidInput, match=f"input x holds {named}, which .* cannot hold"):
        cast(np.array(values, sent), wanted)


def test_floats_beyond_what_is_exact_in_a_row_come_through_if_they_are_exact_themselves() -> None:
    assert cast(np.array([2**30, -(2**62)]), "float32").tolist() == [2**30, -(2**62)]
    assert cast(np.array([2.0**62]), "int64").tolist() == [2**62]


def test_what_is_not_a_number_stays_so_in_another_floating_point_type() -> None:
    found = cast(np.array([np.nan, np.inf, -np.inf]), "float32")
    assert np.array_equal(found, np.array([np.nan, np.inf, -np.inf], np.float32), equal_nan=True)


def test_truth_values_are_no_numbers() -> None:
    with pytest.raises(InvalidInput, match="input x is BOOL; send it as INT64"):
        cast(np.array([True]), "int64")


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    values = np.array([[1.5, -2, 0.0078125]], np.float32)
    upper = values.view(np.uint16)[:, 1::2]
    found = from_bytes("x", "BF16", (1, 3), memoryview(upper.tobytes()))
    assert found.dtype == np.float32 and np.array_equal(found, values)
    with pytest.raises(Malformed, match="BF16 comes in binary alone"):
        from_json("x", "BF16", (1,), [1.5])


@pytest.mark.parametrize(
    ("datatype", "data", "named"),
    [
        ("INT64", [1, 3.5], "3.5"),
        ("INT64", [1, 2**63], "9.?22337203685477"),
        ("INT8", [127, 128], "128"),
        ("UINT8", [-1], "-1"),
        ("FP16", [65504, 65520], "65520"),
    ],
)
def test_json_numbers_that_are_not_of_the_declared_type_are_named(
    datatype: str, data: list[float], named: str
) -> None:
    with pytest.raises(Malformed, match=f"input x holds {named}.*, which is no {datatype}"):
        from_json("x", datatype, (len(data),), data)


def test_json_numbers_are_the_nearest_of_the_declared_floating_point_type() -> None:
    assert from_json("x", "FP32", (1,), [0.1])[0] == np.float32(0.1)
    assert from_json("x", "FP16", (1,), [0.1])[0] == np.float16(0.1)
    assert from_json("x", "INT64", (2,), [1.0, 2.0]).tolist() == [1, 2]
    assert from_json("x", "BOOL", (2,), [True, False]).tolist() == [True, False]
