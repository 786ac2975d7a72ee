"""What kernels of several files are made of: sums, powers, and functions near zero.

All run in float32. What is approximate on a GPU is exact under the interpreter.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.device import INTERPRETED

__all__ = [
    "expm1_of",
    "fast_log2",
    "log1p_of",
    "logistic_of",
    "raised",
    "relative_expm1",
    "two_sums",
]

INTERPRET = tl.constexpr(INTERPRETED)


@triton.jit
def _add_two(a0, a1, b0, b1):
    return a0 + b0, a1 + b1


@triton.jit
def two_sums(a, b):
    """Sum two tiles along axis 1, in one exchange between warps."""
    if INTERPRET:
        return tl.sum(a, 1, keep_dims=True), tl.sum(b, 1, keep_dims=True)
    else:
        return tl.reduce((a, b), 1, _add_two, keep_dims=True)


@triton.jit
def fast_log2(x):
    """Give the binary logarithm, with an absolute error of 2^-22 near one."""
    if INTERPRET:
        return tl.log2(x)
    else:
        return tl.inline_asm_elementwise(
            "lg2.approx.f32 $0, $1;", "=f,f", [x], tl.float32, True, 1
        )


@triton.jit
def logistic_of(x):
    """Give ``1 / (1 + e^-x)``, with all digits also where it is small."""
    small = tl.exp(-tl.abs(x))
    return tl.where(x < 0, small, 1.0) / (1 + small)


@triton.jit
def _near_expm1(x):
    """Give ``e^x - 1`` by its series, for sizes below .3."""
    return x * (1 + x * (0.5 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x / 720)))))


@triton.jit
def expm1_of(x):
    """Give ``e^x - 1``, which keeps its digits near zero."""
    return tl.where(tl.abs(x) < 0.3, _near_expm1(x), tl.exp(x) - 1)


@triton.jit
def relative_expm1(x, m, down):
    """Give ``(e^x - 1) e^-m``, where `down` is ``e^-m``; it keeps its digits."""
    return tl.where(tl.abs(x) < 0.3, _near_expm1(x) * down, tl.exp(x - m) - down)


@triton.jit
def log1p_of(x):
    """Give ``log(1 + x)``, which keeps its digits near zero (Kahan)."""
    u = 1 + x
    off = u - 1
    safe = tl.where((off == 0) | (u <= 0), 1.0, off)
    return tl.where(off == 0, x, tl.log(u) * tl.where(u <= 0, 1.0, x / safe))


@triton.jit
def raised(x, POWER: tl.constexpr):
    """Raise numbers of at least zero to a power; its whole part is multiplied out."""
    if POWER > 8 or POWER < 0:
        return tl.where(x > 0, tl.exp2(tl.log2(x) * POWER), x * (POWER > 0))
    else:
        WHOLE: tl.constexpr = POWER // 1
        REST: tl.constexpr = POWER - WHOLE
        if REST == 0.5:
            y = tl.sqrt(x)
        elif REST == 0:
            y = tl.where(x == x, 1.0, x)
        else:
            y = tl.where(x > 0, tl.exp2(tl.log2(x) * REST), x)
        for i in tl.static_range(8):
            if i < WHOLE:
                y = y * x
        return y
