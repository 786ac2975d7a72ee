"""From a call to a plan of blocks, where blocks are right; and back to its shape."""

import math
from numbers import Real

import torch

from attention_lib import _check, weightings
from attention_lib.torch_backend import block_rules as rules
from attention_lib.torch_backend import masking
from attention_lib.torch_backend.blocks import attend_by_blocks
from attention_lib.torch_backend.entmax import FAST
from attention_lib.torch_backend.masking import count_keys
from attention_lib.torch_backend.sdpa import multiplier

__all__ = ["by_blocks"]

FAR = 1e30  # a product of two such numbers overflows, of one with a weight does not
ORDINARY = (1e-6, 1e6)  # sizes of values that may be summed before the division
SHAREABLE = 60.0  # e^-60 is a normal number, and so is its product with such values


def by_blocks(call, weighting):
    """Attend by blocks, or give None where only the general way is right.

    Blocks are right for finite numbers whose scores stay within the reach of the rule:
    by Cauchy and Schwarz, a score is at most the product of two lengths.
    """
    if call.softcap is not None or not all(call.shape) or torch.compiler.is_compiling():
        return None
    found = _rule(call, weighting)
    if found is None:
        return None
    rule, factor, shift, offset, share = found
    dtype = _check.work_dtype(call.query)
    query = call.query.to(dtype) * factor if _multiplies(factor) else call.query
    given = [
        query,
        *(masking.for_each_head(a, call.group) for a in (call.key, call.value)),
    ]
    query, key, value = (_flat(a.to(dtype), call.lead, a.shape[-2:]) for a in given)
    shift, offset = (_a_row(a, call, query) for a in (shift, offset))
    if not _within_reach(rule, call, (query, key, value, shift, offset)):
        return None
    try:
        out = attend_by_blocks(query, key, value, shift, offset, rule, call)
    except rules.Vanishing:
        return None
    out = out.reshape(*call.lead, *out.shape[-2:])
    return (out if share is None else out / share).to(call.query.dtype)


def _rule(call, weighting):
    """Give the rule, what multiplies the query, shift, offset, and a last divisor."""
    kind, w = type(weighting), weighting
    if call.bias is not None and (
        call.bias.requires_grad or w.kind in ("sum", "pointwise")
    ):
        return None
    if kind is weightings.Softmax1:
        return rules.Exponential(), 1, None, w.offset, None
    if kind in (weightings.Softmax, weightings.ScalableSoftmax):
        factor = multiplier(call, w)
        if factor is None or (call.bias is not None and _multiplies(factor)):
            return None
        return rules.Exponential(), factor, None, None, None
    if kind is weightings.Sigmoid:
        return rules.Sigmoid(), 1, _bias(call, w.bias), None, None
    if kind is weightings.NormalizedSigmoid:
        rule = rules.Normalized(rules.Sigmoid(), SHAREABLE)
        return rule, 1, _bias(call, w.bias), None, None
    if kind is weightings.NormalizedTanh:
        return rules.Normalized(rules.Sigmoid(), SHAREABLE), 2, None, None, None
    if kind is weightings.ReLU and w.power in (1, 2, 3):
        return rules.ReLU(w.power), 1, None, None, _parts(call) if w.mean else None
    if kind is weightings.NormalizedReLU and w.power == 1:
        power = rules.ReLU(1)
        return rules.Normalized(power, power.reach, w.eps), 1, None, None, None
    if kind is weightings.Softpick:
        return rules.Softpick(w.eps), 1, None, None, None
    c = getattr(w, "alpha", 0) - 1 if w.kind == "threshold" else None
    if isinstance(c, Real) and FAST[0] <= c <= FAST[1]:
        return rules.Entmax(w.alpha), 1, None, None, None
    return None


def _multiplies(factor):
    return isinstance(factor, torch.Tensor) or factor != 1


def _bias(call, bias):
    """Give the bias of a sigmoid: None, a number, or one a row."""
    if isinstance(bias, str):  # "-log n"
        n = _parts(call)
        return -n.log() if isinstance(n, torch.Tensor) else -math.log(n)
    return None if isinstance(bias, Real) and bias == 0 else bias


def _parts(call):
    """Count the keys of each row, one at least."""
    n = count_keys(call)
    if isinstance(n, torch.Tensor):
        return n.clamp(min=1).to(_check.work_dtype(call.query))
    return max(n, 1)


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
def _within_reach(rule, call, arrays):
    """Tell whether all numbers are finite and no score is beyond the rule's reach."""
    query, key, value, shift, offset = arrays
    lengths = [torch.linalg.vector_norm(a, dim=-1).amax() for a in (query, key)]
    reach = abs(call.scale) * lengths[0] * lengths[1]
    if shift is not None:
        reach = reach + shift.abs().amax()
    if call.bias is not None:
        low = torch.where(call.bias == -torch.inf, 0, call.bias)
        within = low.abs().amax() <= torch.finfo(call.bias.dtype).max
        reach = torch.where(within, reach + low.amax(), torch.inf)
    if offset is not None:  # -inf is softmax
        reach = torch.maximum(reach, offset.amax())
    largest = torch.stack([a.abs() for a in value.aminmax()]).amax()
    usable = largest < FAR
    if rule.summed:
        usable = (largest == 0) | (largest > ORDINARY[0]) & (largest < ORDINARY[1])
    return bool((reach < rule.reach) & usable)
