"""What each weighting does to a tile of scores: for whole rows and for parts of them.

A share is relative to a `base` of its row, so that nothing overflows; the weights are
the shares over their total. A score of ``-inf`` stands for a key that is absent.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.common import (
    fast_log2,
    log1p_of,
    logistic_of,
    raised,
    relative_expm1,
)

__all__ = [
    "base_of",
    "derivative_in_alpha",
    "extra_share",
    "known",
    "logs_above",
    "powers_above",
    "shares",
    "slopes",
    "turned",
]

# The families. Up to NRELU a row is divided by its total; SIGMOID and RELU weigh each
# score alone; from SPARSEMAX on a threshold is searched for.
SOFTMAX = tl.constexpr(0)
SOFTMAX1 = tl.constexpr(1)
SOFTPICK = tl.constexpr(2)
NSIGMOID = tl.constexpr(3)
NRELU = tl.constexpr(4)
SIGMOID = tl.constexpr(5)
RELU = tl.constexpr(6)
SPARSEMAX = tl.constexpr(7)
ENTMAX15 = tl.constexpr(8)
ENTMAX = tl.constexpr(9)  # one alpha, not near one
NEAR_ONE = tl.constexpr(10)  # any alpha above one, also one a row

INFINITY = tl.constexpr(float("inf"))
LARGEST = tl.constexpr(3.4028234663852886e38)
SERIES = tl.constexpr(0.5)  # below, the derivative in alpha is summed as a series


@triton.jit
def turned(x, factor, par, FAMILY: tl.constexpr, BY_FACTOR: tl.constexpr):
    """Give what the rule takes: the score times a sign, or what a sigmoid is of."""
    if FAMILY == SOFTMAX and BY_FACTOR:
        return tl.where((factor < 0) & (x > -INFINITY), -x, x)
    elif FAMILY == NSIGMOID or FAMILY == SIGMOID:
        s = (x * factor if BY_FACTOR else x) + par
        # An infinite bias has a limit, an infinite score has none.
        return tl.where(s == INFINITY, LARGEST, s) if FAMILY == NSIGMOID else s
    else:
        return x


@triton.jit
def known(x, s, FAMILY: tl.constexpr):
    """Give what the largest is taken of: +inf for what leaves its row no weights.

    So a row whose largest is infinite is one of NaN: it holds a NaN, +inf, or nothing
    but -inf.
    """
    if FAMILY == NSIGMOID:
        return tl.where((x < INFINITY) & (s < INFINITY), s, INFINITY)
    else:
        return tl.where(s < INFINITY, s, INFINITY)


@triton.jit
def base_of(top, par, eps, FAMILY: tl.constexpr):
    """Give what the shares of a row are relative to."""
    base = tl.where(tl.abs(top) == INFINITY, 0.0, top)
    if FAMILY == SOFTMAX1:
        base = tl.maximum(top, par)
        base = tl.where(base == -INFINITY, 0.0, base)
    elif FAMILY == SOFTPICK:
        base = tl.maximum(base, 0.0)
    elif FAMILY == NSIGMOID:
        base = tl.minimum(base, 0.0)
    elif FAMILY == NRELU:
        # Beside an eps, what is tiny may vanish.
        base = tl.maximum(base, tl.where(eps > 0, 1.0, 0.0))
        base = tl.where(base == 0, 1.0, base)
    return base


@triton.jit
def extra_share(base, par, eps, FAMILY: tl.constexpr, POWER: tl.constexpr):
    """Give what the total holds besides the keys: the offset's share, or the eps."""
    if FAMILY == SOFTMAX1:
        return tl.exp(tl.where(par == base, 0.0, par - base))
    elif FAMILY == SOFTPICK:
        return eps * tl.exp(-base)
    elif FAMILY == NRELU:
        return eps / raised(base, POWER)
    else:
        return 0.0 * base


@triton.jit
def shares(s, base, factor, FAMILY: tl.constexpr, POWER: tl.constexpr, BY_FACTOR):
    """Give each key's share, relative to the base; softpick's may be below zero."""
    if FAMILY == SOFTMAX and BY_FACTOR:
        # A difference that overflows is halved first.
        size = tl.minimum(tl.abs(factor), 0.5 * LARGEST)
        size = tl.where(factor == factor, size, factor)
        z = (0.5 * s - 0.5 * base) * (2 * size)
        return tl.where(s == -INFINITY, 0.0, tl.exp(z))
    elif FAMILY == SOFTMAX or FAMILY == SOFTMAX1:
        return tl.exp(s - base)
    elif FAMILY == SOFTPICK:
        e = relative_expm1(s, base, tl.exp(-base))
        return tl.where(s == -INFINITY, 0.0, e)
    elif FAMILY == NSIGMOID:
        return tl.exp(tl.minimum(s, 0.0) - base) / (1 + tl.exp(-tl.abs(s)))
    elif FAMILY == SIGMOID:
        return logistic_of(s)
    else:
        up = tl.where(s <= 0, 0.0, s)
        up = raised(up / base if FAMILY == NRELU else up, POWER)
        return up * factor if FAMILY == RELU and BY_FACTOR else up


@triton.jit
def logs_above(z, tau, c):
    """Give the logarithms of weights; log1p keeps the digits of 1 + c s for small c."""
    return log1p_of(tl.maximum(c * (z - tau), -1.0)) / c


@triton.jit
def powers_above(z, tau, c, FAMILY: tl.constexpr, FAST: tl.constexpr):
    """Give the weights of a threshold before the last division."""
    if FAMILY == NEAR_ONE:
        return tl.exp(logs_above(z, tau, c))
    else:
        u = tl.maximum(z - tau, 0.0)
        if FAMILY == SPARSEMAX:
            return u
        elif FAMILY == ENTMAX15:
            return u * u
        elif FAST:
            return tl.exp2(fast_log2(u) / c)
        else:
            return tl.exp2(tl.log2(u) / c)


@triton.jit
def slopes(s, w, base, total, factor, c, FAMILY: tl.constexpr, POWER, BY_FACTOR):
    """Give how fast each weight moves with its own score, all else as it is.

    Kinds that keep their weights for the way back take `w`, the others `s`.
    """
    if FAMILY == SOFTMAX or FAMILY == SOFTMAX1:
        return w
    elif FAMILY == SOFTPICK:
        return tl.exp(s - base) / total
    elif FAMILY == NSIGMOID:
        return w * logistic_of(-s)
    elif FAMILY == NRELU:
        up = tl.where(s <= 0, 1.0, s) / base
        h = POWER * raised(up, POWER - 1) / (base * total)
        return tl.where(s <= 0, 0.0, h)
    elif FAMILY == SIGMOID:
        return logistic_of(s) * logistic_of(-s)
    elif FAMILY == RELU:
        h = POWER * raised(tl.where(s <= 0, 1.0, s), POWER - 1)
        h = tl.where(s <= 0, 0.0, h)
        return h * factor if BY_FACTOR else h
    elif FAMILY == SPARSEMAX:
        return tl.where(w == 0, 0.0, tl.where(w == w, 1.0, w))
    elif FAMILY == ENTMAX15:
        return tl.sqrt(w)
    else:
        inside = tl.where(w == 0, 1.0, w)
        return tl.where(w == 0, 0.0, tl.exp2((1 - c) * tl.log2(inside)))


@triton.jit
def derivative_in_alpha(w, c):
    """Give ``w L^2 phi(c L)`` with ``L = log w``, ``phi(y) = (1 - e^-y - y) / y^2``."""
    inside = tl.where(w == 0, 1.0, w)
    logs = tl.log(inside)
    y = c * logs
    near = tl.where(tl.abs(y) < SERIES, y, 0.0)
    tail = 1 / 720 - near * (1 / 5040 - near * (1 / 40320 - near / 362880))
    tail = 1 / 6 - near * (1 / 24 - near * (1 / 120 - near * tail))
    series = 0.5 - near * tail
    far = tl.where(tl.abs(y) < SERIES, 1.0, y)
    direct = (tl.exp(-far) - 1 + far) / (far * far)
    phi = -tl.where(tl.abs(y) < SERIES, series, direct)
    return tl.where(w == 0, 0.0, inside * logs * logs * phi)
