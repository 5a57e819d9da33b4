"""Settings of a training process."""

import ctypes
import random
from collections.abc import Iterable

import numpy as np
import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_MMAP_THRESHOLD = 32 << 20  # what glibc accepts


def settle(seed: int, threads: int) -> None:
    """Seed every generator, fix the number of threads, and allow deterministic kernels only.

    Sums depend on how many threads share them, so the number is a parameter, not the machine's.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
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


def clip_gradients(parameters: Iterable[torch.nn.Parameter], largest: float) -> float:
    """Scale the gradients to a joint norm of at most ``largest``; returns the norm before.

    Pascanu et al. 2013, section 3.2. Writes only when they are too long, unlike PyTorch's.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    if not norm <= largest:
        torch._foreach_mul_(gradients, largest / (norm + 1e-6))
    return norm
