"""Sparse rows in torch: the threshold by Newton's method, and closed derivatives."""

import math

import torch

from attention_lib._threshold import entmax_by_newton
from attention_lib.torch_backend.threads import share, threads_for

__all__ = ["FAST", "chunk_maxima", "descend", "entmax"]

BLOCK_BYTES = 4 * 1024 * 1024
CHUNKS = 16  # a bound on the threshold comes from the maxima of so many chunks
FEW = 1 / 4  # of the maxima above that bound: up to here their keys are worked on alone
STEPS = 60
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
            grad_scores = _along(weights, c, grad)
        if ctx.needs_input_grad[1]:
            grad_c = (grad * _in_alpha(weights, c)).sum(-1, keepdim=True)
        return grad_scores, grad_c, None

    @staticmethod
    def jvp(ctx, scores, c, where):
        weights, saved_c = ctx.saved_tensors
        return _along(weights, saved_c, scores) + c * _in_alpha(weights, saved_c)

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


def _along(weights, c, direction):
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


def _in_alpha(weights, c):
    """Give the derivative of the weights in alpha.

    Differentiating ``w = [1 + c (z - t)]^(1/c)`` in c, with ``L = log w``, gives
    ``w L^2 phi(c L)`` less a multiple of ``h`` that makes the sum zero, where
    ``phi(y) = (1 - e^-y - y) / y^2``: -1/2 at y = 0, where alpha is 1.
    """
    some = weights != 0
    inside = torch.where(some, weights, 1)
    logs = inside.log()
    free = torch.where(some, inside * logs**2 * _phi(c * logs), 0)
    slopes = torch.where(some, inside ** (1 - c), 0)
    total = slopes.sum(-1, keepdim=True)
    share = slopes / torch.where(total == 0, 1, total)
    return free - share * free.sum(-1, keepdim=True)


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
    # An array of one alpha, and that of one call, are the common case.
    one = float(powers[0]) if bool((powers == powers[0]).all()) else None
    fast = one is not None and FAST[0] <= one <= FAST[1]
    threads = threads_for(rows, rows.numel())
    # Of long rows mostly few keys are left: less to keep in the cache, but more calls.
    at_once = 1 if fast and n >= CHUNKS**2 else threads
    step = BLOCK_BYTES // (n * scores.element_size() * at_once)
    step = max(1, min(step, -(-len(rows) // threads)))

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


def chunk_maxima(x):
    """Give the largest of each sixteen keys of long rows, or short rows as they are.

    The sixteen lie a sixteenth of the row apart; what is left at its end has one more.
    """
    r, n = x.shape
    k = n // CHUNKS
    if k < CHUNKS:
        return x
    tops = x[:, : CHUNKS * k].reshape(r, CHUNKS, k).amax(1)
    if n == CHUNKS * k:
        return tops
    return torch.cat([tops, x[:, CHUNKS * k :].amax(-1, keepdim=True)], -1)


def descend(z, tops, c, out, base=None):
    """Write the weights of ``z = (alpha - 1) scores`` to `out`, and give the threshold.

    With a `base`, `z` are the scores themselves: it is taken from them first, so that
    large scores lose no digits.

    By Newton's method on the norm. The threshold of any part of a row bounds that of
    the row from below, so the steps start at the threshold of `tops`. Where few keys
    can lie above that, the others are forgotten. A step ends what it is too small to
    change; with the squares and higher powers also one whose own square is.
    """
    eps = torch.finfo(z.dtype).eps
    top = tops.amax(-1, keepdim=True)
    tau, few = top - 1, None
    if tops.shape[-1] < z.shape[-1]:
        tau = _newton(tops, tau, c, torch.empty_like(tops), 1e-3)[0]
        few = _above(tau, tops, z.shape[-1])
    close = 4 * eps * (1 + top.abs())
    if c < 1:
        close = close.clamp(min=0.3 * eps ** max(c, 0.5))
    taken = z if few is None else z.gather(-1, few)
    if base is not None:
        taken = torch.sub(taken, base).mul_(c)
    spare = out if few is None else torch.empty_like(taken)
    tau, weights = _newton(taken, tau, c, spare, close)
    weights.mul_(1 / weights.sum(-1, keepdim=True))
    if few is not None:
        out.zero_().scatter_(-1, few, weights)
    return tau


def _above(tau, tops, n):
    """Give the keys that may lie above a bound, (rows, some), or None: not few."""
    k = n // CHUNKS
    most = int((tops > tau).sum(-1).amax())
    if most > FEW * k:
        return None
    places = tops[:, :k].topk(most, sorted=False).indices
    parts = torch.arange(0, CHUNKS * k, k, device=tops.device)
    keys = (parts[:, None] + places[:, None]).flatten(1)
    rest = torch.arange(CHUNKS * k, n, device=tops.device)
    return torch.cat([keys, rest.expand(len(keys), -1)], -1)


def _newton(z, tau, c, u, close):
    """Raise tau to where ``sum (z - tau)_+^(1/c)`` is one; give it and the weights.

    They are written over `u`. The last step, below `close`, is taken too.
    """
    a = 1 / c
    for _ in range(STEPS):
        torch.sub(z, tau, out=u).relu_()
        if a == 1:
            f = u.sum(-1, keepdim=True)
            s = torch.sign(u).sum(-1, keepdim=True)  # a sum of bools is slower
            step = (f - 1) / s
        elif a == 2:
            norm = torch.linalg.vector_norm(u, 2, -1, keepdim=True)
            step = (norm - 1) * norm / u.sum(-1, keepdim=True)
        elif a == 4:
            squares = u * u
            f = torch.linalg.vector_norm(squares, 2, -1, keepdim=True).square_()
            s = squares.mul_(u).sum(-1, keepdim=True)
            step = (f - f**0.75) / s
        else:
            powers = u ** (a - 1)
            s = powers.sum(-1, keepdim=True)
            f = powers.mul_(u).sum(-1, keepdim=True)
            step = (f - f ** (1 - c)) / s
        moving = bool((step > close).any())  # a NaN does not stop the others
        if not moving and a == 1:
            break
        tau = tau + step.clamp_(min=0)
        if not moving:
            torch.sub(z, tau, out=u).relu_()
            break
    else:
        torch.sub(z, tau, out=u).relu_()
    return tau, u if a == 1 else _raise(u, a)


def _raise(u, a):
    """Raise to a power in place."""
    if a == 2:
        return u.mul_(u)
    if a == 4:
        u.mul_(u)
        return u.mul_(u)
    return u.pow_(a)
