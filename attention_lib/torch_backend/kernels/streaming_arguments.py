"""What the kernels of streaming attention are given besides their arrays."""

from typing import NamedTuple

import torch
import triton

from attention_lib.torch_backend.kernels import streaming_rules as rules
from attention_lib.torch_backend.kernels.arrays import padded, strides

__all__ = [
    "Numbers",
    "constants_of",
    "grid_of",
    "or_other",
    "scales_of",
    "size_of",
    "sizes_of",
    "steps_of",
    "unit_of",
]

EXP, NRELU, SIGMOID = rules.EXP.value, rules.NRELU.value, rules.SIGMOID.value
LOG2E = rules.LOG2E.value
LARGEST = float(torch.finfo(torch.float32).max) / 4
FAST_FROM = -4.0  # a shift from which the quick sigmoid is exact enough in 16 bits


class Numbers(NamedTuple):
    """What a call is besides its arrays, in the order in which operators take it."""

    family: int
    power: float
    eps: float
    multiplier: float
    shift: float
    scale: float
    softcap: float
    group: int
    is_causal: bool
    ahead: int
    whole: bool

    @property
    def normalised(self):
        """Whether rows are divided by a total."""
        return self.family <= NRELU


def grid_of(a, size):
    """Give a program to each tile of so many rows, all along one axis."""
    batch, heads, length, _ = a.shape
    return (triton.cdiv(length, size) * batch * heads,)


def size_of(query, value):
    """Give the larger of the padded sizes of keys and values."""
    return max(padded(query.shape[-1]), padded(value.shape[-1]))


def or_other(other, *arrays):
    """Give a tensor for each that is None: the kernel does not read it."""
    return [other if a is None else a for a in arrays]


def steps_of(query, key, value, mask, bias, first):
    """Give the strides of all arrays."""
    bound = (0, 0, 0) if first is None else strides(first[0])
    arrays = (query, key, value, mask, bias)
    return [step for a in arrays for step in strides(a)] + list(bound)


def sizes_of(query, key, numbers):
    """Give the lengths, the heads, and how far the first query is ahead."""
    lengths = query.shape[2], key.shape[2]
    return *lengths, query.shape[1], numbers.group, numbers.ahead


def scales_of(query, bias, by_row, numbers):
    """Give the numbers that a kernel multiplies and shifts by, and two for gradients.

    In float32 the scale is taken to the queries, if that makes nothing larger. The last
    two are what a product moves what the rule takes, over what the kernel's own
    multiplier does, and what a score of the rule is where the kernel's own is one.
    """
    inner, outer = _inner_and_outer(query, numbers)
    mult, factor = numbers.multiplier, outer * numbers.multiplier
    unit = unit_of(query, bias, numbers)
    if numbers.family == EXP:
        mult = LOG2E * unit * (1.0 if by_row else numbers.multiplier)
        factor = outer / (LOG2E * unit) if by_row else factor
    mult = min(mult, LARGEST)
    numbers = inner, outer, numbers.softcap or 1.0, mult, numbers.shift, numbers.eps
    return numbers, factor, unit


def unit_of(query, bias, numbers):
    """Give what a score is, where the kernel's own score is one."""
    return _inner_and_outer(query, numbers)[1] if _raw(bias, numbers) else 1.0


def _inner_and_outer(query, numbers):
    """Give what of the scale multiplies the queries, and what the products."""
    exact = query.dtype == torch.float32 and numbers.scale <= 1
    return (numbers.scale, 1.0) if exact else (1.0, numbers.scale)


def _raw(bias, numbers):
    """Tell whether scores stay products until their exponential is taken."""
    return numbers.family == EXP and not numbers.softcap and bias is None


def constants_of(query, value, mask, bias, rows, numbers):
    """Give what a kernel is compiled for."""
    multipliers, shifts, inverses = rows
    half = query.dtype != torch.float32
    fast = half and numbers.family == SIGMOID and shifts is None
    whole_power = numbers.power == int(numbers.power)
    return {
        "D": query.shape[-1],
        "D_PAD": padded(query.shape[-1]),
        "DV": value.shape[-1],
        "DV_PAD": padded(value.shape[-1]),
        "FAMILY": numbers.family,
        "POWER": int(numbers.power) if whole_power else numbers.power,
        "CAUSAL": numbers.is_causal,
        "MASKED": mask is not None,
        "BIASED": bias is not None,
        "CAPPED": bool(numbers.softcap),
        "RAW": _raw(bias, numbers),
        "BY_ROW": multipliers is not None,
        "SHIFT_BY_ROW": shifts is not None,
        "DIVIDED": inverses is not None,
        "FAST": fast and numbers.shift >= FAST_FROM,
        "PREC": "tf32" if half else "ieee",
    }
