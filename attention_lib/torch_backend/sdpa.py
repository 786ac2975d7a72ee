"""Torch's own kernel for softmax, and for what is softmax of other numbers.

Scalable softmax, and a temperature for each row, are softmax of a query that is
multiplied first. Softmax1 is softmax's output times ``sigmoid(lse - offset)``; given
that output and ``logaddexp(lse, offset)``, the kernel's own way back is softmax1's, for
it uses no more than ``exp(score - lse)`` and the output.
"""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from attention_lib.torch_backend import masking
from attention_lib.torch_backend.masking import count_keys, where_of
from attention_lib.torch_backend.once import first_only
from attention_lib.weightings.exponential import FOLDED, ScalableSoftmax, Softmax
from attention_lib.weightings.exponential import Softmax1 as WithOneMore

__all__ = ["by_sdpa", "multiplier", "not_sdpa"]

FORWARD = "_scaled_dot_product_flash_attention_for_cpu"
EXACT = (torch.float32, torch.float64)  # dtypes that the kernel does not round


def multiplier(call, weighting):
    """Give what multiplies the scores of a softmax: a number, one a row, or None."""
    factor = weighting.constant_multiplier()
    if factor is not None:
        return factor
    if type(weighting) is Softmax:
        temperature = weighting.temperature
        if isinstance(temperature, torch.Tensor):
            low, high = temperature.detach().aminmax()
            if FOLDED[0] <= low and high <= FOLDED[1]:
                return 1 / temperature
    if type(weighting) is ScalableSoftmax:
        n = count_keys(call)
        return weighting.factor(call.query, n)
    return None


def not_sdpa(call, weighting, dropout_p, rng, transformed=False):
    """Say why SDPA cannot serve a call, or None where it can."""
    if call.softcap is not None:
        return "softcap is set"
    if call.bias is not None and call.bias.dtype != call.query.dtype:
        return f"attn_mask is {call.bias.dtype}; got a query of {call.query.dtype}"
    if rng is not None:
        return "it draws from torch's global generator; got rng"
    if type(weighting) is WithOneMore:
        return _not_softmax1(call, dropout_p, transformed)
    simple = weighting.constant_multiplier() is not None
    if not simple and (
        transformed
        or torch.compiler.is_compiling()
        or call.bias is not None
        or multiplier(call, weighting) is None
    ):
        name = type(weighting).__name__
        return f"it takes softmax of a multiple of the scores; got {name}"
    return None


def _not_softmax1(call, dropout_p, transformed):
    """Say why the kernel that gives the log-sum-exp cannot serve a call, or None."""
    if not hasattr(torch.ops.aten, FORWARD):
        return "this torch has no kernel that gives the log-sum-exp"
    if transformed or torch.compiler.is_compiling():
        return "Softmax1 has no rule for transforms there"
    if dropout_p or call.mask is not None or call.bias is not None:
        return "Softmax1 takes no mask and no dropout there"
    widths = call.query.shape[-1], call.value.shape[-1]
    if call.query.is_cuda or call.query.dtype not in EXACT or widths[0] != widths[1]:
        return "Softmax1 needs float32 or float64 on a CPU there, and values of width E"
    if not all(call.shape):
        return "there is nothing to attend to"
    return None


def by_sdpa(call, weighting, dropout_p):
    """Hand over to torch's kernel, in the four axes in which it is fast."""
    if type(weighting) is WithOneMore:
        return _softmax1(call, weighting.offset)
    factor = multiplier(call, weighting)
    query, mask, causal = call.query, call.mask, call.is_causal
    if isinstance(factor, torch.Tensor):
        query, factor = (query * factor).to(query.dtype), 1
    if call.bias is not None:
        mask = call.bias if factor == 1 else _multiplied(call.bias, factor)
    if mask is not None and causal:  # SDPA takes one or the other
        where, causal = where_of(call), False
        mask = where if call.bias is None else mask.masked_fill(~where, -torch.inf)
    query, key, value = _in_four_axes(call, query)
    if mask is not None:
        mask = _four(call, mask, call.shape[-2:])
    out = sdpa(query, key, value, mask, dropout_p, causal, scale=call.scale * factor)
    # Under autocast the kernel gives what it computes in.
    return out.reshape(*call.lead, *out.shape[-2:]).to(call.query.dtype)


def _four(call, a, tail):
    """Give the leading axes of a call to `a`, folded to two, before its last two."""
    lead = call.lead
    folded = (math.prod(lead[:-1]), lead[-1]) if lead else (1, 1)
    return a.expand(*lead, *tail).reshape(*folded, *tail)


def _in_four_axes(call, query):
    length, n_keys = call.shape[-2:]
    given = [(query, length), (call.key, n_keys), (call.value, n_keys)]
    given[1:] = [(masking.for_each_head(a, call.group), n) for a, n in given[1:]]
    return [_four(call, a, (n, a.shape[-1])) for a, n in given]


def _multiplied(bias, factor):
    """Multiply an additive mask, in which only -inf may become -inf."""
    lowest = torch.finfo(bias.dtype).min
    return torch.where(bias == -torch.inf, bias, (bias * factor).clamp(min=lowest))


def _softmax1(call, offset):
    query, key, value = _in_four_axes(call, call.query)
    offset = torch.as_tensor(offset, dtype=query.dtype, device=query.device)
    offset = _four(call, offset, (call.shape[-2], 1)).squeeze(-1)
    out = _Softmax1.apply(query, key, value, offset, call.is_causal, call.scale)
    return out.reshape(*call.lead, *out.shape[-2:])


class _Softmax1(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, offset, causal, scale):
        kernel = getattr(torch.ops.aten, FORWARD)
        out, lse = kernel(query, key, value, 0.0, causal, scale=scale)
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
    kernel = getattr(torch.ops.aten, FORWARD + "_backward")
    slopes = kernel(
        grad, query, key, value, out, lse, 0.0, causal, attn_mask=None, scale=scale
    )
    in_offset = None
    if ctx.needs_input_grad[3]:
        share = torch.exp(offset - lse).nan_to_num(1.0)  # of an infinite offset: 1
        in_offset = -share * (grad * out).sum(-1)
    return *slopes, in_offset
