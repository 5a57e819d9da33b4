"""Arrays on disk: the bytes of safetensors, also where no array is ever whole in memory."""

import itertools

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from repertoire.data import tensors
from repertoire.data.tensors import NAMES, RowBlocks, read_tensors, write_tensors


def every_type(rows=7):
    rng = np.random.default_rng(0)
    return {f"{name}é": rng.integers(0, 2, (rows, 3)).astype(name) for name in reversed(NAMES)}


def test_files_are_byte_for_byte_those_of_safetensors(tmp_path):
    arrays = {**every_type(), "none": np.zeros((0, 5), np.int64), "one": np.float32(3).reshape(())}
    arrays["turned"] = np.arange(35).reshape(5, 7).T
    write_tensors(tmp_path / "x", arrays)
    wanted = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    assert (tmp_path / "x").read_bytes() == wanted
    for one, other in itertools.combinations(NAMES, 2):
        pair = {"a": np.zeros(3, one), "b": np.zeros(5, other)}
        write_tensors(tmp_path / "y", pair)
        assert (tmp_path / "y").read_bytes() == save(pair), (one, other)


def test_row_blocks_are_written_one_after_the_other(tmp_path):
    whole = np.random.default_rng(0).integers(0, 256, (23, 5, 3), dtype=np.uint8)
    blocks = RowBlocks(whole.shape, np.uint8, lambda: iter(np.split(whole, [7, 18])))
    write_tensors(tmp_path / "x", {"labels": np.arange(23), "images": blocks})
    assert np.array_equal(load_file(tmp_path / "x")["images"], whole)
    assert np.array_equal(np.asarray(blocks), whole) and len(blocks) == 23


def test_blocks_that_hold_other_rows_than_stated_are_refused(tmp_path):
    blocks = RowBlocks((5, 3), np.uint8, lambda: iter([np.zeros((2, 3))]))
    with pytest.raises(ValueError, match="images: the blocks hold 2 rows, not 5"):
        write_tensors(tmp_path / "x", {"images": blocks})


def test_large_arrays_are_mapped_and_may_be_changed_in_memory_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "MAPPED", 100)
    arrays = {**every_type(), "large": np.arange(211, dtype=np.uint8)}
    write_tensors(tmp_path / "x", arrays)
    before = (tmp_path / "x").read_bytes()
    found = read_tensors(tmp_path / "x")
    assert {n: v.tolist() for n, v in found.items()} == {n: v.tolist() for n, v in arrays.items()}
    assert isinstance(found["large"].base, np.memmap)
    found["large"][:] = 0
    assert (tmp_path / "x").read_bytes() == before
