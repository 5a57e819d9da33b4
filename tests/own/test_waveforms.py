"""WAV files of somebody's own: what is read, what is refused in one line, and what is served."""

import base64
import io
import struct

import numpy as np
import pytest
from scipy.io import wavfile

from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import ValidationError, common, validate, with_identity
from repertoire.families.waveforms.presets import preset
from repertoire.kinds.waveforms.encoding import signals
from repertoire.readers import waveform_files
from repertoire.readers.helpers.wav_files import read_wav, resampled
from tests.own.journey import add, repro, served

RATE = 400


def tone(seed, seconds=3.0, rate=RATE, hertz=17):
    """A tone that swells, and a little noise: (time,) between -0.6 and 0.6."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    swell = 0.3 + 0.2 * np.sin(2 * np.pi * time / 1.7 + seed)
    return swell * np.sin(2 * np.pi * (hertz + seed % 5) * time) + 0.01 * rng.standard_normal(
        len(time)
    )


def write(path, signal, rate=RATE, kind="<i2"):
    path.parent.mkdir(parents=True, exist_ok=True)
    full = 1 if kind.startswith("<f") else 2 ** (8 * int(kind[-1]) - 1) - 1
    wavfile.write(path, rate, np.asarray(full * np.asarray(signal)).astype(kind))
    return path


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def fill(folder, count, seed=0, **more):
    for number in range(count):
        write(folder / f"tone {number:02}.wav", tone(seed + number, **more), more.get("rate", RATE))


def proposed(raw, **options):
    return waveform_files.propose(raw, {key.replace("_", "-"): v for key, v in options.items()})


def tabulated(raw, proposal, **changes):
    config = parse(waveform_files.Config, {**proposal.config, **changes}, "test")
    return config, waveform_files.tabulate(config, Files({"raw": raw}))


def validated(config, table):
    table = with_identity(table)
    columns = [c for c in table if c not in ("row", "split", "key", "splits_of_key")]
    validate("wav", table, [*common(columns), *waveform_files.expectations(config)])


def told(proposal, of):
    return " ".join(fact.sentence for fact in proposal.facts if fact.of == of)


def test_a_folder_of_wav_files_becomes_a_served_model_in_two_commands(tmp_path):
    fill(tmp_path / "tones", 13)
    words = ("--family", "waveforms", "--minutes", "0.01")
    said = add(tmp_path, "tones", tmp_path / "tones", *words)
    assert said.returncode == 0, said.stderr
    assert "13 WAV files" in said.stdout and "400 Hz" in said.stdout
    artifacts = repro(tmp_path, "tones")
    heard = (tmp_path / "tones/tone 03.wav").read_bytes()
    with served(artifacts.parent) as client:
        url = "/v1/models/tones"
        body = {"audio": base64.b64encode(heard).decode(), "count": 211, "seed": 5}
        file = client.post(f"{url}/continue", json=body, headers={"Accept": "audio/wav"})
        scored = client.post(f"{url}/likelihood", json={"audio": body["audio"]}).json()
    rate, whole = wavfile.read(io.BytesIO(file.content))
    assert rate == RATE and len(whole) == 1200 + 211
    # Full scale of the file is full scale of what comes back: it begins with what was sent.
    sent = wavfile.read(io.BytesIO(heard))[1]
    assert np.abs(whole[:1200].astype(int) - sent).max() <= 1
    [found] = scored["results"]
    assert found["samples"] == 1200 and 0 < found["nats_per_sample"] < np.log(256)


@pytest.mark.parametrize(
    ("kind", "step"),
    [("<u1", 2**-7), ("<i2", 2**-15), ("<i4", 2**-31), ("<f4", 1e-7), ("<f8", 1e-12)],
)
def test_every_format_is_read_to_within_its_step(raw, kind, step):
    signal = tone(1)
    if kind == "<u1":
        wavfile.write(raw / "a.wav", RATE, np.round(128 + 128 * signal).astype(np.uint8))
    else:
        write(raw / "a.wav", signal, kind=kind)
    sound = read_wav(raw / "a.wav")
    assert sound.rate == RATE and np.abs(sound.signal - signal).max() <= 2 * step


def test_channels_are_mixed_and_it_is_said(raw):
    write(raw / "a.wav", np.stack([tone(1), 3 * tone(1) / 2], axis=1))
    assert read_wav(raw / "a.wav").signal == pytest.approx(1.25 * tone(1), abs=1e-4)
    assert "the channels of 1 file are mixed to one" in told(proposed(raw), "files")


def test_most_files_tell_the_rate_and_the_others_are_resampled(raw):
    fill(raw, 11)
    write(raw / "fast.wav", tone(41, rate=2 * RATE), rate=2 * RATE)
    proposal = proposed(raw)
    assert proposal.config["rate"] == RATE
    assert "resampled: 1 from 800 Hz" in told(proposal, "rate")
    _, table = tabulated(raw, proposal)
    assert table.loc[table["recording"] == "fast.wav", "samples"].sum() == 1200
    asked = proposed(raw, rate="200")
    assert asked.config["rate"] == 200 and "as asked" in told(asked, "rate")
    assert asked.sample["samples"].sum() == 12 * 600


def test_a_resampled_tone_is_that_tone(raw):
    write(raw / "a.wav", np.sin(2 * np.pi * 17 * np.arange(800) / 800) / 2, rate=800)
    found = resampled(read_wav(raw / "a.wav"), 300)
    expected = np.sin(2 * np.pi * 17 * np.arange(300) / 300) / 2
    assert found[37:-37] == pytest.approx(expected[37:-37], abs=5e-3)


def test_a_single_file_is_split_by_time(raw):
    signal = tone(1, seconds=30.0)
    write(raw / "a.wav", signal)
    proposal = proposed(raw)
    assert proposal.config["split_by"] == "time" and "fewer than 10 files" in told(
        proposal, "split"
    )
    config, table = tabulated(raw, proposal)
    validated(config, table)
    parts = [signals(table, split)[0] for split in ("train", "valid", "test")]
    assert [len(each) for each in parts] == [9600, 1200, 1200]
    assert np.concatenate(parts) == pytest.approx(signal, abs=1e-4)


def test_many_files_are_split_whole_by_a_seed(raw):
    fill(raw, 23)
    proposal = proposed(raw)
    config, table = tabulated(raw, proposal)
    validated(config, table)
    assert table.groupby("recording")["split"].nunique().max() == 1
    counts = table.groupby("split")["recording"].nunique()
    assert counts["test"] == counts["valid"] == 3 and counts["train"] == 17
    other = tabulated(raw, proposal, seed=7)[1]
    assert other["split"].tolist() != table["split"].tolist()


def test_folders_tell_the_splits(raw):
    for name, count, seed in (("train", 3, 0), ("dev", 1, 31), ("Test", 2, 41)):
        fill(raw / name, count, seed)
    proposal = proposed(raw)
    _, table = tabulated(raw, proposal)
    assert set(table.loc[table["split"] == "valid", "recording"]) == {"dev/tone 00.wav"}
    assert "told by folders" in told(proposal, "split")


def test_the_same_sound_is_taken_once_in_test_before_train(raw):
    for name, count, seed in (("train", 5, 0), ("valid", 1, 31), ("test", 2, 41)):
        fill(raw / name, count, seed)
    write(raw / "train/again.wav", tone(42))
    proposal = proposed(raw)
    _, table = tabulated(raw, proposal)
    assert "train/again.wav" not in set(table["recording"])
    assert "test/tone 01.wav" in set(table["recording"])
    assert "1 files" in told(proposal, "duplicates")


def test_hidden_and_other_files_are_passed_over(raw):
    fill(raw, 11)
    (raw / ".hidden.wav").write_bytes(b"no sound")
    (raw / "notes.txt").write_text("no sound", encoding="utf-8")
    proposal = proposed(raw)
    assert proposal.sample["recording"].nunique() == 11
    assert "1 other file passed over: notes.txt" in told(proposal, "files")


def head(tag, bits, data=b"\0" * 16, rate=RATE):
    form = struct.pack("<HHIIHH", tag, 1, rate, rate * bits // 8, bits // 8, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


BAD = {
    "it is no WAV file": b"ID3\4 an MP3 file that is called otherwise",
    "it is no WAV file: it does not begin as one": b"",
    "it cannot be read": head(17, 4),  # ADPCM
    "it is no whole WAV file": b"RIFF\x10\0\0\0WAVEgarbage",
    "it is no whole WAV file: it is damaged or cut off": head(1, 16)[:30],
    "it is damaged or cut off; 13 of 16 bytes of samples are there": head(1, 16)[:-3],
    "it holds no sample": head(1, 16, b""),
    "it is silent": head(1, 16),
    "no finite numbers": head(3, 32, struct.pack("<ff", 0.5, float("nan"))),
}


@pytest.mark.parametrize(("reason", "content"), BAD.items())
def test_a_file_that_cannot_be_used_is_told_or_left_out(raw, reason, content):
    fill(raw, 19)
    (raw / "bad.wav").write_bytes(content)
    with pytest.raises(SourceError, match=rf"bad\.wav: .*{reason}.*--on-bad-row drop"):
        proposed(raw)
    proposal = proposed(raw, on_bad_row="drop")
    assert "1 of 20 files are left out" in told(proposal, "unusable")
    _, table = tabulated(raw, proposal)
    assert table["recording"].nunique() == 19
    with pytest.raises(SourceError, match=rf"bad\.wav: .*{reason}"):
        tabulated(raw, proposal, bad_rows={"on_bad_row": "fail", "largest_share": 0.1})


def test_a_damaged_file_that_was_not_looked_at_is_told(raw, monkeypatch):
    monkeypatch.setattr(waveform_files, "SAMPLE_BYTES", 0)
    fill(raw, 31)
    proposal = proposed(raw)
    assert "20 files were looked at" in told(proposal, "sample") and proposal.rows == 31
    for path in raw.glob("*.wav"):
        if path.name not in set(proposal.sample["recording"]):
            path.write_bytes(b"no sound at all")
    with pytest.raises(SourceError, match="it is no WAV file"):
        proposed(raw)


def test_no_wav_file_is_told_with_the_remedy(raw):
    (raw / "a.mp3").write_bytes(b"ID3")
    with pytest.raises(SourceError, match=r"holds no WAV file.*ffmpeg"):
        proposed(raw)


def test_too_short_and_partly_silent_files_are_told(raw):
    write(raw / "a.wav", tone(1, seconds=0.5))
    with pytest.raises(SourceError, match="too little signal: valid gets 20 samples"):
        proposed(raw)
    write(raw / "a.wav", np.append(tone(1, seconds=9.0), np.zeros(9 * RATE)))
    with pytest.raises(SourceError, match="the part for valid is silent"):
        proposed(raw)


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [("rate", "0", "--rate: expected a whole number"), ("rate", "x", "--rate: expected"),
     ("on_bad_row", "skip", "--on-bad-row: expected"), ("speed", "3", "--speed: unknown")],
)  # fmt: skip
def test_a_wrong_option_is_refused(raw, option, value, line):
    fill(raw, 3)
    with pytest.raises(ConfigError, match=line):
        proposed(raw, **{option: value})


def test_a_table_with_a_part_twice_or_without_a_sample_is_refused(raw):
    fill(raw, 11)
    config, table = tabulated(raw, proposed(raw))
    for column, value, meaning in (
        ("recording", table["recording"][1], "a part of a recording is there once"),
        ("samples", 0, "each row holds a sample"),
        ("seconds", 99.0, "a row lasts up to 10 seconds"),
    ):
        wrong = table.copy()
        wrong.loc[0, column] = value
        with pytest.raises(ValidationError, match=meaning):
            validated(config, wrong)


def test_what_is_encoded_is_full_scale_of_the_files(raw):
    fill(raw, 11)
    config, table = tabulated(raw, proposed(raw))
    found = waveform_files.encode(config, table)
    assert found.encodings["wave"]["full_scale"] == 1 and found.facts["unit"] == "full scale"
    loudest = max(abs(each).max() for each in signals(table, "train"))
    assert found.facts["scale"] == pytest.approx(loudest)
    facts = {"dataset": "own", "kind": "waveforms", **found.facts}
    parse(load_family("waveforms").Config, preset(facts, 11).config, "preset")
