"""A heart in the layout of the real file: beats, a wave of breath, and noise."""

import io
import zipfile
from pathlib import Path

import numpy as np

RATE, SAMPLES = 53, 2003


def beats(samples: int, seed: int) -> np.ndarray:
    """A sharp peak a second or so, from -1 to 2 in size: (samples,)."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    phase = np.cumsum(1 + 0.2 * np.sin(time / 3)) / RATE
    peak = np.exp(-(((phase % 1 - 0.5) * 17) ** 2))
    return 1.7 * peak + 0.1 * np.sin(time) - 0.3 + 0.02 * rng.standard_normal(samples)


def write_recording(path: Path) -> None:
    """Counts of a converter: 200 a millivolt, 1024 for none."""
    counts = np.round(1024 + 200 * beats(SAMPLES, 0)).astype(np.uint16)
    content = io.BytesIO()
    np.savez_compressed(content, ecg=counts)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("scipy/misc/ecg.dat", content.getvalue())


ARCHIVES = {
    "scipy-1.9.3-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": write_recording
}
DATA = {"electrocardiogram": {"rate": float(RATE)}}
BASELINES = {"electrocardiogram": {"orders": [2, 7], "decays": [0.5]}}
RECIPES = {"ecg_gru": {"window": 5, "units": 7, "hidden": 11, "batch": 3, "time": 13, "chunk": 101}}
