"""Drawings of QuickDraw and of sketch-rnn: what is read, what is refused, and what is drawn."""

import gzip
import itertools
import json

import numpy as np
import pytest

from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import ValidationError, common, validate, with_identity
from repertoire.families.handwriting.presets import preset
from repertoire.kinds.strokes import baselines
from repertoire.readers import stroke_files
from repertoire.readers.helpers.strokes.drawing_facts import chosen_longest, chosen_step
from repertoire.readers.helpers.strokes.drawing_files import Row, drawing_of
from repertoire.readers.helpers.strokes.pen_paths import kept_points, movements, simplified, stepped
from tests.own.journey import add, repro, served


def square(seed, side=None):
    """Strokes of a box and a line through it, in QuickDraw's layout."""
    rng = np.random.default_rng(seed)
    x, y = (int(n) for n in rng.integers(0, 90, 2))
    side = side or int(rng.integers(40, 150))
    box = [[x, x + side, x + side, x, x], [y, y, y + side, y + side, y]]
    return [box, [[x + 3, x + side], [y + 3 + seed % 7, y + side]]]


def line_of(drawing, word="box", recognized=True, **more):
    return json.dumps({"word": word, "recognized": recognized, "drawing": drawing, **more})


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def squares(count, seed=0, **more):
    return [line_of(square(seed + n), **more) for n in range(count)]


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def proposed(raw, **options):
    return stroke_files.propose(raw, {key.replace("_", "-"): v for key, v in options.items()})


def tabulated(raw, proposal, **changes):
    config = parse(stroke_files.Config, {**proposal.config, **changes}, "test")
    return config, stroke_files.tabulate(config, Files({"raw": raw}))


def validated(config, table):
    table = with_identity(table)
    columns = [c for c in table if c not in ("row", "split", "key", "splits_of_key")]
    validate("strokes", table, [*common(columns), *stroke_files.expectations(config)])


def told(proposal, of):
    return " ".join(fact.sentence for fact in proposal.facts if fact.of == of)


def drawn(drawing):
    """What is read of one line."""
    content = line_of(drawing).encode()
    return drawing_of(stroke_files.Path("box.ndjson"), Row(1, content, 1.0))


def test_a_file_of_quickdraw_becomes_a_served_draughtsman_in_two_commands(tmp_path):
    path = write(tmp_path / "box.ndjson", squares(61))
    said = add(tmp_path, "boxes", path, "--family", "handwriting", "--minutes", "0.01")
    assert said.returncode == 0, said.stderr
    assert "box; the game recognised 100 %" in said.stdout
    artifacts = repro(tmp_path, "boxes")
    with served(artifacts.parent) as client:
        url = "/v1/models/boxes/write"
        answer = client.post(url, json={"seed": 3}).json()
        assert answer["points"] == 7 and answer["finish"] == "length"
        assert client.post(url, json={"seed": 3, "points": 11}).json()["points"] == 11
        refused = client.post(url, json={"text": "box"})
    assert refused.status_code == 422
    assert "writes freely and reads none; leave it out" in refused.json()["error"]


def test_strokes_become_movements_whose_last_points_lift_the_pen():
    drawing = drawn([[[10, 40, 40], [5, 5, 25]], [[0], [255]]])
    assert drawing.offsets.tolist() == [[10, 5, 0], [30, 0, 0], [0, 20, 1], [-40, 230, 1]]
    assert not drawing.simplified and drawing.word == "box" and drawing.recognized


def test_raw_strokes_with_times_are_scaled_and_thinned():
    xs = np.linspace(100.5, 610.5, 103)
    ramp = [xs.tolist(), np.full(103, 77.25).tolist(), list(range(103))]
    bend = [[100.5, 100.5, 355.5], [77.25, 587.25, 587.25], [0, 1, 2]]
    drawing = drawn([ramp, bend])
    # The longer sides are 510 wide and high: halved to 255.
    assert drawing.simplified
    assert drawing.offsets.tolist() == [
        [0, 0, 0], [255, 0, 1], [-255, 0, 0], [0, 255, 0], [128, 0, 1],
    ]  # fmt: skip


def test_thinning_keeps_every_corner_and_strays_no_farther_than_its_tolerance():
    rng = np.random.default_rng(5)
    line = rng.normal(0, 3, (211, 2)).cumsum(0)
    kept = kept_points(line, 2.0)
    assert 2 < len(kept) < 211 and kept[0] == 0 and kept[-1] == 210
    for first, last in itertools.pairwise(kept):
        way = np.linspace(line[first], line[last], 1001)
        for point in line[first : last + 1]:
            assert np.hypot(*(way - point).T).min() <= 2.0 + 0.05
    corner = np.array([[0, 0], [10, 0], [20, 0], [20, 9]], float)
    assert kept_points(corner, 2.0).tolist() == [0, 2, 3]
    loop = np.array([[0, 0], [9, 0], [9, 9], [0, 0]], float)
    assert kept_points(loop, 2.0).tolist() == [0, 1, 2, 3]


def test_a_single_dot_is_a_drawing():
    assert drawn([[[7], [9]]]).offsets.tolist() == [[7, 9, 1]]
    [dot] = simplified([np.array([[3.7, 4.1]])])
    assert dot.tolist() == [[0, 0]] and movements([dot]).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no JSON object"),
        ("[1, 2]", "no object with a drawing"),
        ('{"word": "box"}', "no object with a drawing"),
        ('{"drawing": "none"}', "no list of strokes"),
        ('{"drawing": []}', "no stroke"),
        ('{"drawing": [[[], []]]}', "no stroke"),
        ('{"drawing": [[[1, 2], [3]]]}', "stroke 1 is no list of equally many x and y"),
        ('{"drawing": [[[1], [2]], [["a"], [2]]]}', "stroke 2 is no list"),
        ('{"drawing": [[[1, NaN], [3, 4]]]}', "stroke 1 holds a place that is no number"),
        ('{"drawing": [[[1, null], [3, 4]]]}', "no number"),
        ('{"drawing": [[[1, 1e999], [3, 4]]]}', "no number"),
        ('{"drawing": [[[1, 1e300], [3, 4]]]}', "farther than any screen"),
        ('{"drawing": [[1, 2, 3]]}', "stroke 1 is no list"),
    ],
)
def test_a_row_that_is_no_drawing_is_named_with_its_line_and_left_out_if_asked(raw, line, why):
    write(raw / "box.ndjson", [*squares(31), line])
    with pytest.raises(SourceError, match=rf"box\.ndjson: row 32: .*{why}") as caught:
        proposed(raw)
    assert "\n" not in str(caught.value) and "--on-bad-row drop" in str(caught.value)
    proposal = proposed(raw, on_bad_row="drop")
    _, table = tabulated(raw, proposal)
    assert len(table) == 31 and table.attrs["dropped"][0]["row"] == 32
    with pytest.raises(SourceError, match="row 32"):
        tabulated(raw, proposal, bad_rows={"on_bad_row": "fail", "largest_share": 0.1})


def test_marks_returns_blank_lines_gzip_and_hidden_files_are_read_over(raw):
    lines = squares(31, word="bo\u2028x")
    plain = b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode()
    with gzip.open(raw / "box.ndjson.gz", "wb") as file:
        file.write(plain)
    (raw / "._box.ndjson").write_bytes(b"\x00")
    (raw / ".DS_Store").write_bytes(b"\x00")
    proposal = proposed(raw)
    assert proposal.rows == 31
    _, table = tabulated(raw, proposal)
    assert len(table) == 31 and set(table["word"]) == {"bo\u2028x"}
    (raw / "box.ndjson.gz").write_bytes(gzip.compress(plain)[:-40])
    with pytest.raises(SourceError, match=r"box\.ndjson\.gz: damaged or truncated"):
        proposed(raw)


def test_words_and_recognition_choose_drawings(raw):
    write(raw / "a.ndjson", [*squares(31, word="cat"), *squares(7, 100, recognized=False)])
    write(raw / "b.ndjson", squares(13, 200, word="dog"))
    proposal = proposed(raw)
    assert "cat, dog, box: 3 words; the net is not told which (--word cat" in told(
        proposal, "words"
    )
    assert len(tabulated(raw, proposal)[1]) == 51
    _, cats = tabulated(raw, proposed(raw, word="cat, box", recognized="only"))
    assert len(cats) == 31 and set(cats["word"]) == {"cat"}
    with pytest.raises(ConfigError, match="no drawing of cow; there are: box, cat, dog"):
        proposed(raw, word="cow")


def test_a_limit_takes_a_seeded_sample_of_what_is_wanted(raw):
    write(raw / "a.ndjson", [*squares(61, word="cat"), *squares(31, 100)])
    proposal = proposed(raw, word="cat", limit="29")
    assert proposal.rows == 29 and "29 of about 61 drawings" in told(proposal, "limit")
    _, one = tabulated(raw, proposal)
    _, two = tabulated(raw, proposal)
    _, other = tabulated(raw, proposal, seed=2)
    assert len(one) == 29 and set(one["word"]) == {"cat"}
    assert one["drawing"].tolist() == two["drawing"].tolist() != other["drawing"].tolist()
    _, plain = tabulated(raw, proposed(raw, limit="17"))
    assert len(plain) == 17


def test_many_drawings_are_limited_by_default_and_all_are_taken_if_asked(raw, monkeypatch):
    monkeypatch.setattr(stroke_files, "USUAL_LIMIT", 41)
    write(raw / "a.ndjson", squares(61))
    assert proposed(raw).config["limit"] == 41 and proposed(raw, limit="0").config["limit"] == 0


def test_longer_drawings_are_left_out(raw):
    long = [[list(range(50)), [n % 9 for n in range(50)]]]
    write(raw / "a.ndjson", [*squares(61), line_of(long)])
    proposal = proposed(raw, longest="7")
    assert "longer ones (1.6 %)" in told(proposal, "length")
    _, table = tabulated(raw, proposal)
    assert len(table) == 61 and table["points"].max() == 7
    with pytest.raises(SourceError, match="none of 62 drawings has at most 3 points"):
        proposed(raw, longest="3")


def test_lengths_are_those_of_nearly_all_drawings():
    assert chosen_longest([30] * 99 + [2000]) == 250
    assert chosen_longest([7] * 995 + [90] * 5) == 7
    assert chosen_longest([*range(1, 101), *[700] * 20]) == 700
    assert chosen_longest([700] * 50 + [800] * 49 + [9000]) == 800


def offsets(count, seed, dtype=np.int16):
    rng = np.random.default_rng(seed)
    rows = []
    for length in rng.integers(5, 30, count):
        points = rng.integers(-90, 90, (length, 3))
        points[:, 2] = rng.random(length) < 0.3
        points[-1, 2] = 1
        rows.append(points.astype(dtype))
    return rows


def ragged(rows):
    found = np.empty(len(rows), object)
    found[:] = rows
    return found


def archive(path, **splits):
    np.savez_compressed(path, **{name: ragged(rows) for name, rows in splits.items()})
    return path


def test_archives_of_sketch_rnn_keep_their_splits_and_movements(raw):
    splits = {"train": offsets(31, 0), "valid": offsets(3, 1), "test": offsets(5, 2)}
    archive(raw / "sheep.npz", **splits)
    proposal = proposed(raw)
    assert proposal.rows == 39 and proposal.config["step"] == 1
    config, table = tabulated(raw, proposal)
    validated(config, table)
    assert table["split"].value_counts().to_dict() == {"train": 31, "test": 5, "valid": 3}
    found = {row.tobytes() for row in table.loc[table["split"] == "test", "offsets"]}
    assert found == {row.astype(np.int32).tobytes() for row in splits["test"]}
    assert set(table["word"]) == {"sheep"}


def test_arrays_of_one_length_need_no_pickle_and_other_arrays_are_refused(raw):
    rows = np.stack([np.resize(row, (7, 3)) for row in offsets(31, 0)])
    rows[:, :, 2] = [0, 0, 1, 0, 0, 0, 0]
    np.savez(raw / "a.npz", rows)
    _, table = tabulated(raw, proposed(raw))
    assert len(table) == 31 and (table["last_pen"] == 1).all()
    np.savez(raw / "a.npz", rows[0])
    with pytest.raises(SourceError, match=r"a\.npz: arr_0 has the shape \(7, 3\)"):
        proposed(raw)
    np.savez(raw / "a.npz", mean=rows, other=rows)
    with pytest.raises(SourceError, match="no array is called train; there are: mean, other"):
        proposed(raw)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (np.zeros((5, 2), np.int16), r"shape is \(5, 2\)"),
        (np.zeros((0, 3), np.int16), "no point"),
        (np.array([[1, 2, 3]], np.int16), "pen is neither 0 nor 1"),
        (np.array([[np.nan, 2, 1]], np.float32), "no number"),
        (np.array([[1e30, 2, 1]], np.float32), "farther than any screen"),
    ],
)
def test_a_row_of_an_archive_that_is_no_drawing_is_named(raw, row, why):
    archive(raw / "a.npz", train=[*offsets(31, 0), row], test=offsets(3, 2))
    with pytest.raises(SourceError, match=rf"a\.npz:train: row 32: .*{why}"):
        proposed(raw)


def test_a_pickle_that_runs_code_and_a_torn_archive_are_refused(raw, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "run"), "w"))

    np.savez(raw / "a.npz", train=ragged([Evil()]))
    with pytest.raises(SourceError, match="not a pickle of arrays alone"):
        proposed(raw)
    assert not (tmp_path / "run").exists()
    archive(raw / "a.npz", train=offsets(31, 0))
    content = (raw / "a.npz").read_bytes()
    (raw / "a.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"a\.npz: no archive of arrays, or a truncated one"):
        proposed(raw)


def test_movements_that_are_no_whole_numbers_are_rounded_without_drift(raw):
    rows = [row.astype(np.float32) / (37, 37, 1) for row in offsets(61, 0)]
    archive(raw / "a.npz", train=rows)
    proposal = proposed(raw)
    step = proposal.config["step"]
    assert step == chosen_step(rows) and 0.01 < step < 0.03
    moved = stepped(rows[0], step)
    gap = moved[:, :2].cumsum(0) * step - rows[0][:, :2].cumsum(0)
    assert np.abs(gap).max() <= step / 2 + 1e-4 and np.array_equal(moved[:, 2], rows[0][:, 2])


def test_files_called_by_splits_decide_and_what_test_holds_is_no_training(raw):
    write(raw / "train.ndjson", squares(31))
    write(raw / "test.ndjson", [*squares(3, 100), line_of(square(4))])
    _, table = tabulated(raw, proposed(raw))
    counts = table["split"].value_counts().to_dict()
    assert counts == {"train": 28, "test": 4, "valid": 2}
    assert "train.ndjson 5" not in set(table["drawing"])


def test_equal_drawings_are_in_one_split(raw):
    write(raw / "a.ndjson", [line_of(square(n % 23)) for n in range(61)])
    proposal = proposed(raw)
    assert "38 drawings are there twice" in told(proposal, "split")
    config, table = tabulated(raw, proposal)
    validated(config, table)
    assert (table.groupby("key")["split"].nunique() == 1).all()


def test_too_few_drawings_are_told(raw):
    write(raw / "a.ndjson", squares(3))
    with pytest.raises(SourceError, match="only 3 different rows: too few"):
        proposed(raw)
    (raw / "a.ndjson").write_bytes(b"")
    with pytest.raises(SourceError, match="holds no drawing that can be read"):
        proposed(raw)
    (raw / "a.ndjson").rename(raw / "a.txt")
    with pytest.raises(SourceError, match="holds no drawings"):
        proposed(raw)


def test_large_files_are_sampled_and_their_rows_estimated(raw, monkeypatch):
    monkeypatch.setattr(stroke_files, "SAMPLE_ROWS", 200)
    write(raw / "a.ndjson", squares(20_011))
    proposal = proposed(raw, limit="0")
    assert "first 200 rows" in told(proposal, "sample")
    assert proposal.rows == pytest.approx(20_011, rel=0.1)


@pytest.mark.parametrize(
    ("column", "value", "meaning"),
    [
        ("points", 0, "a drawing has 1 to 7 points"),
        ("last_pen", 0, "the last point lifts the pen"),
        ("strokes", 0, "a drawing has a stroke"),
    ],
)
def test_a_table_with_a_wrong_drawing_is_refused(raw, column, value, meaning):
    write(raw / "a.ndjson", squares(31))
    config, table = tabulated(raw, proposed(raw))
    table.loc[3, column] = value
    with pytest.raises(ValidationError, match=meaning):
        validated(config, table)


def test_offsets_are_moved_within_their_step_and_the_facts_tell_the_usual_length(raw):
    write(raw / "a.ndjson", squares(61))
    config, table = tabulated(raw, proposed(raw))
    encoded = stroke_files.encode(config, table)
    assert encoded.facts["usual_points"] == 7 and encoded.facts["drawn"] == {"box": 61}
    arrays, scale = encoded.arrays["test"], encoded.facts["scale"]
    rows = table.loc[table["split"] == "test", "offsets"]
    for row, points in zip(rows, arrays["points"], strict=True):
        gap = points[: len(row), :2] * scale - row[:, :2]
        assert 0 < np.abs(gap).max() <= 0.5 + 1e-4
        assert np.array_equal(points[: len(row), 2], row[:, 2])


class Dots:
    """Drawings of so many points, each of which lifts the pen."""

    def __init__(self, rows, length):
        rng = np.random.default_rng(1)
        points = np.ones((rows, length, 3), np.float32)
        points[:, :, :2] = rng.normal(0, 1, (rows, length, 2))
        self.content = {"points": points, "lengths": np.full(rows, length, np.int32)}

    def arrays(self, split):
        return self.content


@pytest.mark.parametrize("rows,length", [(11, 1), (5, 7), (31, 5)])
def test_baselines_take_few_drawings_and_pens_that_always_lift(rows, length):
    config = parse(
        baselines.Config, {"rows": 1000, "components": 16, "iterations": 5, "seed": 1}, "test"
    )
    found = baselines.baselines(config, Dots(rows, length))
    assert all(np.isfinite(value) for value in found.values())
    # A point that lifts the pen with certainty costs no more than what was not seen.
    assert found["gaussian_nats_per_point"] < 2.9 + 0.2


def test_a_gaussian_of_points_on_one_line_is_finite():
    line = np.column_stack((np.arange(7.0), np.zeros(7)))
    assert np.isfinite(baselines.gaussian_nats(line, line)).all()


@pytest.mark.parametrize("rows", [10, 1000, 50_000])
@pytest.mark.parametrize("vocabulary", [0, 29])
def test_presets_are_whole_and_grow_with_the_drawings(rows, vocabulary):
    found = preset({"vocabulary": vocabulary, "usual_points": 31}, rows)
    config = parse(load_family("handwriting").Config, found.config, "preset")
    assert config.units == {10: 64, 1000: 96, 50_000: 128}[rows] and config.draw_points == 31
    assert config.conditional == (vocabulary > 0) == (config.windows > 0)


def test_utf_16_is_told(raw):
    (raw / "a.ndjson").write_text("\n".join(squares(31)), encoding="utf-16")
    with pytest.raises(SourceError, match=r"a\.ndjson: row 1: no JSON object in UTF-8"):
        proposed(raw)
