"""Attention in torch: a kernel, one matrix, or blocks of queries."""

import dataclasses

import torch

from attention_lib import _ways
from attention_lib.torch_backend.by_blocks import Blocks
from attention_lib.torch_backend.by_kernel import ByKernel
from attention_lib.torch_backend.general import Dense, General, Small
from attention_lib.torch_backend.kernels import device
from attention_lib.torch_backend.kernels.loading import kernel
from attention_lib.torch_backend.masking import count_keys
from attention_lib.torch_backend.sdpa import Sdpa
from attention_lib.weightings.streams import MERGING

__all__ = ["WAYS", "attend", "part", "transformed"]

WAYS = (
    Sdpa(),
    ByKernel("streaming", MERGING),
    ByKernel("sparse", ("threshold",)),
    Small(),
    Blocks(),
    General(),
    Dense(),
)


def attend(call):
    """Average the values with each query's weights."""
    if transformed(call):
        call = dataclasses.replace(call, transformed=True)
    n = count_keys(call) if call.weighting.uses_n else None
    return _ways.attend(call, WAYS, call.weighting.stream(n))


def part(call, stream, offsets):
    """Fold a block of keys by a kernel: its `partial.part`, or None."""
    given = (call.query, call.key, call.value, call.bias, call.mask)
    if device.refuses(*given) is not None or stream.formula is None:
        return None
    return kernel("partial").part(call, stream, offsets)


def transformed(call, *more):
    """Tell whether torch.func or forward-mode AD is at work, which SDPA lacks."""
    if torch.compiler.is_compiling():
        return False
    given = (call.query, call.key, call.value, call.bias, call.mask)
    tensors = [t for t in (*given, *more) if t is not None]
    unpack = torch.autograd.forward_ad.unpack_dual
    return any(_wrapped(t) or unpack(t).tangent is not None for t in tensors)


def _wrapped(t):
    return torch._C._functorch.is_functorch_wrapped_tensor(t)
