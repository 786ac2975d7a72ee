"""Streaming attention by a kernel: what it serves, and how it is given a call."""

import dataclasses
import math
from numbers import Real

import torch

from attention_lib.torch_backend.kernels import streaming_operators as operators
from attention_lib.torch_backend.kernels import streaming_rules as rules
from attention_lib.torch_backend.kernels.arrays import a_row, arrays_of
from attention_lib.torch_backend.kernels.streaming_arguments import Numbers, unit_of
from attention_lib.torch_backend.scores import reads_only_numbers

__all__ = ["attended", "refuses", "run"]

WIDEST = 256  # features of a head that a tile holds
PROGRAMS = 2**31 - 1  # of a launch, along the axis of a grid that takes most
LARGEST = torch.finfo(torch.float32).max / 8


def refuses(call, stream):
    """Say what the kernel does not take, or None."""
    if call.bias is not None and call.bias.requires_grad:
        return "the kernel gives no gradient to attn_mask, which requires one"
    widths = call.query.shape[-1], call.value.shape[-1]
    if max(widths) > WIDEST:
        return f"the kernel takes heads of up to {WIDEST} features; got {max(widths)}"
    if math.prod(call.lead) * max(call.shape[-2:]) > PROGRAMS:
        return f"the kernel takes up to {PROGRAMS} rows"
    if _family(stream) is None:
        return f"the kernel does not know this {stream.formula} ({stream.kind} kind)"
    if call.bias is not None and not isinstance(stream.sign, int):
        return "the kernel takes no sign for each row beside an additive mask"
    return None


def run(call, stream):
    """Attend, or give None where only the eager way is right.

    So it is where there is nothing to attend to; and where the weighting uses the
    number of keys, and some keys are absent because they score -inf: of those the mask
    does not tell. One look at the numbers says so.
    """
    if not _has_numbers(call):
        return None
    if call.weighting.uses_n and not reads_only_numbers(call):
        return None
    out, *_ = attended(call, stream, 0, whole=True)
    return out


def attended(call, stream, ahead, *, whole):
    """Attend to the keys: all of them, if `whole`, or some of those of a fold.

    The first query stands `ahead` places after the first key. Gives the output, then
    what is kept of each row, or None: the largest score, the total, what was seen.
    """
    call = _turned(call, stream)
    arrays = arrays_of(call)
    multiplier = _limited(stream.multiplier)
    shift, divisor = _shift(stream, whole), stream.divisor
    (mult, mults), (shift, shifts) = (
        _number_or_rows(a, call) for a in (multiplier, shift)
    )
    inverses = None if divisor is None else a_row(1 / divisor, call)
    numbers = Numbers(
        _family(stream).value,
        float(stream.power),
        float(stream.eps),
        mult,
        shift,
        call.scale,
        call.softcap or 0.0,
        arrays.group,
        call.is_causal,
        ahead,
        whole,
    )
    given = arrays.query, arrays.key, arrays.value, arrays.mask, arrays.bias
    out, top, total, seen = operators.stream(*given, mults, shifts, inverses, *numbers)
    rows = (*call.lead, call.shape[-2], 1)
    if not whole:
        top = top * unit_of(arrays.query, arrays.bias, numbers)
    kept = [a.reshape(rows) if a.numel() else None for a in (top, total, seen)]
    return out.reshape(*call.lead, *out.shape[-2:]), *kept


def _family(stream):
    """Name the rule of a record, or None where the kernels do not know it."""
    plain = isinstance(stream.multiplier, Real) and stream.multiplier == 1
    if stream.formula == "exp" and stream.kind == "exponential":
        return rules.EXP
    if not (isinstance(stream.sign, int) and stream.sign == 1):
        return None
    if stream.formula == "softpick" and plain:
        return rules.SOFTPICK
    if stream.formula == "sigmoid" and stream.kind == "pointwise" and plain:
        return rules.SIGMOID
    if stream.formula == "sigmoid" and stream.logs:
        # Twice the score, halved again by the rule: the normalised tanh.
        twice = isinstance(stream.multiplier, Real) and stream.multiplier == 2
        return rules.NSIGMOID if plain or (twice and stream.shift is None) else None
    if stream.formula == "relu" and plain:
        return rules.RELU if stream.kind == "pointwise" else rules.NRELU
    return None


def _has_numbers(call):
    return all(call.shape) and call.query.shape[-1] and call.value.shape[-1]


def _turned(call, stream):
    """Move the sign of the scores to the queries, and to the additive mask."""
    query, scale, bias, sign = call.query, call.scale, call.bias, stream.sign
    if isinstance(sign, int):
        turned = sign * scale
        if bias is not None and sign < 0:
            bias = torch.where(bias == -torch.inf, bias, -bias)
    else:
        query, turned = query * sign.to(query), scale
    if turned < 0:
        query = -query
    elif turned == 0:
        query, turned = query * 0, 1.0
    return dataclasses.replace(call, query=query, scale=abs(turned), bias=bias)


def _limited(multiplier):
    """Give a multiplier, and twice it finite; zero to each row, for it needs a look."""
    if isinstance(multiplier, Real) and multiplier != 0:
        return min(float(multiplier), LARGEST)
    return torch.as_tensor(multiplier).clamp(max=LARGEST)


def _shift(stream, whole):
    """Give the offset of the exponential kind, or the shift of a sigmoid."""
    if stream.kind == "exponential":
        return stream.offset if whole and stream.offset is not None else -math.inf
    return 0.0 if stream.shift is None else stream.shift


def _number_or_rows(parameter, call):
    """Give a parameter as a number, or as one and a tensor of one for each row."""
    if isinstance(parameter, Real):
        return float(parameter), None
    return 1.0, a_row(parameter, call)
