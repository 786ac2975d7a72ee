r"""Weights and slopes of sparse attention in a tile, given the edge of each row.

With ``c = alpha - 1`` and `top`, the largest score of a row, its weights are

.. math:: w_j = u_j^{1 / c}, \quad u_j = [c (s_j - top) - \tau]_+, \quad \sum_j w_j = 1

where tau lies between -1, at which the largest alone has weight one, and 0. So large
scores lose no digits. The *edge* of a row is tau; for `NEAR_ONE`, where tau would lose
digits, it is ``t = (1 + tau) / c``. An edge of +inf makes a row of zeros, one of NaN a
row of NaN.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.common import log1p_of
from attention_lib.torch_backend.kernels.row_rules import (
    ENTMAX15,
    NEAR_ONE,
    SPARSEMAX,
)

__all__ = ["distance", "room", "shares", "shares_and_slopes", "sums"]

INFINITY = tl.constexpr(float("inf"))
NAN_TOO = tl.constexpr(tl.PropagateNan.ALL)


@triton.jit
def distance(s, top, edge, c, FAMILY: tl.constexpr, PART: tl.constexpr):
    """Give ``u`` before it is cut at zero; for `NEAR_ONE` ``u - 1``.

    Of a tile in PART, a score of -inf has no weight in a row of NaN either.
    """
    x = s - top
    if FAMILY == NEAR_ONE:
        x = (x - edge) * c
    elif FAMILY == SPARSEMAX:
        x = x - edge
    else:
        x = x * c - edge
    if PART:
        x = tl.where(s == -INFINITY, s, x)
    return x


@triton.jit
def room(edge, c, FAMILY: tl.constexpr):
    """Give ``u`` of the largest score, beside which a step of the edge may be small."""
    if FAMILY == NEAR_ONE:
        return 1 - c * edge
    else:
        return -edge


@triton.jit
def shares(x, c, FAMILY: tl.constexpr):
    """Give the weights at distances `x`."""
    if FAMILY == NEAR_ONE:
        x = tl.maximum(x, -1.0, propagate_nan=NAN_TOO)
        return tl.exp(log1p_of(x) / c)
    else:
        u = tl.maximum(x, 0.0, propagate_nan=NAN_TOO)
        if FAMILY == SPARSEMAX:
            return u
        elif FAMILY == ENTMAX15:
            return u * u
        else:
            return tl.exp2(tl.log2(u) / c)


@triton.jit
def shares_and_slopes(x, c, FAMILY: tl.constexpr):
    """Give the weights, and how fast each moves: ``w^(1 - c)``, 0 without weight."""
    if FAMILY == NEAR_ONE:
        x = tl.maximum(x, -1.0, propagate_nan=NAN_TOO)
        logs = log1p_of(x) / c
        w = tl.exp(logs)
        return w, tl.where(w != 0, tl.exp((1 - c) * logs), 0.0)
    else:
        u = tl.maximum(x, 0.0, propagate_nan=NAN_TOO)
        if FAMILY == SPARSEMAX:
            return u, tl.where(u != 0, 1.0, 0.0)
        elif FAMILY == ENTMAX15:
            return u * u, u
        else:
            h = tl.where(u != 0, tl.exp2(tl.log2(u) * (1 / c - 1)), 0.0)
            return h * u, h


@triton.jit
def sums(x, c, FAMILY: tl.constexpr):
    """Give the sums of the weights and of the slopes of each row."""
    w, h = shares_and_slopes(x, c, FAMILY)
    return tl.sum(w, 1), tl.sum(h, 1)
