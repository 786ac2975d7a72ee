"""Sparse rows in torch, block by block, with closed derivatives."""

import math

import torch

from attention_lib._threshold import entmax_by_newton
from attention_lib.torch_backend.descent import LONG, chunk_maxima, descend
from attention_lib.torch_backend.sizes import at_once
from attention_lib.torch_backend.threads import share, threads_for

__all__ = [
    "FAST",
    "entmax",
    "free_in_alpha",
    "gradient_in_alpha",
    "gradient_in_scores",
]

BLOCK_BYTES = 4 * 1024 * 1024
FAST = (0.1, 1.0)  # alpha - 1 for which powers of the shifted scores are accurate
SERIES = 0.1  # below, the derivative in alpha is summed as a series


def entmax(scores, alpha, where=None):
    """Weigh along the last axis; see `attention_lib.entmax`."""
    c = alpha - 1  # exact from a half to two, so that no digits are lost near softmax
    if not isinstance(c, torch.Tensor):
        c = torch.full((), c, dtype=scores.dtype, device=scores.device)
    if where is not None:
        where = where.expand(scores.shape)
    c = c.expand(torch.broadcast_shapes(c.shape, (*scores.shape[:-1], 1)))
    return _Entmax.apply(scores, c, where)


class _Entmax(torch.autograd.Function):
    """Entmax of rows, with ``diag(h) - h h^T / sum h``, ``h = w^(1 - c)``."""

    @staticmethod
    def forward(scores, c, where):
        return _solve(scores.detach(), c.detach(), where)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, c, _ = inputs
        ctx.save_for_backward(output, c)
        ctx.save_for_forward(output, c)

    @staticmethod
    def backward(ctx, grad):
        weights, c = ctx.saved_tensors
        grad_scores = grad_c = None
        if ctx.needs_input_grad[0]:
            grad_scores = gradient_in_scores(weights, c, grad)
        if ctx.needs_input_grad[1]:
            grad_c = (grad * gradient_in_alpha(weights, c)).sum(-1, keepdim=True)
        return grad_scores, grad_c, None

    @staticmethod
    def jvp(ctx, scores, c, where):
        weights, saved_c = ctx.saved_tensors
        return gradient_in_scores(weights, saved_c, scores) + c * gradient_in_alpha(
            weights, saved_c
        )

    @staticmethod
    def vmap(info, in_dims, scores, c, where):
        def front(a, dim):
            if a is None:
                return None
            if dim is None:
                return a.expand(info.batch_size, *a.shape)
            return a.movedim(dim, 0)

        given = map(front, (scores, c, where), in_dims)
        return _Entmax.apply(*given), 0


def gradient_in_scores(weights, c, direction):
    """Apply the Jacobian in the scores, which is symmetric, to a direction.

    What stands where there is no weight is not read: it may be NaN.
    """
    some = weights != 0
    inside = torch.where(some, weights, 1)
    slopes = torch.where(some, inside ** (1 - c), 0)
    total = slopes.sum(-1, keepdim=True)
    direction = torch.where(some, direction, 0)
    mean = (slopes * direction).sum(-1, keepdim=True) / torch.where(
        total == 0, 1, total
    )
    return slopes * (direction - mean)


def gradient_in_alpha(weights, c):
    """Give the derivative of the weights in alpha.

    Differentiating ``w = [1 + c (z - t)]^(1/c)`` in c, with ``L = log w``, gives
    ``w L^2 phi(c L)`` less a multiple of ``h`` that makes the sum zero, where
    ``phi(y) = (1 - e^-y - y) / y^2``: -1/2 at y = 0, where alpha is 1.
    """
    some = weights != 0
    inside = torch.where(some, weights, 1)
    free = free_in_alpha(weights, c)
    slopes = torch.where(some, inside ** (1 - c), 0)
    total = slopes.sum(-1, keepdim=True)
    share = slopes / torch.where(total == 0, 1, total)
    return free - share * free.sum(-1, keepdim=True)


def free_in_alpha(weights, c):
    """Give ``w L^2 phi(c L)``: the derivative in alpha at a threshold that stays."""
    some = weights != 0
    inside = torch.where(some, weights, 1)
    logs = inside.log()
    return torch.where(some, inside * logs**2 * _phi(c * logs), 0)


def _phi(y):
    """Give ``(1 - e^-y - y) / y^2``, by its series near zero."""
    small = y.abs() < SERIES
    near = torch.where(small, y, 0)
    series = torch.zeros_like(y)
    for k in range(12, 1, -1):  # Horner: 1/2! - y/3! + y^2/4! - ...
        series = 1 / math.factorial(k) - near * series
    far = torch.where(small, 1, y)
    return -torch.where(small, series, (torch.expm1(-far) + far) / far**2)


@torch.no_grad()
def _solve(scores, c, where):
    """Find the weights of rows: fast for one common alpha, else by the general way."""
    out = torch.empty_like(scores, memory_format=torch.contiguous_format)
    n = scores.shape[-1]
    if not out.numel():
        return out
    rows = scores.reshape(-1, n)
    kept = None if where is None else where.reshape(-1, n)
    flat, powers = out.view(-1, n), c.reshape(-1, 1)
    # An array of one alpha, and that of one call, are the common case. For the latter
    # nothing is computed: torch's own threads would then be in the way of ours.
    alike = powers.stride(0) == 0 or bool((powers == powers[0]).all())
    one = float(powers[0]) if alike else None
    fast = one is not None and FAST[0] <= one <= FAST[1]
    threads = threads_for(rows, rows.numel())
    # Of long rows mostly few keys are left: less to keep in the cache, but more calls.
    shared = 1 if fast and n >= LONG else threads
    cached = BLOCK_BYTES // (scores.element_size() * shared)
    step = max(1, min(at_once(scores, cached) // n, -(-len(rows) // threads)))

    def work(starts):
        for start in starts:
            block = slice(start, start + step)
            taking = None if kept is None else kept[block]
            if fast:
                _fast_block(rows[block], one, taking, flat[block])
            else:
                _general_block(rows[block], powers[block], taking, flat[block])

    share(work, range(0, len(rows), step), threads)
    return out


def _shifted(x, where, tops):
    """Give ``x - max x``, with -inf where masked; tell which rows are not finite."""
    top = tops.amax(-1, keepdim=True)
    odd = ~top.isfinite()
    return x - torch.where(odd, 0, top), odd


def _mark_odd(out, x, odd, where):
    """Make the rows without a finite maximum NaN, or zero where nothing takes part."""
    if bool(odd.any()):
        nan = odd if where is None else odd & where
        out.copy_(torch.where(nan, torch.nan, torch.where(odd, 0, out)))


def _general_block(x, c, where, out):
    """Solve for any alpha, one a row."""
    if where is not None:
        x = torch.where(where, x, -torch.inf)
    z, odd = _shifted(x, where, x)
    z = torch.where(odd, 0, z)
    n = (
        torch.full_like(c, x.shape[-1])
        if where is None
        else where.sum(-1, keepdim=True)
    )
    out.copy_(entmax_by_newton(z, c, n))
    _mark_odd(out, x, odd, where)


def _fast_block(x, c, where, out):
    """Solve for one alpha from 1.1 to 2."""
    if where is not None:
        x = torch.where(where, x, -torch.inf)
    tops = chunk_maxima(x)
    top = tops.amax(-1, keepdim=True)
    odd = ~top.isfinite()
    base = torch.where(odd, 0, top)
    descend(x, (tops - base).mul_(c), c, out, base)
    _mark_odd(out, x, odd, where)
