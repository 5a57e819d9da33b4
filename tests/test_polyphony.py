"""What is particular to music: scores, rolls, likelihoods of whole frames."""

import itertools
import zipfile
from dataclasses import replace
from fractions import Fraction
from io import BytesIO

import numpy as np
import pytest
import torch
from scipy.io import savemat

from repertoire.data.sources import SourceError
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import verify_graph
from repertoire.families.polyphony.evaluation import compose, piece_outputs
from repertoire.kinds.piano_rolls.baselines import (
    BernoulliNotes,
    ChordBigram,
    chosen,
    joined,
    keys,
    pieces,
)
from repertoire.kinds.piano_rolls.metrics import frame_measurement
from repertoire.kinds.piano_rolls.transposition import room, transposed
from repertoire.metrics.uncertainty import values
from repertoire.readers import piano_rolls
from repertoire.readers.chorales import families, passages_of, sampled
from repertoire.readers.helpers.music.musicxml import Note, ScoreError, read_mxl, read_score
from repertoire.training.torch_run import TorchRun
from tests.families import small
from tests.small.chorales import mxl

C, E, G = (f"<pitch><step>{s}</step><octave>4</octave></pitch>" for s in "CEG")
F_SHARP = "<pitch><step>F</step><alter>1</alter><octave>3</octave></pitch>"
# In 4 divisions a quarter: c tied over the bar, with e as a chord; a second voice after a backup
# that rests and then sings f sharp; in the second bar divisions change to 2.
SCORE = f"""<!DOCTYPE score-partwise>
<score-partwise><part id="P1">
 <measure>
  <attributes><divisions>4</divisions></attributes>
  <note><grace/>{G}</note>
  <note>{C}<duration>8</duration><tie type="start"/></note>
  <note><chord/>{E}<duration>8</duration></note>
  <backup><duration>8</duration></backup>
  <note><rest/><duration>2</duration></note>
  <note>{F_SHARP}<duration>2</duration></note>
 </measure>
 <measure>
  <attributes><divisions>2</divisions></attributes>
  <note>{C}<duration>2</duration><tie type="stop"/></note>
  <forward><duration>1</duration></forward>
  <note>{C}<duration>1</duration></note>
  <note><rest/><duration>2</duration></note>
 </measure>
</part></score-partwise>"""


def quarters(*values):
    return tuple(Fraction(v).limit_denominator(8) for v in values)


def test_ties_rests_chords_backups_and_changing_divisions_are_read():
    [part] = read_score(SCORE.encode())
    expected = {
        (*quarters(0, 3), 60),  # 2 quarters and, across the bar, 1 more
        (*quarters(0, 2), 64),
        (*quarters(0.5, 0.5), 54),
        (*quarters(3.5, 0.5), 60),  # after the forward, and not tied
    }
    assert {(n.start, n.length, n.pitch) for n in part.notes} == expected
    assert part.end == 5


def test_a_score_is_sampled_at_instants():
    parts = read_mxl(mxl(SCORE))
    assert sampled(parts, 1) == [(60, 64), (60, 64), (60,), (), ()]
    halves = [(60, 64), (54, 60, 64), (60, 64), (60, 64), (60,), (60,), (), (60,), (), ()]
    assert sampled(parts, 2) == halves


def test_a_tie_joins_only_what_touches():
    text = SCORE.replace("<backup>", "<backup><!-- -->").replace(
        '<duration>2</duration><tie type="stop"/>', "<duration>2</duration>"
    )
    [part] = read_score(text.encode())
    assert [n for n in part.notes if n.pitch == 60 and n.start == 2] == [
        Note(Fraction(2), Fraction(1), 60)
    ]


def bomb() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", b" " * (33 << 20))
    return file.getvalue()


ENTITY = '<!DOCTYPE score-partwise [<!ENTITY a "aaaa">]><score-partwise>&a;</score-partwise>'


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (mxl(ENTITY), "declares the entity a"),
        (mxl(SCORE.replace("</part>", "")), "no well-formed XML"),
        (mxl(SCORE.replace("score-partwise", "score-timewise")), "only score-partwise"),
        (mxl(SCORE.replace("<divisions>4", "<divisions>0")), "cannot be read"),
        (mxl(SCORE.replace("<duration>8", "<duration>x")), "cannot be read"),
        (mxl(SCORE.replace("<duration>8", "<duration>99999999")), "duration of 99999999/4"),
        (mxl(SCORE.replace("<duration>8</duration></backup>", "<duration>9</duration></backup>")),
         "leaves its measure"),
        (mxl(SCORE.replace("<alter>1<", "<alter>0.5<")), "quarter tones"),
        (mxl(SCORE.replace("<step>C", "<step>H")), "cannot be read"),
        (b"no archive", "no archive"),
        (bomb(), "is longer than"),
    ],
)  # fmt: skip
def test_a_damaged_or_hostile_score_is_refused_in_one_line(content, line):
    with pytest.raises(ScoreError, match=line) as caught:
        read_mxl(content)
    assert "\n" not in str(caught.value)


def write_rolls(path, **pieces):
    """The official layout: a row of matrices (time, notes) a split."""
    content = {}
    for split, rolls in pieces.items():
        row = np.empty((1, len(rolls)), object)
        for place, roll in enumerate(rolls):
            row[0, place] = roll
        content[f"{split}data"] = row
    savemat(path, content)


def official_rolls():
    rng = np.random.default_rng(3)
    rolls = (rng.random((5, 11, 4)) < 0.5).astype(np.uint8)
    return {"train": list(rolls[:3]), "valid": [rolls[3, :7]], "test": [rolls[4, :2]]}


def test_official_rolls_keep_their_splits_and_every_note(tmp_path):
    pieces, config = official_rolls(), piano_rolls.Config(4, 1, 50, 53)
    write_rolls(tmp_path / "set.mat", **pieces)
    table = piano_rolls.tabulate(config, {"rolls": tmp_path / "set.mat"})
    encoded = piano_rolls.encode(config, table)
    assert encoded.facts["pieces"] == {"train": 3, "valid": 1, "test": 1}
    assert encoded.facts["lowest"] == 50 and table["key"].nunique() == 5
    for split, rolls in pieces.items():
        arrays = encoded.arrays[split]
        for roll, kept, length in zip(rolls, arrays["rolls"], arrays["lengths"], strict=True):
            assert np.array_equal(kept[:length], roll) and not kept[length:].any()


@pytest.mark.parametrize("damage", ["bytes", "columns", "values", "splits"])
def test_what_is_no_file_of_rolls_is_refused_in_one_line(tmp_path, damage):
    path, pieces = tmp_path / "set.mat", official_rolls()
    if damage == "columns":
        pieces["test"] = [pieces["test"][0][:, 1:]]
    elif damage == "values":
        pieces["test"] = [2 * np.ones_like(pieces["test"][0])]
    elif damage == "splits":
        del pieces["valid"]
    write_rolls(path, **pieces)
    if damage == "bytes":
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SourceError) as caught:
        piano_rolls.tabulate(piano_rolls.Config(4, 1, 50, 53), {"rolls": path})
    assert "\n" not in str(caught.value)


def test_the_same_music_in_another_key_is_one_piece_and_common_passages_link_pieces():
    theme = [(48, 60), (50,), (), (52, 64), (53,), (55, 67)]
    moved = [tuple(p + 3 for p in chord) for chord in theme]
    other = [(40,), (43,), (41,), (47,), (40, 45)]
    bridge = [*moved[2:], *other[:4]]
    assert passages_of(theme, 4) == passages_of(moved, 4)
    assert len(passages_of(theme, 4)) == 3
    names = families([passages_of(roll, 4) for roll in (theme, other, moved, bridge, [(1,)])])
    assert names == ["family 0"] * 4 + ["family 4"]
    assert families([passages_of(roll, 4) for roll in (theme, other)]) == ["family 0", "family 1"]


def test_pieces_of_fewer_parts_are_passed_over_and_rolls_hold_their_chords(project):
    _, _, data, _ = small("chorales_lstm", project.folder)
    assert sum(data.facts["pieces"].values()) <= 97
    for split in ("train", "valid", "test"):
        arrays = data.arrays(split)
        places = np.arange(arrays["rolls"].shape[1])
        padding = places >= arrays["lengths"][:, None]
        assert not arrays["rolls"][padding].any()
        assert (arrays["rolls"][~padding].sum(1) == 4).all()


def network_of(name, project, **changes):
    family, config, data, _ = small(name, project.folder)
    config = replace(config, **changes)
    torch.manual_seed(5)
    network = family.build(config, data.facts).eval()
    return family, config, data, network


@pytest.mark.parametrize("name", ["chorales_lstm", "chorales_nade"])
def test_nats_of_a_constant_probability_are_known_in_closed_form(name, project):
    family, config, data, network = network_of(name, project)
    for parameter in network.output.parameters():
        parameter.data.zero_()
    logit = -1.3
    output = network.output
    (output.visible if name == "chorales_nade" else output.logits).bias.data.fill_(logit)
    run = TorchRun(family.graphs(network, data.facts))
    metrics = values(family.evaluate(run, config, data, "test"))
    chance = 1 / (1 + np.exp(-logit))
    silent = data.facts["notes"] - 4  # each made-up chord has four notes
    exact = -4 * np.log(chance) - silent * np.log(1 - chance)
    assert metrics["nats_per_frame"] == pytest.approx(exact, rel=1e-6)
    assert metrics["frame_accuracy_percent"] == 0


@pytest.mark.parametrize("name", ["chorales_lstm", "chorales_nade"])
def test_probabilities_of_all_frames_sum_to_one(name, project):
    family, config, _, _ = network_of(name, project)
    network = family.build(config, {"notes": 7})
    frames = torch.tensor(list(itertools.product((0.0, 1.0), repeat=7)))
    features = torch.randn(1, config.units + 7).expand(len(frames), -1)
    for nats in (network.output.nats, network.output.nats_by_note):
        assert float(torch.exp(-nats(features, frames)).sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["chorales_lstm", "chorales_nade"])
def test_drawn_frames_follow_the_probabilities_that_they_are_scored_by(name, project):
    family, config, _, _ = network_of(name, project)
    network = family.build(config, {"notes": 3})
    features = 2 * torch.randn(1, config.units + 3)
    rows = 40_000
    drawn, _ = network.output.draw(
        features.expand(rows, -1), torch.ones(rows, 1), torch.rand(rows, 3)
    )
    frames = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))
    expected = torch.exp(-network.output.nats(features.expand(8, -1), frames))
    found = torch.stack([(drawn == frame).all(1).double().mean() for frame in frames])
    np.testing.assert_allclose(found, expected.detach(), atol=5 * 0.5 / rows**0.5)


@pytest.mark.parametrize("name", ["chorales_lstm", "chorales_nade"])
def test_a_piece_scores_the_same_whole_and_in_pieces_that_hand_on_the_state(name, project):
    family, config, data, network = network_of(name, project)
    graph = {g.name: g for g in family.graphs(network, data.facts)}["score"]
    run = TorchRun([graph])
    arrays = {key: value[:1] for key, value in data.arrays("test").items()}
    [whole] = piece_outputs(run, "score", "nats", config, arrays)
    rolls = arrays["rolls"][:, : arrays["lengths"][0]]
    states = {
        p.name: np.zeros([1 if s == "batch" else s for s in p.shape], p.dtype)
        for p in graph.inputs[1:]
    }
    found = []
    for part in (rolls[:, :1], rolls[:, 1:8], rolls[:, 8:]):
        outputs = run("score", rolls=part, **states)
        states = {into: outputs[out] for out, into in graph.feedback.items()}
        found.append(outputs["nats"][0])
    np.testing.assert_allclose(np.concatenate(found), whole, rtol=1e-5, atol=1e-5)


def test_at_temperature_zero_composing_takes_what_is_predicted(project):
    family, config, data, network = network_of("chorales_nade", project)
    network.output.visible.bias.data += 1.5  # so that some notes are likelier than not
    run = TorchRun(family.graphs(network, data.facts))
    silence = np.zeros((1, data.facts["notes"]), np.uint8)
    made = compose(run, silence, 11, 0.0, seed=3)
    assert made.any() and np.array_equal(made, compose(run, silence, 11, 0.0, seed=4))
    arrays = {"rolls": np.concatenate((silence, made))[None], "lengths": np.array([12])}
    [chances] = piece_outputs(run, "predict", "probabilities", config, arrays)
    assert np.array_equal(chances[1:] > 0.5, made.astype(bool))


def test_transposing_moves_every_note_and_never_leaves_the_range():
    rolls = np.zeros((2, 3, 11), np.uint8)
    rolls[0, :, [2, 8]] = 1
    rolls[1, 0, 0] = 1
    assert room(rolls, 5).tolist() == [[-2, 2], [0, 5]]
    assert room(rolls, 1).tolist() == [[-1, 1], [0, 1]]
    moved = transposed(rolls, np.array([-2, 5]))
    assert [np.flatnonzero(r.any(0)).tolist() for r in moved] == [[0, 6], [5]]
    assert moved.sum() == rolls.sum()


def test_a_batch_holds_whole_pieces_in_keys_of_their_own(project):
    from repertoire.contract import Plan

    family, config, data, network = network_of("chorales_lstm", project)
    learner = family.learner(network, config, data, Plan(1, 2))
    train = data.arrays("train")
    known = {
        tuple(passage)
        for roll, length in zip(train["rolls"], train["lengths"], strict=True)
        for passage in passages_of(chords(roll[:length]), 10_000)
    }
    seen = 0
    for rolls, lengths in learner.batches(0):
        for roll, length in zip(rolls.numpy(), lengths.numpy(), strict=True):
            [passage] = passages_of(chords(roll[:length]), 10_000)
            assert passage in known and not roll[length:].any()
            seen += 1
    assert seen == len(train["rolls"]) // config.batch * config.batch


def chords(roll):
    return [tuple(np.flatnonzero(frame).tolist()) for frame in roll]


def test_frame_accuracy_is_hits_over_hits_misses_and_false_alarms():
    guessed = np.array([[1, 1, 0], [0, 0, 0]], np.uint8)
    played = np.array([[1, 0, 1], [0, 0, 0]], np.uint8)
    for notes, truth, percent in (
        (guessed, played, 100 / 3),
        (np.zeros_like(played), np.zeros_like(played), 0),
    ):
        arrays = {"rolls": truth[None], "lengths": np.array([2])}
        found = frame_measurement(arrays, [np.array([3.0, 4.0])], [notes]).measure(np.arange(1))
        assert found == pytest.approx({"nats_per_frame": 3.5, "frame_accuracy_percent": percent})


def pairs(*frames):
    now = np.array(frames, np.uint8)
    return np.concatenate((np.zeros_like(now[:1]), now[:-1])), now


def counted(model, train):
    model.count(train)
    return model


def coins(notes, **how):
    return BernoulliNotes(notes, 0.5, **how)


def test_coins_of_notes_are_counted_with_pseudo_observations():
    train = [pairs([1, 0], [1, 1], [0, 1])]
    before, now = pairs([1, 1])
    alone = counted(coins(2, by_note=True, by_past=False), train)
    assert alone.log_probs(before, now)[0] == pytest.approx(np.log(2.5 / 4 * 2.5 / 4))
    # Note 0 was off once and then on; on twice, then on once. Note 1: off twice, on once of them.
    markov = counted(coins(2, by_note=True, by_past=True), train)
    assert markov.log_probs(before, now)[0] == pytest.approx(np.log(1.5 / 2 * 1.5 / 3))
    repeat = counted(coins(2, by_note=False, by_past=True), train)
    assert repeat.log_probs(before, now)[0] == pytest.approx(2 * np.log(2.5 / 4))


def test_chord_bigrams_are_a_distribution_over_all_frames():
    rng = np.random.default_rng(0)
    train = [pairs(*rng.integers(0, 2, (29, 5))) for _ in range(3)]
    model = counted(ChordBigram(counted(coins(5, by_note=True, by_past=True), train)), train)
    frames = np.array(list(itertools.product((0, 1), repeat=5)), np.uint8)
    for before in frames[[0, 3, 31]]:
        total = np.exp(model.log_probs(np.tile(before, (32, 1)), frames)).sum()
        assert total == pytest.approx(1, abs=1e-9)


ROLL = np.zeros((1, 3, 11), np.uint8)
ROLL[0, [0, 0, 1, 2], [2, 6, 3, 5]] = 1  # from the third note of eleven to the seventh
PIECE = {"rolls": ROLL, "lengths": np.array([3])}


def test_pieces_are_counted_in_every_key_within_their_range():
    assert [len(keys(PIECE, shift)) for shift in range(6)] == [1, 2, 2, 1, 1, 0]
    [(before, now)] = keys(PIECE, 4)
    assert np.array_equal(now, np.roll(ROLL[0], 4, axis=1)) and not before[0].any()
    model = ChordBigram(coins(11, by_note=True, by_past=True))
    for shift in range(3):
        model.count(keys(PIECE, shift))
    assert model.alone.total() == 5 * 3
    for way in (-2, -1, 0, 1, 2):
        frames = [frame.tobytes() for frame in np.roll(ROLL[0], way, axis=1)]
        assert all(model.after[past][chord] == 1 for past, chord in itertools.pairwise(frames))


def test_validation_chooses_in_which_keys_is_counted():
    train = [keys(PIECE, shift) for shift in range(4)]

    def best(way):
        heard = joined(pieces({**PIECE, "rolls": np.roll(ROLL, way, axis=2)}))
        return chosen(lambda: ChordBigram(coins(11, by_note=True, by_past=True)), train, heard)

    assert [best(way)[1] for way in (0, 1, -2)] == [0, 1, 2]
    model, _ = best(-2)
    assert model.alone.total() == 5 * 3


@pytest.mark.parametrize("output", ["bernoulli", "nade"])
def test_either_output_exports_over_either_cell(output, project):
    changes = {"cell": "gru", "output": output, "hidden": 5, "layers": 2}
    family, _, data, network = network_of("chorales_nade", project, **changes)
    for graph in family.graphs(network, data.facts):
        assert set(graph.feedback.values()) <= {"last", "hidden"}
        parity = verify_graph(graph, export_graph(graph), 7, 13, 1e-4)
        assert parity.largest_difference < 1e-4
