"""What each weighting that streams does to a tile of scores, and on the way back.

A row keeps the largest score so far, its `top`, from which follows the `base` that its
shares are relative to, and the total of their sizes. The weights are the shares over
the total; pointwise kinds have neither. A score of ``-inf`` is a key that is absent,
and has no share.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.common import (
    INTERPRET,
    raised,
    relative_expm1,
)

__all__ = [
    "EXP",
    "NRELU",
    "NSIGMOID",
    "RELU",
    "SIGMOID",
    "SOFTPICK",
    "base_of",
    "rise",
    "shares",
    "slopes",
    "whole_total",
]

# The families. Up to NRELU a row is divided by its total.
EXP = tl.constexpr(0)
SOFTPICK = tl.constexpr(1)
NSIGMOID = tl.constexpr(2)
NRELU = tl.constexpr(3)
SIGMOID = tl.constexpr(4)
RELU = tl.constexpr(5)

INFINITY = tl.constexpr(float("inf"))
LOG2E = tl.constexpr(1.4426950408889634)


@triton.jit
def base_of(top, multiplier, shift, eps, FAMILY: tl.constexpr):
    """Give what the shares of rows with such a largest score are relative to.

    Of NSIGMOID it is half a logarithm, of NRELU a divisor.
    """
    if FAMILY == EXP:
        return tl.where(top == -INFINITY, 0.0, top)
    elif FAMILY == SOFTPICK:
        return tl.maximum(top, 0.0)
    elif FAMILY == NSIGMOID:
        base = tl.minimum(_half(top, multiplier, shift), 0.0)
        return tl.where(top == -INFINITY, 0.0, base)
    elif FAMILY == NRELU:
        # Beside an eps, what is tiny may vanish.
        base = tl.maximum(top, tl.where(eps > 0, 1.0, 0.0))
        return tl.where(base == 0, 1.0, base)
    else:
        return 0.0 * top


@triton.jit
def rise(top, base, above, multiplier, FAMILY: tl.constexpr, POWER: tl.constexpr):
    """Give what shares relative to a base are times, relative to one `above` it.

    Without a score, or for the ReLU without a positive one, there are no shares yet.
    """
    if FAMILY == NRELU:
        return tl.where(top > 0, raised(base / above, POWER), 0.0)
    else:
        if FAMILY == EXP:
            factor = multiplier
        elif FAMILY == NSIGMOID:
            factor = 0.0 * multiplier + 2 * LOG2E
        else:
            factor = 0.0 * multiplier + LOG2E
        less = tl.exp2((base - above) * factor)
        return tl.where(top == -INFINITY, 0.0, less)


@triton.jit
def _half_tanh(x):
    """Give ``sigmoid(2 x)`` by one instruction, with an absolute error of 2^-12."""
    if INTERPRET:
        return 1 / (1 + tl.exp(-2 * x))
    else:
        t = tl.inline_asm_elementwise(
            "tanh.approx.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1
        )
        return 0.5 * t + 0.5


@triton.jit
def _sigmoid(x, FAST: tl.constexpr):
    """Give the sigmoid; `FAST` only where weights near zero need no digits."""
    if FAST:
        return _half_tanh(0.5 * x)
    else:
        return 1 / (1 + tl.exp2(x * -LOG2E))


@triton.jit
def _half(s, multiplier, shift):
    """Give half of what a sigmoid is of, which does not overflow."""
    return s * (0.5 * multiplier) + 0.5 * shift


@triton.jit
def _relative_sigmoid(x, base):
    """Give ``sigmoid(2 x) e^(-2 base)`` and ``1 - sigmoid(2 x)``.

    The base is zero where some x of the row is positive, and at least x elsewhere: so
    one exponential serves both, and neither overflows nor vanishes.
    """
    small = tl.exp2((-tl.abs(x) - base) * (2 * LOG2E))
    less = small * tl.exp2(base * (2 * LOG2E))  # e^-|2 x|
    below = 1 / (1 + less)
    positive = x > 0
    return tl.where(positive, 1.0, small) * below, tl.where(positive, less, 1.0) * below


@triton.jit
def shares(s, base, multiplier, shift, FAMILY: tl.constexpr, POWER: tl.constexpr,
           BY_ROW: tl.constexpr, FAST: tl.constexpr):  # fmt: skip
    """Give the shares of a tile of scores, and their sizes.

    EXP takes its multiplier times log2 e.
    """
    if FAMILY == EXP:
        less = s - base
        x = less * multiplier
        if BY_ROW:  # where zero times -inf is no share
            x = tl.where(less == -INFINITY, less, x)
        share = tl.exp2(x)
        return share, share
    elif FAMILY == SOFTPICK:
        e = relative_expm1(s, base, tl.exp2(base * -LOG2E))
        e = tl.where(s == -INFINITY, 0.0, e)
        return tl.where(e <= 0, 0.0, e), tl.abs(e)
    elif FAMILY == NSIGMOID:
        share, _ = _relative_sigmoid(_half(s, multiplier, shift), base)
        return share, share
    elif FAMILY == SIGMOID:
        share = _sigmoid(s + shift, FAST)
        return share, share
    else:
        up = tl.where(s <= 0, 0.0, s)
        share = raised(up / base if FAMILY == NRELU else up, POWER)
        return share, share


@triton.jit
def whole_total(total, base, multiplier, shift, eps, FAMILY: tl.constexpr,
                POWER: tl.constexpr, OFFSET: tl.constexpr):  # fmt: skip
    """Add to the total the share of the offset, or the eps."""
    if FAMILY == EXP and OFFSET:
        return total + tl.exp2(shift * LOG2E - base * multiplier)
    elif FAMILY == SOFTPICK:
        return total + eps * tl.exp2(base * -LOG2E)
    elif FAMILY == NRELU:
        return total + eps / raised(base, POWER)
    else:
        return total


@triton.jit
def slopes(s, g, mean, inverse, base, multiplier, shift, FAMILY: tl.constexpr,
           POWER: tl.constexpr, BY_ROW: tl.constexpr, FAST: tl.constexpr):  # fmt: skip
    """Give the weights again, and the gradient in what their rule takes.

    `g` is the gradient in each weight, `mean` its mean over the weights of the row. Of
    EXP and the sigmoids the result is that in the multiplied and shifted score.
    """
    if FAMILY == EXP:
        share, _ = shares(s, base, multiplier, shift, EXP, 1, BY_ROW, False)
        weight = share * inverse
        return weight, weight * (g - mean)
    elif FAMILY == SOFTPICK:
        share, _ = shares(s, base, 0.0, 0.0, SOFTPICK, 1, False, False)
        slope = tl.exp2((s - base) * LOG2E) * inverse
        pull = tl.where(s > 0, g - mean, tl.where(s < 0, mean, 0.0 * s))
        return share * inverse, slope * tl.where(s == -INFINITY, 0.0, pull)
    elif FAMILY == NSIGMOID:
        share, rest = _relative_sigmoid(_half(s, multiplier, shift), base)
        weight = share * inverse
        return weight, weight * rest * (g - mean)
    elif FAMILY == SIGMOID:
        share = _sigmoid(s + shift, FAST)
        weight = share * inverse
        return weight, weight * (1 - share) * g
    else:
        up = tl.where(s <= 0, 0.0, s)
        if FAMILY == NRELU:
            up = up / base
            inside = POWER * (inverse / base)
        else:
            inside = POWER * inverse
        slope = tl.where(s <= 0, 0.0, raised(tl.where(s <= 0, 1.0, up), POWER - 1))
        if FAMILY == NRELU:
            g = g - mean
        return raised(up, POWER) * inverse, slope * inside * g
