"""WAV files of every form are read as scipy reads them, and files that are cut off are refused."""

from __future__ import annotations

import base64
import io
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from repertoire.runtime import audio
from repertoire.runtime.errors import InvalidInput, Malformed

RATE, FRAMES = 4001, 53
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SPEECH = np.random.default_rng(7).bytes(FRAMES * 8 * 3)
FORMS = [  # tag, bits, bytes of a sample
    *((PCM, bits, width) for bits, width in [(8, 1), (5, 1), (16, 2), (12, 2), (24, 3), (20, 3)]),
    *((PCM, bits, width) for bits, width in [(32, 4), (20, 4), (40, 5), (48, 6), (56, 7), (64, 8)]),
    (FLOAT, 32, 4),
    (FLOAT, 64, 8),
]


def chunk(order: str, name: bytes, content: bytes, size: int | None = None) -> bytes:
    told = len(content) if size is None else size
    return name + struct.pack(f"{order}I", told) + content + b"\0" * (len(content) % 2)


def written(
    signature: bytes, form: bytes, data: bytes, told: int | None = None, between: bytes = b""
) -> bytes:
    """`told`: what the header says of the length of the data; None: the truth."""
    order = ">" if signature == b"RIFX" else "<"
    chunks = chunk(order, b"fmt ", form) + between
    if signature == b"RF64":
        sizes = struct.pack("<QQQI", 0, len(data) if told is None else told, 0, 0)
        whole = 4 + 36 + len(chunks) + 8 + len(data)
        sizes = struct.pack("<Q", whole) + sizes[8:]
        chunks = chunk("<", b"ds64", sizes) + chunks
        told = 0xFFFFFFFF
    chunks += chunk(order, b"data", data, told)
    size = 0xFFFFFFFF if signature == b"RF64" else 4 + len(chunks)
    return signature + struct.pack(f"{order}I", size) + b"WAVE" + chunks


def form_of(order: str, tag: int, bits: int, width: int, channels: int, *, extensible: bool) -> Any:
    block = width * channels
    told = EXTENSIBLE if extensible else tag
    form = struct.pack(f"{order}HHIIHH", told, channels, RATE, RATE * block, block, bits)
    if not extensible:
        return form
    tail = bytes.fromhex("00000010800000aa00389b71" if order == ">" else "00001000800000aa00389b71")
    return form + struct.pack(f"{order}HHII", 22, bits, 0, tag) + tail


def as_scipy_reads(content: bytes) -> tuple[np.ndarray, int]:
    """The mean of the channels, the largest number that a format holds being 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)
        rate, data = wavfile.read(io.BytesIO(content))
    found = data.astype(np.float64).reshape(len(data), -1)
    if data.dtype.kind == "u":
        found = (found - 128) / 128
    elif data.dtype.kind == "i":
        found = found / 2.0 ** (8 * data.dtype.itemsize - 1)
    return found.mean(1), rate


@pytest.mark.parametrize("signature", [b"RIFF", b"RIFX", b"RF64"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("tag", "bits", "width"), FORMS)
def test_every_form_is_read_as_scipy_reads_it(
    signature: bytes, channels: int, extensible: bool, tag: int, bits: int, width: int
) -> None:
    order = ">" if signature == b"RIFX" else "<"
    data = SPEECH[: FRAMES * width * channels]
    if tag == FLOAT:
        signal = np.sin(np.arange(FRAMES * channels)) * 1.25
        data = signal.astype(f"{order}f{width}").tobytes()
    between = chunk(order, b"LIST", b"of an odd size!")
    form = form_of(order, tag, bits, width, channels, extensible=extensible)
    content = written(signature, form, data, between=between)
    found = audio.read(content)
    expected, rate = as_scipy_reads(content)
    assert np.array_equal(found.signal, expected) and found.rate == rate == RATE
    assert len(expected) == FRAMES and expected.std() > 0.2
    assert found.channels == channels and found.seconds == FRAMES / RATE
    assert found.form == ("floats" if tag == FLOAT else f"{bits} bits")


@pytest.mark.parametrize(
    ("bits", "data", "expected"),
    [
        (8, b"\x80\xc0\x00", [0, 0.5, -1]),
        (16, b"\x00\x40\x00\x80", [0.5, -1]),
        (24, b"\0\0\x40\xff\xff\xff", [0.5, -(2.0**-23)]),
        (32, b"\0\0\0\x40\0\0\0\x80", [0.5, -1]),
        (64, b"\0" * 7 + b"\x40" + b"\0" * 7 + b"\x80", [0.5, -1]),
    ],
)
def test_the_largest_number_of_a_format_is_full_scale(
    bits: int, data: bytes, expected: list[float]
) -> None:
    form = form_of("<", PCM, bits, bits // 8, 1, extensible=False)
    assert audio.read(written(b"RIFF", form, data)).signal.tolist() == expected


MONO = form_of("<", PCM, 16, 2, 1, extensible=False)


@pytest.mark.parametrize("signature", [b"RIFF", b"RIFX", b"RF64"])
def test_a_file_whose_samples_end_before_its_header_says_is_refused(signature: bytes) -> None:
    form = form_of(">" if signature == b"RIFX" else "<", PCM, 16, 2, 1, extensible=False)
    whole = written(signature, form, SPEECH[:106])
    assert len(audio.read(whole).signal) == 53
    for cut in (1, 2, 105):
        with pytest.raises(Malformed, match=f"damaged or cut off; {106 - cut} of 106 bytes of"):
            audio.read(whole[:-cut])
    with pytest.raises(Malformed, match="its format or its samples are missing"):
        audio.read(whole[:-112])


@pytest.mark.parametrize("signature", [b"RIFF", b"RF64"])
def test_an_unknown_length_means_until_the_end(signature: bytes) -> None:
    told = 0xFFFFFFFF if signature == b"RIFF" else 2**64 - 1
    content = written(signature, MONO, SPEECH[:106], told)
    assert (
        audio.read(content).signal.tolist()
        == as_scipy_reads(written(b"RIFF", MONO, SPEECH[:106]))[0].tolist()
    )
    assert len(audio.read(content + b"\1").signal) == 53  # half a sample is left


def test_samples_before_the_format_and_a_chunk_that_is_cut_behind_them_are_read() -> None:
    chunks = chunk("<", b"data", SPEECH[:106]) + chunk("<", b"fmt ", MONO) + b"LIST\7\0\0\0ab"
    content = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
    assert len(audio.read(content).signal) == 53


@pytest.mark.parametrize(
    ("tag", "bits", "width"), [(2, 4, 1), (PCM, 16, 1), (PCM, 8, 2), (FLOAT, 16, 2), (PCM, 72, 9)]
)
def test_other_formats_are_refused_with_the_remedy(tag: int, bits: int, width: int) -> None:
    content = written(b"RIFF", form_of("<", tag, bits, width, 1, extensible=False), SPEECH[:72])
    said = f"{tag} .ADPCM." if tag == 2 else tag
    told = f"^audio cannot be read: it is of format {said} with {bits} bits.*; send PCM or floats"
    for sent in (content, base64.b64encode(content).decode()):
        with pytest.raises(InvalidInput, match=told):
            audio.read_sent(sent, "audio")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no WAV file: it does not begin as one"),
        (b"ID3\4 an MP3 file", "no WAV file: it does not begin as one"),
        (b"RIFF\x10\0\0\0WAVEgarbage", "no whole WAV file: .*missing"),
        (written(b"RIFF", MONO[:14], b"\0\0"), "no whole WAV file: .*its format is not told"),
        (written(b"RIFF", bytes(16), b"\0\0"), "no whole WAV file: .*no channel or no rate"),
    ],
)
def test_what_is_no_wav_file_is_refused_with_the_remedy(content: bytes, told: str) -> None:
    with pytest.raises(Malformed, match=f"^sound is {told}.*; send PCM or floats in a whole WAV"):
        audio.read_sent(content, "sound")


def test_what_is_written_reads_back() -> None:
    signal = np.array([0.5, -1.0, 0.0, 7.0, -0.25])
    found = audio.read(audio.wav(signal, 401.3))
    assert found.rate == 401
    assert found.signal == pytest.approx([0.5, -1.0, 0.0, 1.0, -0.25], abs=2**-14)


def test_frames_that_are_no_whole_bytes_a_channel_are_refused() -> None:
    form = struct.pack("<HHIIHH", PCM, 3, RATE, RATE * 4, 4, 9)
    with pytest.raises(InvalidInput, match="9 bits in 4-byte frames"):
        audio.read(written(b"RIFF", form, SPEECH[:24]))
