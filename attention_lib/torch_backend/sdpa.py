"""Torch's own kernel for softmax, and for what is softmax of other numbers.

Scalable softmax, and a temperature for each row, are softmax of a query that is
multiplied first. Softmax1 is softmax's output times ``sigmoid(lse - offset)``; given
that output and ``logaddexp(lse, offset)``, the kernel's own way back is softmax1's, for
it uses no more than ``exp(score - lse)`` and the output.
"""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from attention_lib._dispatch import traced
from attention_lib.torch_backend import flash, masking
from attention_lib.torch_backend.by_blocks import LARGE
from attention_lib.torch_backend.extremes import largest
from attention_lib.torch_backend.general import is_small
from attention_lib.torch_backend.masking import where_of
from attention_lib.torch_backend.once import first_only
from attention_lib.torch_backend.scores import reads_only_numbers

__all__ = ["Sdpa", "above_zero", "four_axes"]

EXACT = (torch.float32, torch.float64)  # dtypes that the kernel does not round
TAKEN = (*EXACT, torch.float16, torch.bfloat16)


class Sdpa:
    """Torch's kernel, for softmax of a multiple of the scores, and one more key."""

    method = "sdpa"

    def refuses(self, call, stream):
        """Refuse what is not softmax, or not read by the kernel as it is meant."""
        if call.softcap is not None:
            return "softcap is set"
        if call.query.dtype not in TAKEN:
            return f"it takes no {call.query.dtype}"
        if call.bias is not None and call.bias.dtype != call.query.dtype:
            return f"attn_mask is {call.bias.dtype}; got a query of {call.query.dtype}"
        if call.rng is not None:
            return "it draws from torch's global generator; got rng"
        name = type(call.weighting).__name__
        if stream is None or not stream.multiplies:
            return f"it takes softmax of a multiple of the scores; got {name}"
        by_row = not (isinstance(stream.multiplier, float) and stream.sign == 1)
        reason = None
        if stream.offset is not None:
            reason = _not_with_one_more(call)
        elif by_row:
            reason = _not_by_row(call, name)
        return reason or _slower(call)

    def run(self, call, stream):
        """Hand over to the kernel, in the four axes in which it is fast."""
        if not (call.transformed or reads_only_numbers(call)):
            return None  # it would read what is masked
        if stream.offset is not None:
            return _softmax1(call, stream.offset)
        return _softmax(call, stream)


def _not_by_row(call, name):
    """Say why a multiplier that may differ from row to row cannot serve, or None."""
    if call.transformed or torch.compiler.is_compiling() or call.bias is not None:
        return f"it takes softmax of a multiple of the scores; got {name}"
    if call.query.dtype not in EXACT:
        return f"the multiplied query would be rounded; got {call.query.dtype}"
    return None


def _not_with_one_more(call):
    """Say why the kernel that gives the log-sum-exp cannot serve a call, or None."""
    if not flash.known():
        return "this torch has no kernel that gives the log-sum-exp"
    if call.transformed or traced(call.query):
        return "Softmax1 has no rule for transforms there"
    if call.dropout_p or call.mask is not None or call.bias is not None:
        return "Softmax1 takes no mask and no dropout there"
    widths = call.query.shape[-1], call.value.shape[-1]
    if call.query.is_cuda or call.query.dtype not in EXACT or widths[0] != widths[1]:
        return "Softmax1 needs float32 or float64 on a CPU there, and values of width E"
    if not all(call.shape):
        return "there is nothing to attend to"
    return None


def _slower(call):
    """Say why another way is faster, where the choice is ours."""
    if call.method != "auto":
        return None
    if call.transformed:
        return "torch.func and forward-mode differentiation have no rule for it"
    # On a CPU there is a fused kernel for values as wide as the keys only.
    fused = call.query.is_cuda or call.query.shape[-1] == call.value.shape[-1]
    if fused or call.dropout_p or torch.compiler.is_exporting() or is_small(call):
        return None
    return "blocks are faster for values of another width than the keys"


def _softmax(call, stream):
    """Take softmax of the scores times sign and multiplier."""
    query, mask, causal = call.query, call.mask, call.is_causal
    scale, factor = call.scale, stream.multiplier
    if isinstance(factor, float) and isinstance(stream.sign, int):
        scale, factor = scale * factor * stream.sign, factor * stream.sign
    else:
        query = (query * (stream.sign * factor)).to(query.dtype)
    as_they_are = isinstance(factor, float) and factor == 1
    if not (as_they_are or traced(query) or _within_reach(call, query, scale, factor)):
        return None
    query, scale = above_zero(query, scale)
    if call.bias is not None:
        mask = call.bias if factor == 1 else _multiplied(call.bias, factor)
    if mask is not None and causal:  # SDPA takes one or the other
        where, causal = where_of(call), False
        mask = where if call.bias is None else mask.masked_fill(~where, -torch.inf)
    query, key, value = _in_four_axes(call, query)
    if mask is not None:
        mask = four_axes(call, mask, call.shape[-2:])
    out = sdpa(query, key, value, mask, call.dropout_p, causal, scale=scale)
    return out.reshape(*call.lead, *out.shape[-2:])


def above_zero(query, scale):
    """Move sign and zero from the scale to the query, which both hold exactly.

    The kernel hides with -inf before it multiplies by the scale.
    """
    if scale > 0:
        return query, scale
    return (-query, -scale) if scale else (query * 0, 1.0)


@torch.no_grad()
def _within_reach(call, query, scale, factor):
    """Tell whether what multiplies the scores leaves them of ordinary size.

    The lowest number of a mask stays the lowest.
    """
    if not (query.numel() and call.key.numel()):  # scores of zero, or none
        return True
    asked, held = (largest(a).double() for a in (query, call.key))
    within = asked * held * abs(scale) * query.shape[-1] < LARGE
    if call.bias is not None:
        lowest = call.bias <= torch.finfo(call.bias.dtype).min
        within = within & ((call.bias.abs() * abs(factor) < LARGE) | lowest).all()
    return bool(within)


def four_axes(call, a, tail):
    """Give the leading axes of a call to `a`, folded to two, before its last two."""
    lead = call.lead
    folded = (math.prod(lead[:-1]), lead[-1]) if lead else (1, 1)
    return a.expand(*lead, *tail).reshape(*folded, *tail)


def _in_four_axes(call, query):
    length, n_keys = call.shape[-2:]
    given = [(query, length), (call.key, n_keys), (call.value, n_keys)]
    given[1:] = [(masking.for_each_head(a, call.group), n) for a, n in given[1:]]
    return [four_axes(call, a, (n, a.shape[-1])) for a, n in given]


def _multiplied(bias, factor):
    """Multiply an additive mask, in which only -inf may become -inf."""
    lowest = torch.finfo(bias.dtype).min
    return torch.where(bias == -torch.inf, bias, (bias * factor).clamp(min=lowest))


def _softmax1(call, offset):
    # The kernel reads the last axis as if its numbers lay side by side.
    query, key, value = _in_four_axes(call, call.query)
    query, scale = above_zero(query, call.scale)
    offset = torch.as_tensor(offset, dtype=query.dtype, device=query.device)
    offset = four_axes(call, offset, (call.shape[-2], 1)).squeeze(-1)
    out = _Softmax1.apply(query, key, value, offset, call.is_causal, scale)
    return out.reshape(*call.lead, *out.shape[-2:])


class _Softmax1(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, offset, causal, scale):
        out, lse = flash.attended(query, key, value, causal, scale)
        out = out * torch.sigmoid(lse - offset)[..., None]
        lse = torch.logaddexp(lse, offset)
        ctx.options = causal, scale
        ctx.save_for_backward(query, key, value, offset, out, lse)
        return out

    @staticmethod
    def backward(ctx, grad):
        slopes = _softmax1_backward(ctx, grad)
        return *first_only(slopes, (grad, *ctx.saved_tensors)), None, None


@torch.no_grad()
def _softmax1_backward(ctx, grad):
    query, key, value, offset, out, lse = ctx.saved_tensors
    causal, scale = ctx.options
    slopes = flash.slopes(grad, query, key, value, out, lse, causal, scale)
    in_offset = None
    if ctx.needs_input_grad[3]:
        share = torch.exp(offset - lse).nan_to_num(1.0)  # of an infinite offset: 1
        in_offset = -share * (grad * out).sum(-1)
    return *slopes, in_offset
