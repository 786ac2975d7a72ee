"""The threshold of sparse rows, by Newton's method on the norm of the weights.

The threshold of any part of a row bounds that of the row from below, and no step passes
the root: so the steps start at that of a few maxima, and need few whole rows.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.common import expm1_of, fast_log2, two_sums
from attention_lib.torch_backend.kernels.row_rules import (
    ENTMAX15,
    INFINITY,
    NEAR_ONE,
    SPARSEMAX,
    logs_above,
)

__all__ = ["descended", "lowest", "raised_by", "step_parts"]

STEPS = tl.constexpr(60)  # more than any row has needed; a bound for the loop


@triton.jit
def lowest(like, FAMILY: tl.constexpr):
    """Give where the search starts: the threshold of one key alone."""
    return 0.0 * like if FAMILY == NEAR_ONE else 0.0 * like - 1.0


@triton.jit
def step_parts(z, tau, c, FAMILY: tl.constexpr, FAST: tl.constexpr):
    """Give each key's part of the two sums that a step is made of."""
    if FAMILY == NEAR_ONE:
        logs = logs_above(z, tau, c)
        return tl.exp(logs), tl.where(logs > -INFINITY, tl.exp((1 - c) * logs), 0.0)
    else:
        u = tl.maximum(z - tau, 0.0)
        if FAMILY == SPARSEMAX:
            return u, tl.where(u > 0, 1.0, 0.0)
        elif FAMILY == ENTMAX15:
            return u * u, u
        else:
            logs = fast_log2(u) if FAST else tl.log2(u)
            p = tl.exp2(logs * (1 / c - 1))
            return p * u, p


@triton.jit
def raised_by(f, s, c, FAMILY: tl.constexpr):
    """Give Newton's step from its two sums; never down, and none without a key."""
    if FAMILY == SPARSEMAX:
        step = (f - 1) / s
    elif FAMILY == ENTMAX15:
        norm = tl.sqrt(f)
        step = (norm - 1) * norm / s
    elif FAMILY == NEAR_ONE:
        step = f * -expm1_of(-c * tl.log(f)) / (c * s)
    else:
        step = (f - tl.exp2((1 - c) * tl.log2(f))) / s
    return tl.where(step > 0, step, 0.0)


@triton.jit
def descended(z, tau, c, close, FAMILY: tl.constexpr, FAST: tl.constexpr):
    """Raise tau until no row of the program moves by more than `close`."""
    i = 0
    while i < STEPS:
        parts = step_parts(z, tau, c, FAMILY, FAST)
        f, s = two_sums(parts[0], parts[1])
        step = raised_by(f, s, c, FAMILY)
        tau += step
        i += tl.where(tl.max(step) > close, 1, STEPS)
    return tau
