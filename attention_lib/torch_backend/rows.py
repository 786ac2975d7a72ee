"""Row rules in torch: its own kernels where they are right at the edges."""

import torch

from attention_lib._dispatch import product, traced
from attention_lib.torch_backend.extremes import within
from attention_lib.torch_backend.kernels import device
from attention_lib.torch_backend.kernels.loading import kernel

__all__ = ["by_kernel", "log_softmax", "logsumexp", "softmax"]

LONG = 4096  # rows up to here lose few digits
NEAR = 8  # units in the last place by which a sum may miss one


def by_kernel(weighting, scores, where):
    """Weigh by a kernel of a GPU, in the scores' own dtype; None: by torch's own."""
    # First the scores alone, for on a processor they end it, and rows are soon weighed.
    if device.refuses(scores) is not None or not scores.numel():
        return None
    if device.refuses(where, *weighting.parameters().values()) is not None:
        return None
    stream = weighting.stream(scores.shape[-1] if weighting.uses_n else None)
    if stream is None or stream.formula is None:
        return None
    by = kernel("rows")
    if weighting.uses_n:
        stream = weighting.stream(by.counted(scores, where))
    return by.weigh(stream, scores, where)


def softmax(scores, where=None, multiplier=1.0):
    """Weigh along the last axis by the exponential of a multiple of each score."""
    z = scores if where is None else _fill(scores, where)
    if isinstance(multiplier, torch.Tensor) or multiplier != 1:
        z = product(z, _top(z), multiplier)  # the largest may overflow
    weights = _mended(torch.softmax(z, -1))
    return weights if where is None else weights.masked_fill(~where, 0)


def log_softmax(scores, where=None, multiplier=1.0):
    """Take the logarithm of softmax exactly; see `attention_lib.log_softmax`."""
    shifted, top, log_sum = _log_parts(scores, where, multiplier)
    out = torch.where(top == torch.inf, torch.nan, shifted - log_sum)
    return out if where is None else out.masked_fill(~where, -torch.inf)


def logsumexp(scores, where=None):
    """Take the logarithm of a sum of exponentials, (..., 1)."""
    _, top, log_sum = _log_parts(scores, where)
    return torch.where(top.isfinite(), top, 0) + log_sum


def _mended(weights):
    """Divide the weights of long rows by their sum, which torch has rounded too often.

    A processor adds up the exponentials in several sums side by side, one after the
    other in each; the weights are added in pairs. In exact arithmetic their sum is one,
    whatever the scores: it has no gradient.
    """
    if weights.shape[-1] <= LONG or weights.device.type != "cpu":
        return weights
    total = weights.detach().sum(-1, keepdim=True)
    room = NEAR * torch.finfo(total.dtype).eps
    known = not traced(weights)
    if known and within(
        total, 1 - room, 1 + room
    ):  # as most are; a division costs a third
        return weights
    total = torch.where((total - 1).abs() <= room, 1, total)
    if known and not weights.requires_grad:
        return weights.div_(total)  # no graph holds them, and new memory costs more
    return weights / total


def _top(z):
    """Give the largest of each row; it has no gradient, for it cancels."""
    return z.detach().amax(-1, keepdim=True) if z.shape[-1] else 0


def _fill(z, where):
    """Put -inf where nothing takes part, and zeros in rows where nothing does at all.

    Such a row then has finite weights to be cleared, and a gradient of zero.
    """
    some = where.expand(z.shape).any(-1, keepdim=True)
    hole = torch.zeros_like(some, dtype=z.dtype).masked_fill(some, -torch.inf)
    return torch.where(where, z, hole)


def _log_parts(z, where, multiplier=1.0):
    """Give ``z - top``, the top, and the log of the sum of the exponentials.

    The top entry adds exactly one to that sum, so ``log1p`` of the other entries
    keeps the digits that ``log(1 + others)`` would lose.
    """
    empty = None
    if where is not None:
        empty = ~where.expand(z.shape).any(-1, keepdim=True)
        z = _fill(z, where)
    if not z.shape[-1]:
        none = z.new_full((*z.shape[:-1], 1), -torch.inf)
        return z, none, none
    top, index = z.detach().max(-1, keepdim=True)
    shifted = product(z, torch.where(top.isfinite(), top, 0), multiplier)
    is_top = torch.zeros_like(shifted, dtype=torch.bool).scatter(-1, index, True)
    others = torch.where(is_top, 0, shifted.exp()).sum(-1, keepdim=True)
    at_top = shifted.gather(-1, index).expm1()  # 0 where the top is finite
    log_sum = torch.log1p(others + at_top)
    if empty is not None:
        log_sum = log_sum.masked_fill(empty, -torch.inf)
    return shifted, top, log_sum
