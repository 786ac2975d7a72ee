"""The threshold of sparse rows in torch, by Newton's method."""

import torch

__all__ = ["LONG", "chunk_maxima", "descend"]

CHUNKS = 16  # a bound on the threshold comes from the maxima of so many chunks
LONG = CHUNKS**2  # rows of so many keys have chunks
FEW = 1 / 8  # of the maxima above that bound: up to here their keys are worked on alone
EARLY = 4  # steps to that bound: after them it is about that of the maxima
STEPS = 60


def chunk_maxima(x):
    """Give the largest of each sixteen keys of long rows, or short rows as they are.

    The sixteen lie a sixteenth of the row apart; what is left at its end has one more.
    """
    r, n = x.shape
    if n < LONG:
        return x
    k = n // CHUNKS
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
        for _ in range(EARLY):
            tau = tau + _step(torch.sub(tops, tau).relu_(), c)
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
    for i in range(STEPS):
        torch.sub(z, tau, out=u).relu_()
        step = _step(u, c)
        # The first is hardly ever the last; a NaN does not stop the others.
        moving = i == 0 or bool((step > close).any())
        if not moving and a == 1:
            break
        tau = tau + step
        if not moving:
            torch.sub(z, tau, out=u).relu_()
            break
    else:
        torch.sub(z, tau, out=u).relu_()
    return tau, u if a == 1 else _raise(u, a)


def _step(u, c):
    """Give Newton's step from shifted scores without what is below zero."""
    a = 1 / c
    if a == 1:
        # A sum of bools is slower.
        return (u.sum(-1, keepdim=True) - 1).div_(torch.sign(u).sum(-1, keepdim=True))
    if a == 2:
        norm = torch.linalg.vector_norm(u, 2, -1, keepdim=True)
        return (norm - 1).mul_(norm).div_(u.sum(-1, keepdim=True))
    if a == 4:
        squares = u * u
        f = torch.linalg.vector_norm(squares, 2, -1, keepdim=True).square_()
        return (f - f**0.75).div_(squares.mul_(u).sum(-1, keepdim=True))
    powers = u ** (a - 1)
    slope = powers.sum(-1, keepdim=True)
    f = powers.mul_(u).sum(-1, keepdim=True)
    return (f - f ** (1 - c)).div_(slope)


def _raise(u, a):
    """Raise to a power in place."""
    if a == 2:
        return u.mul_(u)
    if a == 4:
        u.mul_(u)
        return u.mul_(u)
    return u.pow_(a)
