"""WAV files by hand: one channel of 16 bits out, PCM of any width and floats in.

Source: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft 1991).
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import wave
from typing import Any

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.signature import Array

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # format tags
FULL_SCALE = 32767
WIDTHS = {1: "<u1", 2: "<i2", 4: "<i4"}  # bytes of a sample of PCM


def wav(samples: Array, rate: float) -> bytes:
    """The file of a signal from -1 to 1: one channel of 16 bits at a whole rate."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(round(rate))
        out.writeframes(np.round(np.clip(samples, -1, 1) * FULL_SCALE).astype("<i2").tobytes())
    return file.getvalue()


def read_sent(sound: Any, path: str) -> tuple[Array, int]:
    """``read`` of the bytes of a file, or of base64 of them; samples must be finite."""
    if isinstance(sound, str):
        try:
            sound = base64.b64decode(sound, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Malformed(f"{path} is not valid base64: {error}") from error
    if not isinstance(sound, bytes):
        raise Malformed(f"{path} is of type {type(sound).__name__}; send a WAV file")
    samples, rate = read(sound, path)
    if not np.isfinite(samples).all():
        raise InvalidInput(f"{path} holds samples that are no finite numbers; save it as PCM")
    return samples, rate


def read(content: bytes, path: str = "audio") -> tuple[Array, int]:
    """Samples float64 (time,), full scale of PCM being 1, and their rate in Hz.

    The mean of several channels. Raises Malformed for what is no WAV file, InvalidInput for one in
    a form that is not read; `path` is what they call it.
    """
    form, data = _chunks(content, path)
    if len(form) < 16:
        raise Malformed(f"{path} is no WAV file: its format is not told")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if tag == EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack_from("<H", form, 24)[0]
    if not channels or not rate:
        raise Malformed(f"{path} is no WAV file: it has no channel or no rate")
    frame = channels * bits // 8 or 1
    samples = _decoded(tag, bits, data[: len(data) // frame * frame], path)
    with np.errstate(over="ignore", invalid="ignore"):
        return samples.reshape(-1, channels).mean(1), rate


def _decoded(tag: int, bits: int, data: bytes, path: str) -> Array:
    if tag == FLOAT and bits in (32, 64):
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float64)
    if tag == PCM and bits == 24:
        bytes_of = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = bytes_of[:, 0] | bytes_of[:, 1] << 8 | bytes_of[:, 2] << 16
        return (whole - ((whole & 0x800000) << 1)) / 2.0**23
    if tag == PCM and bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    if tag == PCM and bits // 8 in WIDTHS and bits % 8 == 0:
        return np.frombuffer(data, WIDTHS[bits // 8]) / 2.0 ** (bits - 1)
    raise InvalidInput(
        f"{path} is of format {tag} with {bits} bits; send PCM of 8, 16, 24 or 32 bits, or floats"
    )


def _chunks(content: bytes, path: str) -> tuple[bytes, bytes]:
    """The chunks `fmt ` and `data`."""
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise Malformed(f"{path} is no WAV file; send RIFF WAVE in base64")
    found: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        found.setdefault(name, content[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    if b"fmt " not in found or b"data" not in found:
        raise Malformed(f"{path} is no WAV file: its format or its samples are missing")
    return found[b"fmt "], found[b"data"]
