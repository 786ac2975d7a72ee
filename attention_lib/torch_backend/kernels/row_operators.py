"""The row kernels as operators of torch, which ``torch.compile`` keeps whole.

Rows are those of a matrix; parameters are numbers, or tensors with one number a row.
"""

import torch
import triton
from torch import Tensor

from attention_lib.torch_backend.kernels import row_again
from attention_lib.torch_backend.kernels import row_rules as rules
from attention_lib.torch_backend.kernels.row_backward import backward, backward_long
from attention_lib.torch_backend.kernels.row_count import count_rows
from attention_lib.torch_backend.kernels.row_forward import forward, forward_long
from attention_lib.torch_backend.kernels.row_launches import (
    IN_REGISTERS,
    TILE,
    TILE_WARPS,
    whole_rows,
)

__all__ = ["count", "weigh"]

SOFTMAX1, NEAR_ONE = rules.SOFTMAX1.value, rules.NEAR_ONE.value
SUMS = (rules.SOFTPICK.value, rules.NSIGMOID.value, rules.NRELU.value)
POINTWISE = (rules.SIGMOID.value, rules.RELU.value)
FROM_SCORES = SUMS + POINTWISE  # of these the way back takes scores, else weights
QUICK = 0.25  # alpha - 1 for which a quick logarithm is exact enough in float32
HALVES = (torch.float16, torch.bfloat16)


@torch.library.custom_op("attention_lib::weigh_rows", mutates_args=())
def weigh(
    scores: Tensor,
    where: Tensor | None,
    factors: Tensor | None,
    pars: Tensor | None,
    family: int,
    factor: float,
    par: float,
    power: float,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Weigh the rows of a matrix; give the weights, and numbers for the way back."""
    scores = _side_by_side(scores)
    weights, kept = _outputs(scores, pars, family)
    n_rows, n = scores.shape
    kernel, grid, options = _launch(forward, forward_long, scores, family)
    with torch.cuda.device_of(scores):  # which need not be the current one
        kernel[grid](
            scores, weights, _mask(where, scores), _or(factors, scores),
            _or(pars, scores), kept, n_rows, n, scores.stride(0), *_steps(where),
            factor, par, eps, _close(scores.dtype, family, par),
            FAMILY=family, POWER=power, **_given(factors, pars, where, factor),
            KEEPS=len(kept) > 0, FAST=scores.dtype in HALVES or par >= QUICK, **options,
        )  # fmt: skip
    return weights, kept


@weigh.register_fake
def _(scores, where, factors, pars, family, factor, par, power, eps):
    return _outputs(scores, pars, family)


@torch.library.custom_op("attention_lib::weigh_rows_backward", mutates_args=())
def weigh_backward(
    grad: Tensor,
    scores: Tensor | None,
    weights: Tensor | None,
    where: Tensor | None,
    factors: Tensor | None,
    pars: Tensor | None,
    kept: Tensor,
    family: int,
    factor: float,
    par: float,
    power: float,
    in_factor: bool,
    in_par: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Give the gradients in the scores, and in a factor and a parameter of each row."""
    grad = _side_by_side(grad)
    given = grad if scores is None else _side_by_side(scores)
    slopes, in_factors, in_pars = _slopes(grad, in_factor, in_par)
    n_rows, n = grad.shape
    kernel, grid, options = _launch(backward, backward_long, grad, family)
    with torch.cuda.device_of(grad):  # which need not be the current one
        kernel[grid](
            given, _or(weights, grad), grad, _mask(where, grad), _or(factors, grad),
            _or(pars, grad), kept, slopes, in_factors, in_pars,
            n_rows, n, given.stride(0), grad.stride(0), *_steps(where), factor, par,
            FAMILY=family, POWER=power, **_given(factors, pars, where, factor),
            READS_X=scores is not None, IN_FACTOR=in_factor, IN_PAR=in_par, **options,
        )  # fmt: skip
    return slopes, in_factors, in_pars


@weigh_backward.register_fake
def _(
    grad, scores, weights, where, factors, pars, kept,
    family, factor, par, power, in_factor, in_par,
):  # fmt: skip
    return _slopes(grad, in_factor, in_par)


@torch.library.custom_op("attention_lib::count_in_rows", mutates_args=())
def count(scores: Tensor, where: Tensor | None) -> Tensor:
    """Count the keys of each row that take part; -inf counts in rows without more."""
    scores = _side_by_side(scores)
    n_rows, n = scores.shape
    out = scores.new_empty(n_rows, dtype=torch.float32)
    block = min(TILE, max(16, triton.next_power_of_2(n)))
    with torch.cuda.device_of(scores):  # which need not be the current one
        count_rows[(n_rows,)](
            scores, out, _mask(where, scores), n, scores.stride(0), *_steps(where),
            MASKED=where is not None, BLOCK=block,
        )  # fmt: skip
    return out


@count.register_fake
def _(scores, where):
    return scores.new_empty(len(scores), dtype=torch.float32)


def _keep(ctx, inputs, output):
    scores, where, factors, pars, *ctx.numbers = inputs
    weights, kept = output
    family = ctx.numbers[0]
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(kept)
    from_scores = family in FROM_SCORES
    ctx.save_for_backward(
        scores if from_scores or ctx.needs_input_grad[2] else None,
        None if from_scores else weights,
        where,
        factors,
        pars,
        kept,
    )


def _differentiate(ctx, grad, _):
    needed = ctx.needs_input_grad
    nothing = (None,) * (len(needed) - 4)
    if grad is None:
        return None, None, None, None, *nothing
    if torch.is_grad_enabled():
        slopes = row_again.differentiate(grad, ctx.saved_tensors, ctx.numbers, needed)
        return *slopes, *nothing
    family, factor, par, power, _ = ctx.numbers
    in_scores, in_factors, in_pars = weigh_backward(
        grad, *ctx.saved_tensors, family, factor, par, power, needed[2], needed[3]
    )
    in_factors = in_factors if needed[2] else None
    return in_scores, None, in_factors, in_pars if needed[3] else None, *nothing


weigh.register_autograd(_differentiate, setup_context=_keep)


def _side_by_side(rows):
    """Give rows whose numbers lie side by side, as a program reads them fast."""
    return rows if rows.stride(-1) == 1 else rows.contiguous()


def _outputs(scores, pars, family):
    """Give room for the weights, and for what is kept of each row."""
    n_kept = 2 if family in SUMS else int(family == SOFTMAX1 and pars is not None)
    kept = scores.new_empty((n_kept, len(scores)), dtype=torch.float32)
    return scores.new_empty(scores.shape), kept


def _slopes(grad, in_factor, in_par):
    """Give room for the gradients; for one that nobody needs, none."""
    rows = [grad.new_empty(len(grad) * needed, dtype=torch.float32)
            for needed in (in_factor, in_par)]  # fmt: skip
    return grad.new_empty(grad.shape), *rows


def _launch(whole, long, rows, family):
    """Choose a kernel by the length of the rows, its grid, and its blocks."""
    n_rows, n = rows.shape
    heavy, pieces = family == NEAR_ONE, 1
    more = 8 if heavy else 2 if whole is backward and family in SUMS else 1
    if family in POINTWISE and whole is forward:  # whose rows may be cut
        pieces, n = triton.cdiv(n, TILE), min(n, TILE)
    elif n > IN_REGISTERS // more:
        return long, (n_rows,), {"BLOCK": TILE, "num_warps": TILE_WARPS}
    block, at_once, warps, parts = whole_rows(n, rows.element_size(), heavy)
    options = {"BLOCK": block, "ROWS": at_once, "num_warps": warps}
    grid = (triton.cdiv(n_rows, at_once), pieces)
    return whole, grid, options | ({"CHUNK": parts} if whole is forward else {})


def _or(parameter, other):
    """Give a tensor where there is none: the kernel does not read it."""
    return other if parameter is None else parameter.contiguous()


def _given(factors, pars, where, factor):
    """Say where the kernel finds its parameters: 1, a number; 2, one a row."""
    by_factor = 2 if factors is not None else int(factor != 1)
    by_par = 1 if pars is None else 2
    return {"BY_FACTOR": by_factor, "BY_PAR": by_par, "MASKED": where is not None}


def _mask(where, other):
    """Give a mask as bytes."""
    return other if where is None else _in_three(where)[0].view(torch.uint8)


def _steps(where):
    """Give the last two sizes of the leading axes of a mask, and its steps."""
    return (1, 1, 0, 0, 0, 0) if where is None else _in_three(where)[1]


def _in_three(where):
    """Fold the leading axes of a mask to three, copying it only if these are more."""
    sizes, steps = [], []
    for size, step in zip(where.shape[:-1], where.stride()[:-1], strict=True):
        if size == 1:
            continue
        if sizes and steps[-1] == step * size:
            sizes[-1], steps[-1] = sizes[-1] * size, step
        else:
            sizes.append(size)
            steps.append(step)
    if len(sizes) > 3:
        return _in_three(where.contiguous())
    sizes, steps = [1] * (3 - len(sizes)) + sizes, [0] * (3 - len(steps)) + steps
    return where, (*sizes[1:], *steps, where.stride(-1))


def _close(dtype, family, c):
    """Give the step below which a threshold is good enough."""
    if dtype in HALVES:
        return 1e-3 if c == 1 or family == NEAR_ONE else 3e-3
    if family == NEAR_ONE:
        return 3e-6
    return 5e-7 if c >= 1 else 0.3 * 1.2e-7 ** max(c, 0.5)
