"""Numbers as a reader expects them."""

import pytest

from pipelines.report.words import size, small, uncertain


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (108.123, 0.4567, "108.1 ± 0.46"),
        (3.0, None, "3.000"),
        (99.95, 0.05, "99.95 ± 0.050"),
        (100.0, 0.0, "100.0 ± 0"),
        (0.00377, 0.0000123, "0.003770 ± 0.000012"),
        (1234.5, 21.4, "1,234 ± 21"),
    ],
)
def test_a_value_stands_with_two_digits_of_its_standard_error(value, error, words):
    assert uncertain(value, error) == words


def test_sizes_are_megabytes_from_a_million_bytes_on():
    assert [size(n) for n in (999_000, 1e6, 1.25e6)] == ["999 kB", "1.0 MB", "1.2 MB"]
    assert [small(v) for v in (0, 2.5e-7, 3e4)] == ["0", "2.5 × 10⁻⁷", "3.0 × 10⁴"]
