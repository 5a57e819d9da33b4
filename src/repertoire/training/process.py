"""Settings of a training process."""

import ctypes
import os
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_MMAP_THRESHOLD = 32 << 20  # what glibc accepts


def settle(seed: int, threads: int) -> None:
    """Seed every generator, fix the number of threads, and allow deterministic kernels only.

    Sums depend on how many threads share them, so the number is a parameter, not the machine's.
    Where there is a GPU, tensors are made on it from now on; a few of its kernels have no
    deterministic form, and PyTorch names them in a warning.
    """
    gpu = torch.cuda.is_available()
    if gpu:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or products are refused
        torch.set_default_device("cuda")
        torch.set_float32_matmul_precision("high")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=gpu)
    # Deterministic mode would fill every new tensor; no code here reads what it has not written.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    # glibc returns large buffers to the kernel, and the next step takes a page fault for every
    # 4 KiB of them: a quarter of a plain language-model step.
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def placed(value: Any) -> Any:
    """Tensors and arrays, in tuples or alone, on the device on which tensors are made."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return torch.as_tensor(value, device=torch.get_default_device())
    if isinstance(value, tuple):
        return tuple(placed(item) for item in value)
    return value


def random_state() -> dict[str, torch.Tensor]:
    """The states of PyTorch's generators, by kind of device."""
    gpu = {"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {}
    return {"cpu": torch.get_rng_state(), **gpu}


def set_random_state(state: dict[str, torch.Tensor]) -> None:
    """Continue exactly where ``random_state`` was taken."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])


def clip_gradients(parameters: Iterable[torch.nn.Parameter], largest: float) -> float:
    """Scale the gradients to a joint norm of at most ``largest``; returns the norm before.

    Pascanu et al. 2013, section 3.2. Writes only when they are too long, unlike PyTorch's.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    if not norm <= largest:
        torch._foreach_mul_(gradients, largest / (norm + 1e-6))
    return norm
