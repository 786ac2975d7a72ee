"""Streaming attention as operators of torch, which ``torch.compile`` keeps whole.

Arrays have the four axes of `arrays`; parameters are numbers, or tensors with one
number for each row of each head, (N, L).
"""

import math
from typing import NamedTuple

import torch
import triton
from torch import Tensor

from attention_lib.torch_backend.kernels import streaming_again
from attention_lib.torch_backend.kernels import streaming_rules as rules
from attention_lib.torch_backend.kernels.arrays import padded, strides
from attention_lib.torch_backend.kernels.bounds import bounds_of
from attention_lib.torch_backend.kernels.streaming_backward import (
    means,
    to_keys,
    to_queries,
)
from attention_lib.torch_backend.kernels.streaming_forward import attend
from attention_lib.torch_backend.kernels.streaming_launches import tile_for
from attention_lib.torch_backend.kernels.streaming_poison import poison_rows

__all__ = ["Numbers", "stream", "stream_backward", "unit_of"]

EXP, NRELU = rules.EXP.value, rules.NRELU.value
NSIGMOID, SIGMOID = rules.NSIGMOID.value, rules.SIGMOID.value
RELU = rules.RELU.value
LOG2E = rules.LOG2E.value
MEAN_ROWS = 32
POISONED = 16  # queries and keys of a tile that is hardly ever read
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


@torch.library.custom_op("attention_lib::stream", mutates_args=())
def stream(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    multipliers: Tensor | None,
    shifts: Tensor | None,
    inverses: Tensor | None,
    family: int,
    power: float,
    eps: float,
    multiplier: float,
    shift: float,
    scale: float,
    softcap: float,
    group: int,
    is_causal: bool,
    ahead: int,
    whole: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Attend; give the output, and of each row its top, its total, and what was seen.

    Not `whole`, the output is that of the fold: relative to the base, and undivided.
    """
    numbers = Numbers(family, power, eps, multiplier, shift, scale, softcap, group,
                      is_causal, ahead, whole)  # fmt: skip
    rows = (multipliers, shifts, inverses)
    out, top, total, seen = _outputs(query, value, family, whole)
    tile = tile_for("forward", query, _size(query, value))
    first, shown = None, bias if mask is None else mask
    wide = query.dtype == torch.float16 and family == RELU
    scales, _, _ = _scales(query, bias, multipliers is not None, numbers)
    with torch.cuda.device_of(query):  # which need not be the current one
        if shown is not None:
            first = bounds_of(shown, key.shape[2])
        attend[_grid(query, tile.queries)](
            query, key, value, out, top, total, seen, *_or(query, *rows),
            *_or(query, mask, bias, *(first or (None, None))),
            *_steps(query, key, value, mask, bias, first),
            *_sizes(query, key, numbers), *scales,
            **_constants(query, value, mask, bias, rows, numbers),
            OFFSET=family == EXP and (shifts is not None or shift > -math.inf),
            WHOLE=whole, WIDE=wide, **tile.options,
        )  # fmt: skip
        if is_causal or first is not None:
            _poison(out, top, query, key, value, mask, bias, rows, numbers)
    return out, top, total, seen


def _poison(out, top, query, key, value, mask, bias, rows, numbers):
    """Add what values that are not finite bring, where something may be masked.

    That is not looked at here, which would wait for the GPU.
    """
    scales, _, _ = _scales(query, bias, rows[0] is not None, numbers)
    constants = _constants(query, value, mask, bias, rows, numbers)
    del constants["DIVIDED"]
    poison_rows[_grid(query, POISONED)](
        value.sum(dtype=torch.float32), query, key, value, out,
        *_or(query, top, *rows[:2], mask, bias),
        *_steps(query, key, value, mask, bias, None)[:-3],
        *_sizes(query, key, numbers), *scales, **constants,
        BLOCK_M=POISONED, BLOCK_N=POISONED,
    )  # fmt: skip


@stream.register_fake
def _(
    query, key, value, mask, bias, multipliers, shifts, inverses, family, power, eps,
    multiplier, shift, scale, softcap, group, is_causal, ahead, whole,
):  # fmt: skip
    return _outputs(query, value, family, whole)


@torch.library.custom_op("attention_lib::stream_backward", mutates_args=())
def stream_backward(
    grad: Tensor,
    pull: Tensor | None,
    out: Tensor,
    top: Tensor,
    total: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    multipliers: Tensor | None,
    shifts: Tensor | None,
    inverses: Tensor | None,
    family: int,
    power: float,
    eps: float,
    multiplier: float,
    shift: float,
    scale: float,
    softcap: float,
    group: int,
    is_causal: bool,
    ahead: int,
    whole: bool,
    in_rows: bool,
    in_queries: bool,
    in_keys: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Give the gradients in query, key, value, and in multiplier and shift of each row.

    `pull` is the gradient in the totals, where the output is that of the fold.
    """
    numbers = Numbers(family, power, eps, multiplier, shift, scale, softcap, group,
                      is_causal, ahead, whole)  # fmt: skip
    rows = (multipliers, shifts, inverses)
    slopes = _slopes(query, key, value, in_queries, in_keys, in_rows)
    wide = query.dtype == torch.float16 and (family == RELU or not whole)
    grad = grad.to(torch.float32 if wide else query.dtype).contiguous()
    with torch.cuda.device_of(query):
        mean = _means(out, grad, pull, numbers)
        inverse, divided = inverses, inverses is not None
        if numbers.normalised and whole:
            inverse, divided = 1 / total, True
        kept = _or(query, top, inverse, mean, multipliers, shifts, mask, bias)
        constants = _constants(query, value, mask, bias, rows, numbers)
        constants |= {"DIVIDED": divided, "WIDE": wide}
        scales, factor, unit = _scales(query, bias, multipliers is not None, numbers)
        sizes = (*_sizes(query, key, numbers), *scales, factor)
        length, n_keys, size = query.shape[2], key.shape[2], _size(query, value)
        shown = bias if mask is None else mask
        if in_queries or in_rows:
            more = bool(softcap) or shown is not None
            tile = tile_for("to queries", query, size, more)
            first = None if shown is None else bounds_of(shown, n_keys)
            to_queries[_grid(query, tile.queries)](
                query, key, value, grad, *kept, *_or(query, *(first or (None, None))),
                slopes[0], slopes[3],
                *_steps(query, key, value, mask, bias, first), *sizes,
                MOVED=in_rows, **constants, **tile.options,
            )  # fmt: skip
        if in_keys:
            tile = tile_for("to keys", query, size)
            first = None if shown is None else bounds_of(shown.mT, length)
            to_keys[_grid(key, tile.keys)](
                query, key, value, grad, *kept, *_or(query, *(first or (None, None))),
                slopes[1], slopes[2],
                *_steps(query, key, value, mask, bias, first), *sizes,
                EVEN=length % tile.queries == 0, **constants, **tile.options,
            )  # fmt: skip
        if in_rows:
            _finish_rows(slopes[3], slopes[4], top, total, mean, rows, unit, numbers)
    return slopes


@stream_backward.register_fake
def _(
    grad, pull, out, top, total, query, key, value, mask, bias, multipliers, shifts,
    inverses, family, power, eps, multiplier, shift, scale, softcap, group, is_causal,
    ahead, whole, in_rows, in_queries, in_keys,
):  # fmt: skip
    return _slopes(query, key, value, in_queries, in_keys, in_rows)


def _keep(ctx, inputs, output):
    arrays, ctx.numbers = inputs[:8], Numbers(*inputs[8:])
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(output[1], output[3])
    if ctx.numbers.whole:
        ctx.mark_non_differentiable(output[2])
    ctx.save_for_backward(*output[:3], *arrays)


def _differentiate(ctx, grad, _, pull, __):
    needed = ctx.needs_input_grad
    nothing = (None,) * len(ctx.numbers)
    if grad is None and pull is None:
        return (None,) * 8 + nothing
    out, top, total, *arrays = ctx.saved_tensors
    if torch.is_grad_enabled():
        slopes = streaming_again.differentiate(grad, pull, top, arrays, ctx.numbers,
                                               needed[:8])  # fmt: skip
        return *slopes, *nothing
    if grad is None:
        grad = torch.zeros_like(out)
    in_rows = needed[5] or needed[6]
    *slopes, in_multipliers, in_shifts = stream_backward(
        grad, pull, out, top, total, *arrays, *ctx.numbers, in_rows, needed[0],
        needed[1] or needed[2],
    )  # fmt: skip
    slopes = [a if need else None for a, need in zip(slopes, needed[:3], strict=True)]
    in_multipliers = in_multipliers if needed[5] else None
    in_shifts = in_shifts if needed[6] else None
    return *slopes, None, None, in_multipliers, in_shifts, None, *nothing


stream.register_autograd(_differentiate, setup_context=_keep)


def _grid(a, size):
    """Give a program to each tile of so many rows, all along one axis."""
    batch, heads, length, _ = a.shape
    return (triton.cdiv(length, size) * batch * heads,)


def _outputs(query, value, family, whole):
    """Give room for the output, and for what is kept of each row, where anything is."""
    batch, heads, length, _ = query.shape
    dtype = query.dtype if whole else torch.float32
    out = query.new_empty((batch, heads, length, value.shape[-1]), dtype=dtype)
    rows = (batch * heads, length) if family <= NRELU else (0, 0)
    top, total = (query.new_empty(rows, dtype=torch.float32) for _ in range(2))
    seen = query.new_empty((0, 0) if whole else rows, dtype=torch.int32)
    return out, top, total, seen


def _slopes(query, key, value, in_queries, in_keys, in_rows):
    """Give room for the gradients; for those that nobody needs, none."""
    batch, heads, length, _ = query.shape
    wanted = (in_queries or in_rows, in_keys, in_keys)
    arrays = [a.new_empty(a.shape if need else (0,))
              for a, need in zip((query, key, value), wanted, strict=True)]  # fmt: skip
    rows = (batch * heads, length) if in_rows else (0,)
    return *arrays, *(query.new_empty(rows, dtype=torch.float32) for _ in range(2))


def _means(out, grad, pull, numbers):
    """Give each row's mean gradient over its weights, or less that in its total."""
    if not numbers.normalised:
        return None
    rows = grad.shape[0] * grad.shape[1], grad.shape[2]
    mean = grad.new_zeros(rows, dtype=torch.float32)
    if not numbers.whole:
        return mean if pull is None else mean - pull.reshape(rows)
    width = out.shape[-1]
    means[(triton.cdiv(mean.numel(), MEAN_ROWS),)](
        out, grad, mean, mean.numel(), D=width, D_PAD=padded(width), ROWS=MEAN_ROWS
    )
    return mean


def _finish_rows(moved, in_shifts, top, total, mean, rows, unit, numbers):
    """Turn what the kernel summed for each row into gradients in its parameters."""
    multipliers, shifts, _ = rows
    if numbers.family != EXP:
        in_shifts.copy_(moved)
        return
    base = top.masked_fill(top == -torch.inf, 0) * unit
    in_shifts.zero_()
    if numbers.whole and shifts is not None:
        factor = numbers.multiplier if multipliers is None else multipliers
        share = (torch.exp(shifts - base * factor) / total).nan_to_num(1.0)
        in_shifts.copy_(-mean * share.masked_fill(top == -torch.inf, 0))
    moved.mul_(unit).addcmul_(base, in_shifts, value=-1)


def _size(query, value):
    return max(padded(query.shape[-1]), padded(value.shape[-1]))


def _or(other, *arrays):
    """Give a tensor for each that is None: the kernel does not read it."""
    return [other if a is None else a for a in arrays]


def _steps(query, key, value, mask, bias, first):
    """Give the strides of all arrays."""
    bound = (0, 0, 0) if first is None else strides(first[0])
    arrays = (query, key, value, mask, bias)
    return [step for a in arrays for step in strides(a)] + list(bound)


def _sizes(query, key, numbers):
    """Give the lengths, the heads, and how far the first query is ahead."""
    lengths = query.shape[2], key.shape[2]
    return *lengths, query.shape[1], numbers.group, numbers.ahead


def _scales(query, bias, by_row, numbers):
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


def _constants(query, value, mask, bias, rows, numbers):
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
