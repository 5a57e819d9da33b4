"""Sketches out of pickled archives: what is read, what is refused, and what is drawn."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from repertoire.config import RepertoireError
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import common, validate, with_identity
from repertoire.families.handwriting.config import texts
from repertoire.families.handwriting.drawing import sketch
from repertoire.readers import sketches
from repertoire.readers.helpers.pickles import ragged_arrays
from repertoire.readers.sketches import Config
from tests.families import small

CONFIG = Config(longest=29, farthest=400, seed=3)


def drawings(count, seed):
    rng = np.random.default_rng(seed)
    found = []
    for length in rng.integers(5, 30, count):
        points = rng.integers(-300, 300, (length, 3)).astype(np.int16)
        points[:, 2] = rng.random(length) < 0.3
        points[-1, 2] = 1
        found.append(points)
    return found


def header(count, kind="|O"):
    file = io.BytesIO()
    content = {"descr": kind, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, content)
    return file.getvalue()


def archive(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def rows_of(arrays):
    rows = np.empty(len(arrays), object)
    rows[:] = arrays
    return rows


def official(path, **splits):
    """As numpy writes object arrays: a header and a pickle."""
    np.savez_compressed(path, **{name: rows_of(arrays) for name, arrays in splits.items()})
    return path


def test_rows_come_out_as_numpy_wrote_them(tmp_path):
    rows = [*drawings(7, 0), np.arange(6, dtype=">f4").reshape(3, 2), np.asfortranarray([[1, 2]])]
    path = official(tmp_path / "a.npz", train=rows, test=rows[:1])
    found = dict(ragged_arrays(path))
    assert set(found) == {"train", "test"} and len(found["test"]) == 1
    for one, other in zip(found["train"], rows, strict=True):
        assert np.array_equal(one, other) and one.dtype == other.dtype


def test_a_pickle_of_python_2_is_read(tmp_path):
    # What numpy of Python 2 wrote for one row [[7, -1]] of int16: strings are bytes there.
    inner = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01(K\x01K\x02tcnumpy\ndtype\n(U\x02i2K\x00K\x01tR"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x04\x07\x00\xff\xfftb"
    )
    outer = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01(K\x01tcnumpy\ndtype\n(U\x02O8K\x00K\x01tR"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](" + inner + b"etb."
    )
    path = archive(tmp_path / "a.npz", {"train": header(1) + outer})
    [(name, [row])] = ragged_arrays(path)
    assert name == "train" and row.tolist() == [[7, -1]] and row.dtype == np.int16


class Runs:
    """Pickles as a call of a function."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize(
    "call",
    [(exec, "raise SystemExit"), (__import__, "os"), (io.open, "x", "w"), (np.load, "x"), (list,)],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_calls_anything_is_refused_and_not_run(call, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = header(1) + pickle.dumps(Runs(*call), protocol)
    path = archive(tmp_path / "a.npz", {"train": content})
    with pytest.raises(SourceError, match=r"train.npy is not a pickle of arrays alone .*it names"):
        dict(ragged_arrays(path))
    assert not (tmp_path / "x").exists()


def test_a_call_hidden_in_a_row_is_refused(tmp_path):
    path = official(tmp_path / "a.npz", train=[*drawings(3, 1), Runs(eval, "1")])
    with pytest.raises(SourceError, match=r"it names builtins.eval"):
        dict(ragged_arrays(path))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (header(1) + pickle.dumps(["a row"]), "no list of 1 arrays"),
        (header(2) + pickle.dumps(rows_of(drawings(3, 1))), "no list of 2 arrays"),
        (header(1) + pickle.dumps(rows_of(["text"])), "no attribute 'value'"),
        (header(1) + pickle.dumps(rows_of([rows_of(drawings(2, 1))])), "no arrays of numbers"),
        (header(1) + pickle.dumps(rows_of([np.array(["ab"])])), "numbers of the type U2"),
        (header(3, "<i8") + bytes(24), "not one row an array"),
        (b"no header", "magic"),
    ],
)
def test_whatever_is_no_list_of_arrays_is_refused(content, why, tmp_path):
    path = archive(tmp_path / "a.npz", {"train": content})
    with pytest.raises(SourceError, match=f"not a pickle of arrays alone.*{why}"):
        dict(ragged_arrays(path))


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_truncated_pickle_is_refused(kept, tmp_path):
    content = header(5) + pickle.dumps(rows_of(drawings(5, 1)))
    path = archive(tmp_path / "a.npz", {"train": content[: int(kept * len(content))]})
    with pytest.raises(SourceError, match=r"truncated|not a pickle of arrays alone"):
        dict(ragged_arrays(path))


def read(tmp_path, **splits):
    splits = {"train": drawings(31, 0), "valid": drawings(5, 1), "test": drawings(7, 2), **splits}
    files = Files({"sketches": official(tmp_path / "s.npz", **splits)})
    return splits, with_identity(sketches.tabulate(CONFIG, files))


def test_sketches_are_the_offsets_of_the_file_within_half_a_step(tmp_path):
    splits, table = read(tmp_path)
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    validate("sketches", table, [*common(columns), *sketches.expectations(CONFIG)])
    encoded = sketches.encode(CONFIG, table)
    scale = np.concatenate(splits["train"])[:, :2].astype(float).std()
    assert encoded.facts["scale"] == pytest.approx(scale)
    for split, rows in splits.items():
        arrays = encoded.arrays[split]
        assert arrays["lengths"].tolist() == [len(row) for row in rows]
        for row, points in zip(rows, arrays["points"], strict=True):
            gap = points[: len(row), :2] * scale - row[:, :2]
            assert 0.2 < np.abs(gap).max() <= 0.5 + 1e-4
            assert np.array_equal(points[: len(row), 2], row[:, 2])
            assert not points[len(row) :].any()


@pytest.mark.parametrize(
    ("row", "meaning"),
    [
        ([[1, 2, 0], [3, 4, 0]], "the last point lifts the pen"),
        ([[1, 2, 2], [3, 4, 1]], "the pen is down"),
        ([[1, 500, 0], [3, 4, 1]], "a movement is at most 400 steps"),
        ([[1, 2, 1]], "a sketch has 2 to 29 points"),
        (drawings(31, 0)[4].tolist(), "no row occurs in two splits"),
    ],
)
def test_a_table_with_a_wrong_sketch_is_refused(row, meaning, tmp_path):
    wrong = np.array(row, np.int16)
    _, table = read(tmp_path, test=[*drawings(3, 2), wrong])
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    with pytest.raises(RepertoireError, match=meaning):
        validate("sketches", table, [*common(columns), *sketches.expectations(CONFIG)])


def test_a_sketch_without_its_three_numbers_is_refused(tmp_path):
    with pytest.raises(SourceError, match="not three numbers a point"):
        read(tmp_path, test=[np.zeros((5, 2), np.int16)])
    with pytest.raises(SourceError, match="no array 'valid'"):
        files = Files({"sketches": official(tmp_path / "s.npz", train=drawings(3, 0))})
        sketches.tabulate(CONFIG, files)


def test_a_net_that_reads_is_refused_where_there_is_no_text(project):
    family, config, data, _ = small("strokes_written", project.folder)
    with pytest.raises(RepertoireError, match="conditional: these strokes write no text"):
        family.build(config, {**data.facts, "vocabulary": 0})
    assert texts({"lengths": np.ones(3)}).tolist() == [[0], [0], [0]]


def test_a_drawn_sketch_fills_its_page_wherever_and_however_large_it_is():
    points = np.array([[900, 70, 0], [40, 0, 0], [0, 10, 0], [-40, 0, 0], [0, -10, 1]], float)
    for scale in (0.1, 1, 30):
        ink = sketch(points * (scale, scale, 1))
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        assert abs(columns[0] - 6) <= 1 and abs(columns[-1] - 121) <= 1
        assert abs(rows[0] + rows[-1] - 87) <= 1 and rows[-1] - rows[0] == pytest.approx(29, abs=2)
    assert not sketch(np.array([[1, 1, 1]], float)).any()
