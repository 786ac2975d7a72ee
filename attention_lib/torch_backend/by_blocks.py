"""The way by blocks of queries: what it serves, and in which form it takes it."""

import math
from functools import partial
from numbers import Real

import torch

from attention_lib._dispatch import traced, work_dtype
from attention_lib.torch_backend import block_rules as rules
from attention_lib.torch_backend.blocks import attend_by_blocks, threads_of
from attention_lib.torch_backend.entmax import FAST
from attention_lib.torch_backend.extremes import largest
from attention_lib.torch_backend.masking import for_each_head
from attention_lib.torch_backend.threads import each

__all__ = ["Blocks"]

FAR = 1e30  # a product of two such numbers overflows, of one with a weight does not
ORDINARY = (1e-6, 1e6)  # sizes of values that may be summed before the division
LARGE = 2.0**13  # beyond, what a multiplied score is rounded by shows in its weight
SHAREABLE = 60.0  # e^-60 is a normal number, and so is its product with such values


class Blocks:
    """Blocks of queries over the same few megabytes, for the formulas known to it."""

    method = "streaming"

    def refuses(self, call, stream):
        """Refuse what is not one of the formulas, or not made of plain numbers."""
        if call.dropout_p:
            return "dropout needs all weights at once"
        if call.softcap is not None or not (all(call.shape) and call.value.shape[-1]):
            return "a softcap is set, or there is nothing to attend to"
        if call.transformed or traced(call.query):
            return "torch.func, a compiler or a trace is at work"
        if _rule(call, stream) is None:
            return "the weighting is none of those that it knows"
        return None

    def run(self, call, stream):
        """Attend by blocks, or give None where only the general way is right.

        Blocks are right for finite numbers whose scores stay within the reach of the
        rule: by Cauchy and Schwarz, a score is at most the product of two lengths.
        """
        rule, dtype = _rule(call, stream), work_dtype(call.query)
        query = call.query.to(dtype)
        factor, reach = stream.multiplier * stream.sign, rule.reach
        if isinstance(factor, torch.Tensor):
            query, reach = query * factor.to(query), min(reach, LARGE)
        elif factor != 1:
            query, reach = query * factor, min(reach, LARGE)
        given = (query, *(for_each_head(a, call.group) for a in (call.key, call.value)))
        query, key, value = (_flat(a.to(dtype), call.lead, a.shape[-2:]) for a in given)
        shift = None if _is(stream.shift, 0) else stream.shift
        shift, offset = (_a_row(a, call, query) for a in (shift, stream.offset))
        arrays = (query, key, value, shift, offset)
        if not _within_reach(rule, call, arrays, reach):
            return None
        try:
            out = attend_by_blocks(query, key, value, shift, offset, rule, call)
        except rules.Vanishing:
            return None
        out = out.reshape(*call.lead, *out.shape[-2:])
        if stream.divisor is not None:
            out = out / stream.divisor
        return out.to(call.query.dtype)


def _rule(call, stream):
    """Give the rule of a formula, or None where blocks do not serve it."""
    if stream is None:
        return None
    if call.bias is not None and (
        call.bias.requires_grad
        or stream.kind in ("sum", "pointwise")
        or not _is(stream.sign, 1)
        or (stream.kind == "exponential" and not _is(stream.multiplier, 1))
    ):
        return None
    if stream.formula == "exp":
        return rules.Exponential()
    if stream.formula == "sigmoid":
        rule = rules.Sigmoid()
        return rule if stream.kind == "pointwise" else rules.Normalized(rule, SHAREABLE)
    if stream.formula == "relu" and stream.power in (1, 2, 3):
        rule = rules.ReLU(stream.power)
        if stream.kind == "pointwise":
            return rule
        if stream.power == 1:
            return rules.Normalized(rule, rule.reach, stream.eps)
    if stream.formula == "softpick":
        return rules.Softpick(stream.eps)
    if stream.formula == "entmax":
        alpha = stream.power
        if isinstance(alpha, Real) and FAST[0] <= alpha - 1 <= FAST[1]:
            return rules.Entmax(alpha)
    return None


def _is(parameter, number):
    """Tell whether a parameter is that number, for all rows."""
    return isinstance(parameter, Real) and parameter == number


def _flat(a, lead, tail):
    """Give the leading axes of a call, as one."""
    return a.expand(*lead, *tail).reshape(math.prod(lead), *tail)


def _a_row(parameter, call, like):
    """Give a parameter to each row of each head, (N, L, 1), or None."""
    if parameter is None:
        return None
    parameter = torch.as_tensor(parameter, dtype=like.dtype, device=like.device)
    return _flat(parameter, call.lead, (call.shape[-2], 1))


@torch.no_grad()
def _within_reach(rule, call, arrays, limit):
    """Tell whether all numbers are finite and no score is beyond the limit."""
    query, key, value, shift, offset = arrays
    sizes = (partial(_longest, query), partial(_longest, key), partial(largest, value))
    *lengths, size = each(sizes, threads_of(query, key))
    product = lengths[0] * lengths[1]  # before the scale: finite, too
    reach = torch.where(product < torch.inf, abs(call.scale) * product, torch.inf)
    if shift is not None:
        reach = reach + shift.abs().amax()
    if call.bias is not None:
        low = torch.where(call.bias == -torch.inf, 0, call.bias)
        within = low.abs().amax() <= torch.finfo(call.bias.dtype).max
        reach = torch.where(within, reach + low.amax(), torch.inf)
    if offset is not None:  # -inf is softmax
        reach = torch.maximum(reach, offset.amax())
    usable = size < FAR
    if rule.summed:
        usable = (size == 0) | (size > ORDINARY[0]) & (size < ORDINARY[1])
    return bool((reach < limit) & usable)


def _longest(a):
    """Give the largest length of a row."""
    return torch.linalg.vector_norm(a, dim=-1).amax()
