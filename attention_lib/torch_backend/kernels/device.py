"""Why no kernel can serve a tensor; this needs no Triton to be said."""

import os
from importlib.util import find_spec

import torch

from attention_lib._dispatch import numberless, recorded

__all__ = ["DTYPES", "INTERPRETED", "refuses"]

# Triton reads the variable when it is imported, so it holds for the whole process.
INTERPRETED = os.environ.get("TRITON_INTERPRET", "0") == "1"
INSTALLED = find_spec("triton") is not None
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
OLDEST = 8  # the compute capability of Ampere, sm_80


def refuses(*tensors):
    """Say why no kernel can serve these tensors, or None; a None among them is none.

    A compiler is no reason: kernels are registered operators, which it keeps whole.
    """
    given = [t for t in tensors if t is not None]
    if not INSTALLED:
        return "Triton is not installed"
    for t in given:
        reason = _not_there(t)
        if reason is None and t.is_floating_point() and t.dtype not in DTYPES:
            reason = f"kernels take float32, float16 and bfloat16; got {t.dtype}"
        if reason is not None:
            return reason
    return _not_plain(given)


def _not_there(t):
    """Say why kernels do not run where a tensor is, or None."""
    kind = t.device.type
    if kind == "cpu" and INTERPRETED:
        return None
    if kind != "cuda":
        return f"kernels run on CUDA, and are untested elsewhere; got {kind}"
    if torch.version.hip:
        return "kernels are untested on ROCm"
    found = torch.cuda.get_device_properties(t.device)
    if found.major < OLDEST:
        return f"kernels need sm_80 or newer; got sm_{found.major}{found.minor}"
    return None


def _not_plain(given):
    """Say what keeps the numbers of tensors from a kernel, or None."""
    if torch.compiler.is_exporting():
        return "a program that is exported holds torch's own operations only"
    if torch.compiler.is_compiling():
        return None
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    tangent = torch.autograd.forward_ad.unpack_dual
    if any(wrapped(t) or tangent(t).tangent is not None for t in given):
        return "torch.func and forward-mode differentiation have no rule for kernels"
    if recorded() or any(numberless(t) for t in given):
        return "the tensors hold no numbers, or their operations are recorded"
    return None
