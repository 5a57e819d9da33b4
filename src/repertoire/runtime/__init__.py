"""What ships: a folder with a model, used by numpy and onnxruntime alone.

from repertoire.runtime import load

load("artifacts/dates").translate(["1994년 9월 27일"])
"""

import importlib
import os
from pathlib import Path
from typing import Any

# onnxruntime reads this once, when it is first imported, and reports usage unless it is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["load"]


def load(folder: str | Path, threads: int | None = None) -> Any:
    """The model of a folder: a ``repertoire.runtime.loaded.LoadedModel``, its tasks as methods.

    `threads` of one run, all cores by default. Raises ``errors.BadModel``.
    """
    # By name: what needs a port or a tokenizer alone must not import every task.
    loaded = importlib.import_module("repertoire.runtime.loaded")
    return loaded.LoadedModel.of_folder(Path(folder), threads)
