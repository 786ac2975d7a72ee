"""What NumPy arrays and torch tensors have in common, under one name.

torch is never imported here: a tensor can only arrive once it has been.
"""

import contextlib
import sys

import numpy as np

__all__ = [
    "cast",
    "full",
    "is_tensor",
    "kind_of",
    "move_axis",
    "namespace",
    "quiet",
]


def is_tensor(x):
    """Tell whether `x` is a torch Tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def kind_of(x):
    """Name the kind of array `x` is, for error messages."""
    if is_tensor(x):
        return "torch Tensor"
    return "NumPy array" if isinstance(x, np.ndarray | np.generic) else type(x).__name__


def namespace(x):
    """Give `numpy` or `torch`, for code written in the names both share."""
    return sys.modules["torch"] if is_tensor(x) else np


def cast(x, dtype):
    """Give `x` in `dtype`, without a copy where it has it already."""
    return x.to(dtype) if is_tensor(x) else np.asarray(x).astype(dtype, copy=False)[()]


def full(shape, fill, like):
    """Give an array of one number, in the kind, dtype and device of `like`."""
    if is_tensor(like):
        return like.new_full(shape, fill)
    return np.full(shape, fill, like.dtype)


def move_axis(x, source, target):
    """Move one axis; torch's `moveaxis` has no batching rule, its `movedim` has."""
    return x.movedim(source, target) if is_tensor(x) else np.moveaxis(x, source, target)


def quiet(x=None):
    """Silence NumPy's warnings about non-finite numbers, which the rules handle.

    torch gives none, and cannot compile code that silences them. There it ends
    autocast instead, which would round what is computed in float32.
    """
    if not is_tensor(x):
        return np.errstate(all="ignore")
    torch, device = sys.modules["torch"], x.device.type
    supported = torch.amp.is_autocast_available(device)
    if supported and torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return contextlib.nullcontext()
