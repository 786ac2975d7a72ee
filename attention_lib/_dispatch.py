"""What NumPy arrays and torch tensors have in common, under one name.

The ground floor: everything above reads arrays through these. torch is never imported
here, since a tensor can only arrive once it has been.
"""

import contextlib
import math
import sys
from numbers import Real

import numpy as np

__all__ = [
    "at_least_one",
    "cast",
    "constant",
    "count",
    "factor_for",
    "full",
    "is_tensor",
    "kind_of",
    "largest",
    "like",
    "log_logistic",
    "log_of",
    "logistic",
    "masked",
    "move_axis",
    "namespace",
    "numberless",
    "present",
    "product",
    "quiet",
    "recorded",
    "rectified",
    "traced",
    "work_dtype",
]

INFINITY = float("inf")


def is_tensor(x):
    """Tell whether `x` is a torch Tensor, without importing torch."""
    # Another thread may be in the middle of the import.
    kind = getattr(sys.modules.get("torch"), "Tensor", None)
    return kind is not None and isinstance(x, kind)


def kind_of(x):
    """Name the kind of array `x` is, for error messages."""
    if is_tensor(x):
        return "torch Tensor"
    return "NumPy array" if isinstance(x, np.ndarray | np.generic) else type(x).__name__


def namespace(x):
    """Give `numpy` or `torch`, for code written in the names both share."""
    return sys.modules["torch"] if is_tensor(x) else np


def work_dtype(x):
    """Give the dtype to compute in: float32 for the 16-bit types, else `x`'s own."""
    xp = namespace(x)
    return xp.float32 if x.dtype.itemsize < 4 else x.dtype


def traced(*arrays):
    """Tell whether the numbers of any of them cannot be looked at now.

    So it is inside ``torch.func`` transforms, compilation, export and ``make_fx``, and
    for the tensors without numbers, those on the meta device and fake ones.
    """
    tensors = [x for x in arrays if is_tensor(x)]
    if not tensors:
        return False
    torch = sys.modules["torch"]
    if torch.compiler.is_compiling() or recorded():
        return True
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    return any(numberless(x) or wrapped(x) for x in tensors)


def recorded():
    """Tell whether ``make_fx``, or an export that is built on it, is at work."""
    torch = sys.modules["torch"]
    return _mode("PROXY", torch) is not None


def numberless(x):
    """Tell whether a tensor has a shape and no numbers: a meta or a fake one."""
    torch = sys.modules["torch"]
    return x.is_meta or _mode("FAKE", torch) is not None or _is_fake(x, torch)


def _mode(name, torch):
    return torch._C._get_dispatch_mode(getattr(torch._C._TorchDispatchModeKey, name))


def _is_fake(x, torch):
    if type(x) is torch.Tensor:  # most are, and this look is cheap
        return False
    return isinstance(x, torch._subclasses.fake_tensor.FakeTensor)


def cast(x, dtype):
    """Give `x` in `dtype`, without a copy where it has it already."""
    return x.to(dtype) if is_tensor(x) else np.asarray(x).astype(dtype, copy=False)[()]


def constant(x):
    """Give `x` without a gradient, for what cancels and so does its derivative."""
    return x.detach() if is_tensor(x) else x


def full(shape, fill, like):
    """Give an array of one number, in the kind, dtype and device of `like`."""
    if is_tensor(like):
        return like.new_full(shape, fill)
    return np.full(shape, fill, like.dtype)


def like(parameter, scores):
    """Give a parameter in the dtype of the scores, so that it promotes nothing."""
    if isinstance(parameter, Real):
        return float(parameter)
    if is_tensor(parameter):
        return parameter.to(scores.device, scores.dtype)
    return cast(parameter, scores.dtype)


def move_axis(x, source, target):
    """Move one axis; torch's `moveaxis` has no batching rule, its `movedim` has."""
    if source % x.ndim == target % x.ndim:
        return x
    return x.movedim(source, target) if is_tensor(x) else np.moveaxis(x, source, target)


def quiet(x=None):
    """Let every operation compute in the dtype of its arrays, and warn of nothing.

    NumPy's warnings about numbers that are not finite are silenced: the rules handle
    these. Under torch's autocast a product would be recast, and is not.
    """
    if not is_tensor(x):
        return np.errstate(all="ignore")
    torch, device = sys.modules["torch"], x.device.type
    if _is_fake(x, torch) and _mode("FAKE", torch) is None:
        return x.fake_mode  # in which the numbers written here are fake, too
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return contextlib.nullcontext()


def masked(x, where):
    """Give `x` with zeros where nothing takes part."""
    if where is None:
        return x
    return namespace(x).where(where, x, full((), 0.0, x))


def count(scores, where):
    """Count the keys that take part: a number, or one for each row, (..., 1)."""
    if where is None:
        return scores.shape[-1]
    return cast(where.sum(-1), scores.dtype)[..., None]


def at_least_one(n):
    """Give a number of keys to divide by, or one for each row."""
    return max(n, 1) if isinstance(n, int) else namespace(n).clip(n, 1, None)


def log_of(n):
    """Give the logarithm of a number of keys, zero of none, or one for each row."""
    n = at_least_one(n)
    return math.log(n) if isinstance(n, int) else namespace(n).log(n)


def largest(x, where=None):
    """Give the largest entry of each row that takes part, (..., 1), or -inf.

    It has no gradient: what is made relative to it does not depend on it.
    """
    x = constant(x)
    if where is not None:
        x = namespace(x).where(where, x, full((), -INFINITY, x))
    if not x.shape[-1]:
        return full((*x.shape[:-1], 1), -INFINITY, x)
    return namespace(x).amax(x, -1)[..., None]


def present(scores, where, whole=True):
    """Leave out the keys that score ``-inf``: they are not there.

    A row that holds nothing else stays as it is, if the row is whole.
    """
    there = scores != -INFINITY
    # A look at the numbers is cheaper than a mask, where it costs no waiting.
    looked = not traced(scores) and not (is_tensor(scores) and scores.is_cuda)
    if looked and bool(there.all()):
        return where
    if where is not None:
        there = there & where
    if not whole:
        return there
    some = there.any(-1)[..., None]
    return there | ~some if where is None else there | (where & ~some)


def logistic(x):
    """Give ``1 / (1 + e^-x)`` without overflow."""
    xp = namespace(x)
    if is_tensor(x):
        return xp.sigmoid(x)
    small = xp.exp(-abs(x))  # at most one
    return xp.where(x < 0, small, xp.ones_like(small)) / (1 + small)


def log_logistic(x):
    """Give ``log(1 / (1 + e^-x))`` without overflow."""
    xp = namespace(x)
    if is_tensor(x):  # logsigmoid has no batching rule on a GPU, softplus has
        linear_from = 80.0 if work_dtype(x) == xp.float32 else 700.0  # e^x is finite
        return -xp.nn.functional.softplus(-x, threshold=linear_from)
    return xp.minimum(x, 0) - xp.log1p(xp.exp(-abs(x)))


def rectified(x, power):
    """Give ``max(x, 0)^power``, where 0 to any power is 0; NaN stays NaN."""
    xp = namespace(x)
    low = x <= 0
    inside = xp.where(low, xp.ones_like(x), x)
    return xp.where(low, xp.zeros_like(x), inside if power == 1 else inside**power)


def product(x, base, multiplier):
    """Give ``(x - base) multiplier``, for a base that is the largest of a row.

    It is finite wherever the exact one is: a difference that overflows is halved first.
    """
    xp = namespace(x)
    if isinstance(multiplier, float) and multiplier >= 1:
        if multiplier == 1:
            return x - base
        return (x - base) * factor_for(x, multiplier)
    if isinstance(multiplier, float) and multiplier == 0:
        return masked(x, xp.zeros_like(x, dtype=xp.bool))  # it has a gradient: zero
    half = 0.5 * x - 0.5 * base
    factor = factor_for(x, multiplier)
    low = half == -INFINITY  # which 0 would make NaN, and adds no gradient
    return xp.where(low, half, masked(half, ~low) * (2 * factor))


def factor_for(x, multiplier):
    """Give a multiplier in the dtype of `x`, and twice it finite in that."""
    if isinstance(multiplier, float) and multiplier <= 1:
        return multiplier  # as in most calls, for which a look at the dtype is slow
    most = float(namespace(x).finfo(x.dtype).max) / 2
    if isinstance(multiplier, float):
        return min(multiplier, most)
    return namespace(x).clip(like(multiplier, x), None, most)
