"""What a published net finds in photographs: MobileNetV2 with the weights of ImageNet.

No net here learns to see from few photographs, so what the encoder finds is computed once, and its
weights go with the data.
"""

import io
import pickle
from pathlib import Path

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.sources import SourceError, members

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


def encoded_images(split: str, images: Array, layers: Arrays, threads: int) -> Arrays:
    """``pooled`` float32 (rows, channels) of uint8 photographs (rows, side, side, 3), and to train
    and to validate on ``features`` float16 (rows, places, channels), to test on ``images``.
    """
    features = _features(images, layers, threads)
    known = {"features": features.astype(np.float16)}
    return {**({"images": images} if split == "test" else known), "pooled": features.mean(1)}


def _features(images: Array, layers: Arrays, threads: int) -> Array:
    """float32 (rows, places, channels) of uint8 photographs."""
    import torch

    from repertoire.nn.mobilenet import Photographs

    torch.set_num_threads(threads)
    encoder = Photographs().eval()
    encoder.load_state_dict({name: torch.from_numpy(value) for name, value in layers.items()})
    with torch.no_grad():
        chunks = [
            encoder(torch.from_numpy(images[start : start + CHUNK])).numpy()
            for start in range(0, len(images), CHUNK)
        ]
    return np.concatenate(chunks)
