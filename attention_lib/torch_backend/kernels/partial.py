"""One block of a fold by the streaming kernel, in the terms of the fold's `State`."""

import torch

from attention_lib.torch_backend.kernels.streaming import attended, refuses

__all__ = ["part"]


def part(call, stream, offsets):
    """Give peak, total, what was seen, and the undivided output; or None.

    Where the weighting uses the number of keys, the fold is to count those of a mask.
    """
    if refuses(call, stream) is not None:
        return None
    masked = call.is_causal or call.mask is not None or call.bias is not None
    if call.weighting.uses_n and masked:
        return None
    if not (all(call.shape) and call.query.shape[-1] and call.value.shape[-1]):
        return None
    ahead = offsets[0] - offsets[1]
    out, top, total, seen = attended(call, stream, ahead, whole=False)
    if total is None:
        return None, None, None, out
    peak = _peak(stream, top)
    if stream.logs:  # between the kernel's base and the peak lies log 2 at most
        half = 0.5 * stream.multiplier
        base = (top * half + 0.5 * _shift(stream)).clamp(max=0)
        rise = torch.exp(2 * (base - peak * half))
        rise = torch.where(peak > -torch.inf, rise, 1).detach()
        total, out = total * rise, out * rise
    return peak, total, seen, out


def _peak(stream, top):
    """Give what the fold's sizes are relative to, of the largest score."""
    if stream.logs:
        return stream.rule(top).detach()
    if stream.growth == "exp":
        return top.clamp(min=0)
    if stream.growth == "power":
        least = 1.0 if stream.eps else 0.0
        return torch.where(top > least, top, least)
    return top


def _shift(stream):
    return 0.0 if stream.shift is None else stream.shift
