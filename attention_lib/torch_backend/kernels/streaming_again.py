"""Gradients of streaming attention that can be differentiated again: torch's own."""

import math
from functools import partial

import torch

from attention_lib._call import Call
from attention_lib._dispatch import (
    log_logistic,
    logistic,
    masked,
    present,
    rectified,
)
from attention_lib.torch_backend.kernels import streaming_rules as rules
from attention_lib.torch_backend.masking import for_each_head
from attention_lib.torch_backend.scores import scores, weighted_sum
from attention_lib.weightings import NormalizedReLU, Softpick
from attention_lib.weightings.streams import Stream, lost, seen

__all__ = ["differentiate"]


def differentiate(grad, pull, top, arrays, numbers, needed):
    """Give the gradients in the arrays of an operator, as a graph of their own.

    Output and total are computed once more, by the definitions of the eager engine.
    """
    given = [a for a, need in zip(arrays, needed, strict=True) if need]
    made = _attended(top, arrays, numbers)
    pulled = [(a, g) for a, g in zip(made, (grad, pull), strict=True) if g is not None]
    outs, grads = zip(*pulled, strict=True)
    slopes = torch.autograd.grad(
        outs, given, grads, create_graph=True, materialize_grads=True
    )
    slopes = iter(slopes)
    return [next(slopes) if need else None for need in needed]


def _attended(top, arrays, numbers):
    """Give the output, and the total of each row if it is the fold's."""
    query, key, value, mask, bias, *_ = arrays
    call = Call(
        query,
        key,
        value,
        bias,
        None if mask is None else mask.view(torch.bool),
        numbers.is_causal,
        numbers.scale,
        numbers.group,
        numbers.softcap or None,
        tuple(query.shape[:2]),
    )
    score, where = scores(call, (numbers.ahead, 0))
    there = present(score, where, whole=numbers.whole)
    stream = _stream(arrays, numbers)
    peak, total, weights = stream.parts(masked(score, there), there)
    if numbers.whole and numbers.normalised:
        weights = stream.finish(weights, peak, total)
        weights = torch.where(lost(seen(score, where)), torch.nan, weights)
        weights = masked(weights, where)
    elif numbers.family == rules.NSIGMOID.value:
        rise = torch.exp(peak - _base(top, arrays, numbers)[..., None])
        rise = rise.nan_to_num(1.0).reshape(peak.shape)
        total, weights = total * rise, weights * rise
    value = for_each_head(value, numbers.group).to(weights.dtype)
    out = weighted_sum(weights, value, where)
    if numbers.whole:
        return out.to(query.dtype), None
    return out, None if total is None else total.reshape(top.shape)


def _base(top, arrays, numbers):
    """Give the kernel's base of the sigmoid kind."""
    shift = numbers.shift if arrays[6] is None else arrays[6]
    return (top * numbers.multiplier + shift).clamp(max=0).detach()


def _stream(arrays, numbers):
    """Give the record of the rule, with the parameters as they were given."""
    query, *_ = arrays
    in_rows = [
        None if a is None else a.reshape(*query.shape[:3], 1) for a in arrays[5:]
    ]
    multiplier, shift, inverse = in_rows
    multiplier = numbers.multiplier if multiplier is None else multiplier
    shift = numbers.shift if shift is None else shift
    if numbers.family == rules.EXP.value:
        none = isinstance(shift, float) and shift == -math.inf
        offset = None if none or not numbers.whole else shift
        return Stream("exponential", "exp", multiplier=multiplier, offset=offset)
    if numbers.family == rules.SOFTPICK.value:
        return Softpick(numbers.eps).record()
    if numbers.family == rules.NSIGMOID.value:
        rule = partial(_shifted, log_logistic, multiplier, shift)
        return Stream("sum", rule=rule, logs=True)
    if numbers.family == rules.SIGMOID.value:
        return Stream("pointwise", rule=partial(_shifted, logistic, multiplier, shift))
    if numbers.family == rules.NRELU.value:
        return NormalizedReLU(numbers.power, numbers.eps).record()
    divisor = None if inverse is None else 1 / inverse
    rule = partial(rectified, power=numbers.power)
    return Stream("pointwise", rule=rule, divisor=divisor)


def _shifted(function, multiplier, shift, scores):
    return function(scores * multiplier + shift)
