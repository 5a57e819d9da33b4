"""WAV files by hand: one channel of 16 bits out, PCM of any width and floats in.

Sources: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft 1991), of
RF64 EBU Tech 3306.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import wave
from dataclasses import dataclass
from typing import Any

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.signature import Array

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # format tags
OTHERS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM", 85: "MP3"}
FULL_SCALE = 32767
ORDERS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<"}  # of the bytes of a number
UNKNOWN = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # sizes of a chunk that goes on until the end


@dataclass(frozen=True)
class Sound:
    """``signal`` float64 (time,), the mean of its ``channels``, at ``rate`` Hz; its ``form``."""

    signal: Array
    rate: int
    channels: int
    form: str

    @property
    def seconds(self) -> float:
        return len(self.signal) / self.rate


def wav(samples: Array, rate: float) -> bytes:
    """The file of a signal from -1 to 1: one channel of 16 bits at a whole rate."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(round(rate))
        out.writeframes(np.round(np.clip(samples, -1, 1) * FULL_SCALE).astype("<i2").tobytes())
    return file.getvalue()


def read_sent(sound: Any, path: str) -> Sound:
    """``read`` of the bytes of a file, or of base64 of them; samples must be finite."""
    if isinstance(sound, str):
        try:
            sound = base64.b64decode(sound, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Malformed(f"{path} is not valid base64: {error}") from error
    if not isinstance(sound, bytes):
        raise Malformed(f"{path} is of type {type(sound).__name__}; send a WAV file")
    try:
        found = read(sound, path)
    except (Malformed, InvalidInput) as error:
        raise type(error)(f"{error}; send PCM or floats in a whole WAV file") from None
    if not np.isfinite(found.signal).all():
        raise InvalidInput(f"{path} holds samples that are no finite numbers; save it as PCM")
    return found


def begins_as_wav(head: bytes) -> bool:
    """Whether the first twelve bytes of a file are those of a WAV file."""
    return head[:4] in ORDERS and head[8:12] == b"WAVE"


def read(content: bytes, path: str = "audio") -> Sound:
    """A file, full scale of PCM being 1: RIFF, RIFX or RF64, PCM of up to 64 bits, or floats.

    Raises Malformed for what is no whole WAV file, InvalidInput for one in a form that is not
    read; `path` is what they call it. The message names no remedy.
    """
    if not begins_as_wav(content[:12]):
        raise Malformed(f"{path} is no WAV file: it does not begin as one")
    order = ORDERS[content[:4]]
    form, data = _chunks(content, order, path)
    if len(form) < 16:
        raise _not_whole(path, "its format is not told")
    tag, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", form)
    if tag == EXTENSIBLE and len(form) >= 28:
        tag = struct.unpack_from(f"{order}I", form, 24)[0]
    if not channels or not rate:
        raise _not_whole(path, "it has no channel or no rate")
    kind = _kind(tag, bits, block / channels)
    if kind is None:
        named = f" ({OTHERS[tag]})" if tag in OTHERS else ""
        told = f"it is of format {tag}{named} with {bits} bits in {block}-byte frames"
        raise InvalidInput(f"{path} cannot be read: {told}")
    samples = _samples(data[: len(data) // block * block], order, kind, block // channels)
    with np.errstate(over="ignore", invalid="ignore"):
        signal = samples.reshape(-1, channels).mean(1)
    return Sound(signal, rate, channels, "floats" if kind == "f" else f"{bits} bits")


def _not_whole(path: str, why: str) -> Malformed:
    return Malformed(f"{path} is no whole WAV file: it is damaged or cut off; {why}")


def _kind(tag: int, bits: int, width: float) -> str | None:
    """As NumPy calls it: samples of up to 8 bits are stored without a sign, wider ones with it.

    `width` counts bytes; bits that are not used are the lower ones.
    """
    if tag == FLOAT and bits in (32, 64) and 8 * width == bits:
        return "f"
    if tag == PCM and 1 <= bits <= 8 and width == 1:
        return "u"
    return "i" if tag == PCM and 9 <= bits <= 8 * width <= 64 and width % 1 == 0 else None


def _samples(data: memoryview, order: str, kind: str, width: int) -> Array:
    """As they are stored -> float64, the largest that the format holds being 1."""
    if width not in (1, 2, 4, 8):
        wide = 4 if width == 3 else 8
        parts = np.zeros((len(data) // width, wide), np.uint8)
        upper = slice(wide - width, None) if order == "<" else slice(width)
        parts[:, upper] = np.frombuffer(data, np.uint8).reshape(-1, width)
        data, width = parts.data.cast("B"), wide
    found = np.frombuffer(data, f"{order}{kind}{width}").astype(np.float64)
    if kind != "f":
        full = 2.0 ** (8 * width - 1)
        found = (found - (full if kind == "u" else 0.0)) / full
    return found


def _chunks(content: bytes, order: str, path: str) -> tuple[memoryview, memoryview]:
    """The chunks `fmt ` and `data`. Raises Malformed where one is missing or the samples end."""
    found: dict[bytes, memoryview] = {}
    view, place = memoryview(content), 12
    while place + 8 <= len(content):
        name, size = struct.unpack_from(f"{order}4sI", content, place)
        place += 8
        if name == b"data" and size in UNKNOWN and len(found.get(b"ds64", b"")) >= 16:
            size = struct.unpack_from("<Q", found[b"ds64"], 8)[0]
        left = len(content) - place
        size = left if size in UNKNOWN else size
        if name == b"data" and size > left:
            raise _not_whole(path, f"{left} of {size} bytes of samples are there")
        found.setdefault(name, view[place : place + size])
        place += size + size % 2
    if b"fmt " not in found or b"data" not in found:
        raise _not_whole(path, "its format or its samples are missing")
    return found[b"fmt "], found[b"data"]
