"""A call of attention, in the form in which kernels take it: four axes, and strides."""

import math
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Arrays", "a_row", "arrays_of", "padded", "strides"]

FAR = 2**23  # a stride beyond does not fit a tile's offsets into 32 bits


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays of a call with the axes (batch, head, row, feature), as views.

    Of key and value each head serves `group` heads of queries. The masks, or None, have
    an axis of size one where all share it; the bool one is given as bytes.
    """

    query: Any
    key: Any
    value: Any
    mask: Any
    bias: Any
    group: int


def arrays_of(call):
    """Give a call's arrays in four axes; copied only where no strides can say it."""
    batch, heads = call.lead[:-1], call.lead[-1:]
    key, value, group = call.key, call.value, call.group
    kv_heads = tuple(n // group for n in heads)
    if group == 1 and _heads(key) == _heads(value) == 1 and heads:
        kv_heads, group = (1,), heads[0]  # one head of keys for all
    query = _four(call.query, batch, heads)
    key, value = (_four(a, batch, kv_heads) for a in (key, value))
    mask = call.mask
    if mask is not None:
        mask = _four(_narrow(mask.view(torch.uint8)), batch, heads)
    bias = None if call.bias is None else _four(_narrow(call.bias), batch, heads)
    return Arrays(query, key, value, _narrow(mask), _narrow(bias), group)


def a_row(parameter, call):
    """Give a parameter to each row of each head in float32, (N, L)."""
    device = call.query.device
    parameter = torch.as_tensor(parameter, dtype=torch.float32, device=device)
    rows = parameter.expand(*call.lead, call.shape[-2], 1)
    return rows.reshape(math.prod(call.lead), call.shape[-2]).contiguous()


def strides(a):
    """Give the strides of an array in elements, zero along an axis that all share."""
    if a is None:
        return (0, 0, 0, 0)
    pairs = zip(a.shape, a.stride(), strict=True)
    return tuple(0 if n == 1 else stride for n, stride in pairs)


def padded(size):
    """Give the size of a tile's axis for so many features: a power of two."""
    return max(16, 1 << (size - 1).bit_length())


def _heads(a):
    return a.shape[-3] if a.ndim > 2 else 1


def _four(a, batch, heads):
    """Expand the leading axes of an array, and fold them to two."""
    a = a.expand(*batch, *heads, *a.shape[-2:])
    a = a.reshape(math.prod(batch), math.prod(heads), *a.shape[-2:])
    return a if max(a.stride()[-2:]) < FAR else a.contiguous()


def _narrow(a):
    """Cut an axis along which all numbers are one in memory to its first."""
    if a is None:
        return None
    for axis, (n, stride) in enumerate(zip(a.shape, a.stride(), strict=True)):
        if stride == 0 and n > 1:
            a = a.narrow(axis, 0, 1)
    return a
