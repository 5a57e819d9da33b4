"""Nested state to one safetensors file and back: no pickle, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as safetensors_bytes

from repertoire.data.files import whole_file

TENSOR = "$tensor"
PAIRS = "$pairs"  # a mapping whose keys are not strings, as in an optimizer's state


def save(path: Path, state: dict[str, Any]) -> None:
    """Write dicts and lists of tensors, numbers, strings and None."""
    tensors: dict[str, torch.Tensor] = {}
    layout = _flatten(state, tensors)
    with whole_file(path) as partial:
        partial.write_bytes(safetensors_bytes(tensors, {"layout": json.dumps(layout)}))


def load(path: Path) -> dict[str, Any]:
    """The inverse of ``save``; tuples come back as lists."""
    with safe_open(path, framework="pt") as file:
        # Cloned into aligned memory, on which rounding depends.
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        layout = json.loads(file.metadata()["layout"])
    return _unflatten(layout, tensors)


def _flatten(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        # Cloned, because tied weights share memory and a file may not.
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {TENSOR: name}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _flatten(item, tensors) for key, item in value.items()}
        return {PAIRS: [[key, _flatten(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_flatten(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _unflatten(layout: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(layout, list):
        return [_unflatten(item, tensors) for item in layout]
    if not isinstance(layout, dict):
        return layout
    if TENSOR in layout:
        return tensors[layout[TENSOR]]
    if PAIRS in layout:
        return {key: _unflatten(item, tensors) for key, item in layout[PAIRS]}
    return {key: _unflatten(item, tensors) for key, item in layout.items()}
