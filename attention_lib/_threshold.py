r"""The threshold of alpha-entmax for any alpha, in the names both libraries share.

With ``c = alpha - 1`` and ``z = x - max x`` the weights are

.. math:: w_i(t) = [1 + c (z_i - t)]_+^{1 / c}, \qquad \sum_i w_i(t) = 1,

which for ``c`` towards 0 becomes ``e^(z_i - t)``: softmax, with ``t`` the log-sum-exp.
The engines have faster ways for the common alphas; this one is for all of them.
"""

from attention_lib._dispatch import cast, namespace

__all__ = ["bracket", "entmax_by_newton", "improved", "powers", "slopes"]

STEPS = 100
ROUNDS = 8  # of taking away a surplus: each ends, or empties a key
CLOSE = 4  # ulps of the threshold: a step that is smaller ends a row


def powers(z, c, t):
    """Give the weights at a threshold, ``[1 + c (z - t)]_+^(1/c)``."""
    xp = namespace(z)
    shifted = z - t
    straight = c == 0
    safe = xp.where(straight, xp.ones_like(c), c)
    # log1p keeps the digits of 1 + c s for small c; below -1 nothing is left.
    logs = xp.log1p(xp.clip(safe * shifted, -1.0, None)) / safe
    return xp.exp(xp.where(straight, shifted, logs))


def entmax_by_newton(z, c, taking):
    """Solve for the threshold of each row; give the weights, normalised.

    Newton's method on the norm ``(sum w)^c``, which is nearly straight in the
    threshold: convex and falling for 0 < c <= 1, concave and rising for c < 0, so
    that the steps from 0 never pass the root. For c > 1 neither holds, and a step
    that leaves the bracket, or one that the slope has made tiny, is replaced by the
    bracket's middle.

    Parameters
    ----------
    z : array or Tensor, shape (..., n)
        Scores less the largest of their row; -inf where nothing takes part.
    c : array or Tensor, broadcastable to (..., 1)
        ``alpha - 1``, larger than -1.
    taking : array or Tensor, shape (..., 1)
        Number of keys that take part.

    Returns
    -------
    array or Tensor like `z`
        Weights that sum to one; NaN in rows that hold a NaN.
    """
    xp = namespace(z)
    c = xp.broadcast_to(c, (*z.shape[:-1], 1))
    t, low, high = bracket(c, cast(taking, z.dtype))
    for _ in range(STEPS):
        weights = powers(z, c, t)
        sums = (a.sum(-1)[..., None] for a in (weights, slopes(weights, c)))
        new, low, high, moving = improved(t, low, high, *sums, c)
        if not bool(moving.any()):  # a NaN does not move: it stops no other row
            break
        t = xp.where(moving, new, t)
    steep, close = c > 1, CLOSE * xp.finfo(z.dtype).eps
    weights = powers(z, c, t)
    if bool(steep.any()):
        weights = xp.where(steep, _settled(z, c, t, low, close), weights)
    return weights / weights.sum(-1)[..., None]


def bracket(c, taking):
    """Give a first threshold, and two between which each row's lies."""
    xp = namespace(c)
    straight = c == 0
    safe = xp.where(straight, xp.ones_like(c), c)
    logs = xp.log(xp.clip(taking, 1.0, None)) + 0 * c
    # Where all keys tie the threshold is largest: (1 - n^-c) / c.
    high = xp.where(straight, logs, -xp.expm1(-c * logs) / safe)
    return 0 * high, 0 * high, high


def improved(t, low, high, total, slope, c):
    """Take one step of Newton's method, from the sums of the weights and the slopes.

    Gives the new threshold, a bracket that is no wider, and where there was far to go.
    """
    xp = namespace(t)
    close = CLOSE * xp.finfo(t.dtype).eps
    straight, steep = c == 0, c > 1
    safe = xp.where(straight, xp.ones_like(c), c)
    low, high = xp.where(total > 1, t, low), xp.where(total > 1, high, t)
    grown = xp.where(straight, xp.log(total), -xp.expm1(-c * xp.log(total)) / safe)
    new = t + total * grown / slope
    kept = (new > low) & (new < high) | ~steep
    new = xp.where(kept, new, (low + high) / 2)
    return new, low, high, abs(new - t) > close * (1 + abs(t))


def _settled(z, c, t, low, close):
    """Give weights for c > 1, their surplus taken from those that it came from.

    There one ulp of the threshold can move a weight near zero far, ``eps^(1/c)``. So
    the threshold is lowered until the sum is at least one, and what is too much is
    taken where the weights move, not from all alike: the others keep their digits.
    """
    xp = namespace(z)
    gap = close * (1 + abs(t))
    for _ in range(STEPS):
        weights = powers(z, c, t)
        short = (weights.sum(-1)[..., None] < 1) & (t > low)
        if not bool(short.any()):
            break
        t = xp.where(short, xp.maximum(t - gap, low), t)
        gap = 2 * gap
    moves = slopes(weights, c)
    for _ in range(ROUNDS):
        moves = xp.where(weights > 0, moves, xp.zeros_like(moves))
        share = moves / moves.sum(-1)[..., None]
        surplus = weights.sum(-1)[..., None] - 1
        weights = xp.clip(weights - surplus * share, 0.0, None)
    return weights


def slopes(weights, c):
    """Give ``w^(1 - c)`` where there is weight: how fast each falls with t."""
    xp = namespace(weights)
    some = weights > 0
    inside = xp.where(some, weights, xp.ones_like(weights)) ** (1 - c)
    return xp.where(some, inside, xp.zeros_like(weights))
