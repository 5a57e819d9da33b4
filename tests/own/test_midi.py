"""Folders of MIDI files: what is read, what is refused in one line, and music that comes back."""

import base64
import io
import json
import struct
from pathlib import Path

import mido
import numpy as np
import pytest

from repertoire.config import ConfigError, parse
from repertoire.contract import Plan, load_family
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import ValidationError, common, validate, with_identity
from repertoire.families.polyphony.evaluation import evaluate
from repertoire.families.polyphony.presets import preset
from repertoire.kinds.piano_rolls.baselines import Keys, keys
from repertoire.metrics.uncertainty import standard_errors, values
from repertoire.readers import midi_folder
from repertoire.readers.helpers.music.grid import (
    chosen_steps,
    cuts,
    folded,
    row_length,
    shares_on_grid,
)
from repertoire.readers.helpers.music.midi import MidiError, read_midi
from tests.own.journey import add, repro, served

TICKS = 96  # of a quarter note
MELODIES = ((60, 62, 64, 65), (67, 65, 64, 62), (60, 64, 67, 72), (62, 65, 69, 74))


def midi(*tracks, kind=1, ticks=TICKS):
    """The bytes of a file of tracks of messages."""
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def on(note, time=0, channel=0, velocity=64):
    return mido.Message("note_on", note=note, time=time, channel=channel, velocity=velocity)


def off(note, time=0, channel=0):
    return mido.Message("note_off", note=note, time=time, channel=channel)


def melody(pitches, length=TICKS):
    """One note after another, each over a bass an octave and a fifth below."""
    track = []
    for pitch in pitches:
        track += [on(pitch), on(pitch - 19), off(pitch, length), off(pitch - 19)]
    return midi(track)


def tune(seed, quarters=23):
    rng = np.random.default_rng(seed)
    notes = [note + seed % 5 for _ in range(quarters) for note in MELODIES[rng.integers(4)]]
    return melody(notes[:quarters])


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def fill(folder, count, seed=0, quarters=23):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"tune {number:02}.mid").write_bytes(tune(seed + number, quarters))


def proposed(raw, **options):
    return midi_folder.propose(raw, {key.replace("_", "-"): v for key, v in options.items()})


def tabulated(raw, proposal, **changes):
    config = parse(midi_folder.Config, {**proposal.config, **changes}, "test")
    return config, midi_folder.tabulate(config, Files({"raw": raw}))


def validated(config, table):
    table = with_identity(table)
    columns = [c for c in table if c not in ("row", "split", "key", "splits_of_key")]
    validate("midi", table, [*common(columns), *midi_folder.expectations(config)])


def told(proposal, of):
    return " ".join(fact.sentence for fact in proposal.facts if fact.of == of)


def notes_of(content):
    return read_midi(content).notes.tolist()


def test_a_folder_of_midi_files_becomes_a_served_composer_in_two_commands(tmp_path):
    fill(tmp_path / "tunes", 13)
    said = add(tmp_path, "tunes", tmp_path / "tunes", "--family", "polyphony", "--minutes", "0.01")
    assert said.returncode == 0, said.stderr
    assert "2 steps per quarter note" in said.stdout and "13 MIDI files" in said.stdout
    artifacts = repro(tmp_path, "tunes")
    with served(artifacts.parent) as client:
        body = {"prompt": [[60, 41]], "frames": 17, "seed": 5}
        answer = client.post("/v1/models/tunes/compose", json=body).json()
    content = base64.b64decode(answer["midi"])
    file = mido.MidiFile(file=io.BytesIO(content))
    assert file.ticks_per_beat % answer["steps_a_quarter"] == 0
    ends = sum(message.time for message in file.tracks[0])
    assert ends == 18 * file.ticks_per_beat // answer["steps_a_quarter"]
    assert [m.program for m in file.tracks[0] if m.type == "program_change"] == [0]
    assert [round(mido.tempo2bpm(m.tempo)) for m in file.tracks[0] if m.type == "set_tempo"] == [
        120
    ]
    manifest = json.loads((artifacts / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["facts"]["notes"] == manifest["encodings"]["roll"]["notes"]


def test_one_long_piece_is_split_by_time_and_every_stage_takes_it(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/long.midi").write_bytes(tune(3, 211))
    proposal = proposed(tmp_path / "raw")
    assert proposal.config["split_by"] == "time"
    config, table = tabulated(tmp_path / "raw", proposal)
    validated(config, table)
    assert table["split"].drop_duplicates().tolist() == ["train", "valid", "test"]
    assert table["quarters"].sum() == 211 and table["key"].isna().all()
    assert (table["split"] == "test").sum() == 2 and table["quarters"].max() <= 32


def test_velocity_0_ends_a_note_and_running_status_is_read():
    # On one status byte: 60 on, 96 ticks later 60 with velocity 0.
    track = bytes([0, 0x90, 60, 64, 96, 60, 0, 0, 0xFF, 0x2F, 0])
    content = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS)
    content += struct.pack(">4sI", b"MTrk", len(track)) + track
    assert notes_of(content) == [[0, 96, 60]]
    riff = b"RIFF" + struct.pack("<I", len(content) + 12) + b"RMIDdata"
    assert notes_of(riff + struct.pack("<I", len(content)) + content) == [[0, 96, 60]]


def test_types_0_and_1_hold_the_same_notes():
    one = [on(60), off(60, 96)]
    two = [on(48, 48, channel=1), off(48, 96, channel=1)]
    merged = [on(60), on(48, 48, channel=1), off(60, 48), off(48, 48, channel=1)]
    assert (
        notes_of(midi(merged, kind=0)) == notes_of(midi(one, two)) == [[0, 96, 60], [48, 144, 48]]
    )


def test_a_change_of_tempo_moves_no_note():
    tempo = [mido.MetaMessage("set_tempo", tempo=t, time=48) for t in (200_000, 900_000)]
    track = [on(60), off(60, 96), on(62, 96), off(62, 96)]
    assert notes_of(midi(tempo, track)) == notes_of(midi([], track))
    assert read_midi(midi(tempo, track)).tempi == [300.0, pytest.approx(66.667, abs=0.001)]


def test_a_note_struck_again_before_its_end_and_one_never_released_have_an_end():
    track = [on(60), on(60, 48), off(60, 48), off(60, 48), on(64, 7)]
    piece = read_midi(midi(track))
    assert piece.notes.tolist() == [[0, 96, 60], [48, 96, 60], [151, 151 + TICKS, 64]]
    assert piece.held == 1


def test_drums_are_counted_and_left_out_and_pedals_and_programs_are_noticed():
    track = [
        mido.Message("program_change", program=19),
        mido.Message("control_change", control=64, value=127),
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        *[on(36, channel=9), off(36, 24, channel=9), on(60), off(60, 96)],
    ]
    piece = read_midi(midi(track))
    assert piece.notes.tolist() == [[24, 120, 60]] and piece.drums == 1 and piece.pedal
    assert piece.programs == {19: 1} and piece.metres == ["3/4"]


def smpte(content):
    return content[:12] + struct.pack(">bB", -25, 40) + content[14:]


KEY = midi([mido.MetaMessage("key_signature", key="C"), on(60), off(60, 96)])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "no MIDI file"),
        (b"MThd", "no MIDI file"),
        (smpte(melody((60,))), "SMPTE"),
        (melody((60,))[:12] + bytes(2) + melody((60,))[14:], "no ticks"),
        (melody((60,))[:9] + b"\x02" + melody((60,))[10:], "type 2: a collection"),
        (melody((60,))[:9] + b"\x07" + melody((60,))[10:], "damaged MIDI .type 7"),
        (melody((60, 62, 64))[:-9], "ends too early"),
        (KEY.replace(b"\xff\x59\x02\x00", b"\xff\x59\x02\x0f"), "damaged MIDI"),
        (midi([on(60), off(60, 2**27)], ticks=1), "65,536 quarter notes"),
        (bytes(5 << 20), "4 MiB"),
    ],
)  # fmt: skip
def test_what_is_no_piece_is_refused_in_one_line(content, line):
    with pytest.raises(MidiError, match=line) as caught:
        read_midi(content)
    assert "\n" not in str(caught.value)


def test_a_bad_file_is_named_at_once_and_left_out_if_asked(raw):
    fill(raw, 19)
    (raw / "tune 07.mid").write_bytes(b"")
    with pytest.raises(SourceError, match=r"tune 07\.mid: empty; .*--on-bad-row drop") as caught:
        proposed(raw)
    assert "\n" not in str(caught.value)
    proposal = proposed(raw, on_bad_row="drop")
    assert "1 file left out: tune 07.mid: empty" in told(proposal, "left out")
    _, table = tabulated(raw, proposal)
    assert table["file"].nunique() == 18 and len(table.attrs["dropped"]) == 1
    bad_rows = {"on_bad_row": "fail", "largest_share": 0.1}
    with pytest.raises(SourceError, match=r"tune 07\.mid: empty"):
        tabulated(raw, proposal, bad_rows=bad_rows)


def test_a_file_of_drums_alone_holds_no_note_to_learn(raw):
    fill(raw, 13)
    (raw / "beat.mid").write_bytes(midi([on(36, channel=9), off(36, 24, channel=9)]))
    with pytest.raises(SourceError, match=r"beat\.mid: it holds no note but drums"):
        proposed(raw)


def test_hidden_files_and_other_files_are_passed_over_and_endings_are_of_any_case(raw):
    fill(raw / "album", 11)
    (raw / "LOUD.MIDI").write_bytes(tune(61))
    (raw / "._tune.mid").write_bytes(b"resource fork")
    (raw / "__MACOSX").mkdir()
    (raw / "__MACOSX/x.mid").write_bytes(b"")
    (raw / "cover.jpg").write_bytes(b"")
    proposal = proposed(raw)
    assert "12 MIDI files" in told(proposal, "files") and "cover.jpg" in told(proposal, "files")
    _, table = tabulated(raw, proposal)
    assert "LOUD.MIDI" in set(table["file"]) and "album/tune 03.mid" in set(table["file"])


def test_a_folder_without_midi_says_so(raw):
    (raw / "a.mp3").write_bytes(b"")
    with pytest.raises(SourceError, match="holds no MIDI file"):
        proposed(raw)


def test_folders_called_by_splits_decide_and_validation_is_taken_from_train(raw):
    fill(raw / "train", 19)
    fill(raw / "test", 3, seed=61)
    _, table = tabulated(raw, proposed(raw))
    counts = table.groupby("split")["file"].nunique().to_dict()
    assert counts == {"train": 17, "valid": 2, "test": 3}
    assert table.loc[table["split"] == "test", "file"].str.startswith("test/").all()
    (raw / "stray.mid").write_bytes(tune(97))
    with pytest.raises(SourceError, match=r"stray\.mid: in no split"):
        proposed(raw)


def test_long_pieces_count_for_more_where_shares_are_of_the_music(raw):
    fill(raw, 13)
    fill(raw / "long", 17, seed=61, quarters=97)
    _, table = tabulated(raw, proposed(raw))
    frames = table.groupby("split")["frames"].sum() / table["frames"].sum()
    assert 0.1 <= frames["test"] < 0.16 and 0.1 <= frames["valid"] < 0.16


def moved(content, semitones):
    file = mido.MidiFile(file=io.BytesIO(content))
    for message in file.tracks[0]:
        if message.type in ("note_on", "note_off"):
            message.note += semitones
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def test_the_same_music_in_another_key_is_taken_once_in_test_before_train(raw):
    fill(raw / "train", 13)
    fill(raw / "test", 3, seed=61)
    (raw / "train/again.mid").write_bytes(moved(tune(62), 3))
    (raw / "train/twice.mid").write_bytes(tune(5))
    proposal = proposed(raw)
    assert "2 files with music that is there already" in told(proposal, "rows")
    _, table = tabulated(raw, proposal)
    kept = set(table["file"])
    # "again" sorts before the file of the same music, but that one is in test.
    assert "train/again.mid" not in kept and "train/twice.mid" not in kept and len(kept) == 16


def free(seed, count=401):
    """Onsets anywhere, as they are played by hand."""
    rng = np.random.default_rng(seed)
    track = []
    for pitch in rng.integers(48, 72, count):
        track += [on(int(pitch), int(rng.integers(0, 97))), off(int(pitch), 31)]
    return read_midi(midi(track, ticks=480))


@pytest.mark.parametrize(
    ("gaps", "steps"),
    [((48, 96), 2), ((32, 64), 3), ((24, 96), 4), ((16, 80), 6), ((24, 8), 12), ((24, 32, 96), 12)],
)
def test_the_coarsest_grid_that_keeps_the_onsets_is_taken(gaps, steps):
    track = [m for gap in gaps * 29 for m in (on(60), off(60, gap))]
    assert chosen_steps(shares_on_grid([read_midi(midi(track))])) == steps


def test_music_played_by_hand_gets_sixteenths_and_is_told_so(raw):
    shares = shares_on_grid([free(1)])
    assert chosen_steps(shares) == 4
    # By chance an onset is near an instant for 2 * 1/48 of each of n steps.
    assert shares[12] == pytest.approx(0.5, abs=0.1) and shares[2] == pytest.approx(
        1 / 12, abs=0.06
    )


def test_starts_and_ends_move_to_the_nearest_step_and_every_note_has_a_frame(raw):
    # At 2 steps per quarter note, 48 ticks each: 20 to 100 -> 0 to 2, 130 to 131 -> 3, 168 -> 4.
    track = [on(60, 20), off(60, 80), on(64, 30), off(64, 1), on(67, 37), off(67, 48)]
    (raw / "a.mid").write_bytes(midi(track))
    fill(raw, 13)
    _, table = tabulated(raw, proposed(raw, steps="2", longest="40"))
    assert table.set_index("file").loc["a.mid", "chords"] == "60 60 . 64 67"


def test_leading_quarters_of_silence_are_left_out(raw):
    fill(raw, 13)
    (raw / "a.mid").write_bytes(midi([on(60, 5 * TICKS + 48), off(60, 96)]))
    _, table = tabulated(raw, proposed(raw))
    assert table.set_index("file").loc["a.mid", "chords"] == ". 60 60"


def test_rows_without_a_note_are_left_out(raw):
    fill(raw, 13)
    gap = [on(60), off(60, 96), on(60, 190 * TICKS), off(60, 96)]
    (raw / "gap.mid").write_bytes(midi(gap))
    _, table = tabulated(raw, proposed(raw))
    assert table.loc[table["file"] == "gap.mid", "piece"].tolist() == ["gap.mid #1", "gap.mid #6"]


def test_pitches_out_of_the_range_move_by_octaves():
    assert folded(np.array([20, 30, 47, 48, 60, 61, 90]), 48, 60).tolist() == [
        56, 54, 59, 48, 60, 49, 54,
    ]  # fmt: skip


def test_outliers_do_not_widen_the_range(raw):
    fill(raw, 13, quarters=211)
    (raw / "bell.mid").write_bytes(midi([on(127), off(127, 96), on(60), off(60, 96)]))
    proposal = proposed(raw)
    assert proposal.config["highest"] < 90 and "1 note outside" in told(proposal, "range")
    assert proposed(raw, highest="127").config["highest"] == 127
    _, table = tabulated(raw, proposal)
    assert table["highest"].max() <= proposal.config["highest"]


@pytest.mark.parametrize(
    ("option", "value"), [("steps", "x"), ("steps", "0"), ("lowest", "-1"), ("on_bad_row", "skip")]
)
def test_a_wrong_option_is_refused(raw, option, value):
    fill(raw, 13)
    with pytest.raises(ConfigError, match=f"--{option.replace('_', '-')}: expected"):
        proposed(raw, **{option: value})


def test_a_range_below_an_octave_is_refused(raw):
    fill(raw, 13)
    with pytest.raises(ConfigError, match="at least an octave"):
        proposed(raw, lowest="60", highest="65")


def test_a_table_with_a_note_out_of_the_range_or_a_row_too_long_is_refused(raw):
    fill(raw, 13)
    config, table = tabulated(raw, proposed(raw))
    for column, value, meaning in (
        ("highest", 101, "no note is above the range"),
        ("quarters", 77.0, "a row is no longer than it may be"),
        ("most_notes", 0, "a note sounds in each row"),
    ):
        wrong = table.copy()
        wrong.loc[3, column] = value
        with pytest.raises(ValidationError, match=meaning):
            validated(config, wrong)


def test_too_little_music_is_told(raw):
    (raw / "a.mid").write_bytes(melody((60, 62)))
    with pytest.raises(SourceError, match="too little music: 1 rows"):
        proposed(raw)


def test_cuts_are_nearly_equal_and_of_whole_quarters():
    assert cuts(0, 70, 2, 16) == [(0, 24), (24, 48), (48, 70)]
    assert cuts(4, 9, 4, 16, least=2) == [(4, 8), (8, 9)]
    assert [row_length(quarters, 4) for quarters in (50, 4700, 1e6)] == [32, 44, 128]


def test_encoded_rows_hold_the_notes_and_the_numbers_of_their_pieces(raw):
    fill(raw, 13, quarters=59)
    config, table = tabulated(raw, proposed(raw))
    encoded = midi_folder.encode(config, table)
    arrays = encoded.arrays["test"]
    assert arrays["pieces"].tolist() == [0, 0, 1, 1] and encoded.facts["files"]["test"] == 2
    assert (arrays["rolls"].sum(2).max(1) == 2).all()
    assert encoded.encodings["roll"]["program"] == 0 and encoded.facts["tempo"] == 120


class Rolls:
    """A data set of test rows, of one piece or of several."""

    def __init__(self, pieces):
        rng = np.random.default_rng(3)
        rolls = (rng.random((len(pieces), 11, 13)) < 0.3).astype(np.uint8)
        lengths = np.arange(len(pieces)) + 3
        self.content = {"rolls": rolls, "lengths": lengths, "pieces": np.array(pieces)}

    def arrays(self, split):
        return self.content


def constant(graph, *outputs, rolls, **states):
    """A model that gives each frame as many nats as notes sound in it."""
    chances = np.full(rolls.shape, 0.9, np.float32)
    return {"nats": rolls.sum(2).astype(np.float32), "probabilities": chances}


def config_of(notes=13):
    facts = {"frames": {"train": 7}, "pieces": {"train": 1}, "notes": notes, "steps_a_quarter": 2}
    family = load_family("polyphony")
    return family, parse(family.Config, preset(facts, 5).config, "preset"), facts


def test_rows_of_one_piece_are_drawn_together_for_standard_errors():
    _, config, _ = config_of()
    by_piece = evaluate(constant, config, Rolls([0, 0, 1, 1, 1]), "test")
    by_row = evaluate(constant, config, Rolls([0, 0, 0, 0, 0]), "test")
    assert by_piece[0].units == 2 and by_row[0].units == 5
    assert values(by_piece) == values(by_row)
    assert standard_errors(by_piece) != standard_errors(by_row)


def test_fewer_pieces_than_a_batch_are_trained_on():
    family, config, facts = config_of()
    data = Rolls([0])
    learner = family.learner(family.build(config, facts), config, data, Plan(1, 2))
    [batch] = learner.batches(0)
    assert np.isfinite(learner.step(batch)["loss_nats"])


def test_keys_are_made_when_asked_for_and_are_the_same():
    arrays = Rolls([0, 1, 2]).content
    made = list(Keys(arrays, 2))
    assert len(made) == 3
    for shift, pieces in enumerate(made):
        for one, other in zip(pieces, keys(arrays, shift), strict=True):
            assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


@pytest.mark.parametrize("frames", [500, 50_000, 500_000])
@pytest.mark.parametrize("notes", [12, 88])
def test_presets_are_whole_and_grow_with_the_music(frames, notes):
    facts = {"frames": {"train": 70}, "pieces": {"train": 7}, "notes": notes, "steps_a_quarter": 12}
    found = preset(facts, frames // 10)
    parse(load_family("polyphony").Config, found.config, "preset")
    assert found.config["units"] == {500: 64, 50_000: 128, 500_000: 160}[frames]
    assert found.config["sample_frames"] == 128


def test_a_large_folder_is_sampled_and_said_so(raw, monkeypatch):
    monkeypatch.setattr(midi_folder, "SAMPLE_BYTES", 0)
    fill(raw, 37)
    proposal = proposed(raw)
    assert "20 files" in told(proposal, "sample") and proposal.rows == 37
    (raw / "tune 00.mid").write_bytes(smpte(tune(0)))
    with pytest.raises(SourceError, match=r"tune 00\.mid: .*SMPTE"):
        proposed(raw)
    assert Path(raw, "tune 00.mid").exists()
