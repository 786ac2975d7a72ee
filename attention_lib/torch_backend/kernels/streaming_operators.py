"""Streaming attention as operators of torch, which ``torch.compile`` keeps whole.

Arrays have the four axes of `arrays`; parameters are numbers, or tensors with one
number for each row of each head, (N, L).
"""

import math

import torch
from torch import Tensor

from attention_lib.torch_backend.kernels import streaming_again
from attention_lib.torch_backend.kernels import streaming_rules as rules
from attention_lib.torch_backend.kernels.bounds import bounds_of
from attention_lib.torch_backend.kernels.streaming_arguments import (
    Numbers,
    constants_of,
    grid_of,
    or_other,
    scales_of,
    size_of,
    sizes_of,
    steps_of,
)
from attention_lib.torch_backend.kernels.streaming_backward import to_queries
from attention_lib.torch_backend.kernels.streaming_forward import attend
from attention_lib.torch_backend.kernels.streaming_launches import tile_for
from attention_lib.torch_backend.kernels.streaming_poison import poison_rows
from attention_lib.torch_backend.kernels.streaming_rows import finish_rows, means_of
from attention_lib.torch_backend.kernels.streaming_to_keys import to_keys

__all__ = ["stream", "stream_backward"]

EXP, NRELU, RELU = rules.EXP.value, rules.NRELU.value, rules.RELU.value
NO_BOUNDS = None, None
POISONED = 16  # queries and keys of a tile that is hardly ever read


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
    out, top, total, seen = _outputs(query, value, family <= NRELU, whole)
    tile = tile_for("forward", query, size_of(query, value))
    first, shown = None, bias if mask is None else mask
    wide = query.dtype == torch.float16 and family == RELU
    scales, _, _ = scales_of(query, bias, multipliers is not None, numbers)
    constants = constants_of(query, value, mask, bias, rows, numbers)
    with torch.cuda.device_of(query):  # which need not be the current one
        if shown is not None:
            first = bounds_of(shown, key.shape[2])
        attend[grid_of(query, tile.queries)](
            query, key, value, out, top, total, seen, *or_other(query, *rows),
            *or_other(query, mask, bias, *(first or NO_BOUNDS)),
            *steps_of(query, key, value, mask, bias, first),
            *sizes_of(query, key, numbers), *scales, **constants,
            OFFSET=family == EXP and (shifts is not None or shift > -math.inf),
            WHOLE=whole, WIDE=wide, **tile.options,
        )  # fmt: skip
        if is_causal or first is not None:
            sizes = (*sizes_of(query, key, numbers), *scales)
            del constants["DIVIDED"]
            _poison(out, top, query, key, value, mask, bias, rows, sizes, constants)
    return out, top, total, seen


def _poison(out, top, query, key, value, mask, bias, rows, sizes, constants):
    """Add what values that are not finite bring, where something may be masked.

    That is not looked at here, which would wait for the GPU.
    """
    poison_rows[grid_of(query, POISONED)](
        value.sum(dtype=torch.float32), query, key, value, out,
        *or_other(query, top, *rows[:2], mask, bias),
        *steps_of(query, key, value, mask, bias, None)[:-3], *sizes, **constants,
        BLOCK_M=POISONED, BLOCK_N=POISONED,
    )  # fmt: skip


@stream.register_fake
def _(
    query, key, value, mask, bias, multipliers, shifts, inverses, family, power, eps,
    multiplier, shift, scale, softcap, group, is_causal, ahead, whole,
):  # fmt: skip
    return _outputs(query, value, family <= NRELU, whole)


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
        mean = means_of(out, grad, pull, numbers)
        inverse, divided = inverses, inverses is not None
        if numbers.normalised and whole:
            inverse, divided = 1 / total, True
        kept = or_other(query, top, inverse, mean, multipliers, shifts, mask, bias)
        constants = constants_of(query, value, mask, bias, rows, numbers)
        constants |= {"DIVIDED": divided, "WIDE": wide}
        scales, factor, unit = scales_of(query, bias, multipliers is not None, numbers)
        sizes = (*sizes_of(query, key, numbers), *scales, factor)
        length, n_keys, size = query.shape[2], key.shape[2], size_of(query, value)
        shown = bias if mask is None else mask
        more = bool(softcap) or shown is not None
        if in_queries or in_rows:
            tile = tile_for("to queries", query, size, more)
            first = None if shown is None else bounds_of(shown, n_keys)
            to_queries[grid_of(query, tile.queries)](
                query, key, value, grad, *kept,
                *or_other(query, *(first or NO_BOUNDS)), slopes[0], slopes[3],
                *steps_of(query, key, value, mask, bias, first), *sizes,
                MOVED=in_rows, **constants, **tile.options,
            )  # fmt: skip
        if in_keys:
            tile = tile_for("to keys", query, size, more)
            first = None if shown is None else bounds_of(shown.mT, length)
            to_keys[grid_of(key, tile.keys)](
                query, key, value, grad, *kept,
                *or_other(query, *(first or NO_BOUNDS)), slopes[1], slopes[2],
                *steps_of(query, key, value, mask, bias, first), *sizes,
                EVEN=length % tile.queries == 0, **constants, **tile.options,
            )  # fmt: skip
        if in_rows:
            finish_rows(slopes[3], slopes[4], top, total, mean, rows, unit, numbers)
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


def _outputs(query, value, normalised, whole):
    """Give room for the output, and for what is kept of each row, where anything is."""
    batch, heads, length, _ = query.shape
    dtype = query.dtype if whole else torch.float32
    out = query.new_empty((batch, heads, length, value.shape[-1]), dtype=dtype)
    rows = (batch * heads, length) if normalised else (0, 0)
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
