"""Row rules in torch: its own kernels where they are right at the edges."""

import torch

from attention_lib import _check

__all__ = ["log_softmax", "logsumexp", "softmax"]

LONG, LONG_COLUMN = 4096, 128  # rows up to here lose few digits; along other axes


def softmax(x, axis, where=None, temperature=1.0):
    """Weigh each entry by the exponential of its score; see `attention_lib.softmax`."""
    z = x.to(_check.work_dtype(x))
    if where is not None:
        z = _fill(z, where, axis)
    if isinstance(temperature, torch.Tensor) or temperature != 1:
        top = z.detach().amax(axis, keepdim=True) if z.shape[axis] else 0
        z = _divide(z - top, temperature)  # shifted first: T may be small
    weights = _mended(torch.softmax(z, axis), axis)
    if where is not None:
        weights = weights.masked_fill(~where, 0)
    return weights.to(x.dtype)


def log_softmax(x, axis, where=None, temperature=1.0):
    """Take the logarithm of softmax exactly; see `attention_lib.log_softmax`."""
    shifted, top, log_sum = _log_parts(x, axis, where, temperature)
    out = torch.where(top == torch.inf, torch.nan, shifted - log_sum)
    if where is not None:
        out = out.masked_fill(~where, -torch.inf)
    return out.to(x.dtype)


def logsumexp(x, axis, where=None, keepdims=False):
    """Take the logarithm of a sum of exponentials; see `attention_lib.logsumexp`."""
    _, top, log_sum = _log_parts(x, axis, where)
    out = torch.where(top.isfinite(), top, 0) + log_sum
    return (out if keepdims else out.squeeze(axis)).to(x.dtype)


def _mended(weights, axis):
    """Divide the weights of long rows by their sum, which torch has rounded too often.

    A processor adds up the exponentials one after the other: along the last axis in
    several sums side by side, along others in one. The weights are added in pairs. In
    exact arithmetic their sum is one, whatever the scores: it has no gradient.
    """
    longest = LONG if axis == weights.ndim - 1 else LONG_COLUMN
    if weights.shape[axis] <= longest or weights.device.type != "cpu":
        return weights
    return weights / weights.detach().sum(axis, keepdim=True)


def _fill(z, where, axis):
    """Put -inf where nothing takes part, and zeros in rows where nothing does at all.

    Such a row then has finite weights to be cleared, and a gradient of zero.
    """
    some = where.expand(z.shape).any(axis, keepdim=True)
    hole = torch.zeros_like(some, dtype=z.dtype).masked_fill(some, -torch.inf)
    return torch.where(where, z, hole)


def _divide(z, temperature):
    """Divide by the temperature, to which -inf (a weight of zero) adds no gradient."""
    if not isinstance(temperature, torch.Tensor):
        return z / temperature
    low = z == -torch.inf
    return torch.where(low, z, torch.where(low, 0, z) / temperature)


def _log_parts(x, axis, where, temperature=1.0):
    """Give ``z - top``, the top, and the log of the sum of the exponentials.

    The top entry adds exactly one to that sum, so ``log1p`` of the other entries
    keeps the digits that ``log(1 + others)`` would lose.
    """
    z, empty = x.to(_check.work_dtype(x)), None
    if where is not None:
        z = _fill(z, where, axis)
        empty = ~where.expand(z.shape).any(axis, keepdim=True)
    if not z.shape[axis]:
        none = z.new_full((*z.shape[:axis], 1, *z.shape[axis + 1 :]), -torch.inf)
        return z, none, none
    top, index = z.detach().max(axis, keepdim=True)
    shifted = _divide(z - torch.where(top.isfinite(), top, 0), temperature)
    is_top = torch.zeros_like(shifted, dtype=torch.bool).scatter(axis, index, True)
    others = torch.where(is_top, 0, shifted.exp()).sum(axis, keepdim=True)
    at_top = shifted.gather(axis, index).expm1()  # 0 where the top is finite
    log_sum = torch.log1p(others + at_top)
    if empty is not None:
        log_sum = log_sum.masked_fill(empty, -torch.inf)
    return shifted, top, log_sum
