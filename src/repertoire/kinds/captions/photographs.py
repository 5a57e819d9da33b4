"""What a published net finds in photographs: MobileNetV2 with the weights of ImageNet.

No net here learns to see from few photographs, so what the encoder finds is computed once, and its
weights go with the data.
"""

import io
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.sources import SourceError, members
from repertoire.data.tensors import RowBlocks

ENCODER = "MobileNetV2 with ImageNet weights, not trained further"
CHUNK = 50  # photographs that pass the encoder together


def weights(path: Path, pattern: str) -> Arrays:
    """The tensors of a net by name; a file that holds anything else is refused."""
    # Imported late: only these data sets read PyTorch's format.
    import torch

    [(name, content)] = members(path, pattern)
    try:
        state = torch.load(io.BytesIO(content), weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise SourceError(f"{path}: {name} holds no weights alone ({error})") from error
    return {name: value.numpy() for name, value in state.items()}


def encoder_layers(path: Path, pattern: str) -> Arrays:
    """The weights of all layers but the classifier."""
    found = weights(path, pattern)
    return {name: value for name, value in found.items() if name.startswith("features.")}


def encoded_images(
    split: str, images: Array | RowBlocks, layers: Arrays, threads: int
) -> dict[str, Any]:
    """``pooled`` float32 (rows, channels) of uint8 photographs (rows, side, side, 3), and to train
    and to validate on ``features`` float16 (rows, places, channels), to test on ``images``.

    Features lie in a temporary file until they are written: those of 8,000 photographs take a
    gigabyte.
    """
    pooled, shape = [], None
    with tempfile.TemporaryFile() as file:
        for features in _features(images, layers, threads):
            pooled.append(features.mean(1))
            shape = features.shape[1:]
            if split != "test":
                file.write(features.astype(np.float16).tobytes())
        found: dict[str, Any] = {"pooled": np.concatenate(pooled)}
        if split == "test":
            return {"images": images, **found}
        file.flush()
        mapped = np.memmap(file, np.float16, "r", shape=(len(images), *(shape or ())))
    return {"features": RowBlocks(mapped.shape, np.float16, lambda: _parts(mapped)), **found}


def _parts(images: Array | RowBlocks) -> Iterator[Array]:
    """Up to ``CHUNK`` rows at a time."""
    for block in images.blocks() if isinstance(images, RowBlocks) else (images,):
        for start in range(0, len(block), CHUNK):
            yield block[start : start + CHUNK]


def _features(images: Array | RowBlocks, layers: Arrays, threads: int) -> Iterator[Array]:
    """float32 (rows, places, channels) of uint8 photographs, some at a time."""
    import torch

    from repertoire.nn.mobilenet import Photographs

    torch.set_num_threads(threads)
    encoder = Photographs().eval()
    encoder.load_state_dict({name: torch.from_numpy(value) for name, value in layers.items()})
    for part in _parts(images):
        with torch.no_grad():
            yield encoder(torch.from_numpy(part)).numpy()
