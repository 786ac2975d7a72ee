"""How far two explanations differ, and how far weights can while the output stays."""

import numpy as np

__all__ = ["jensen_shannon", "kendall", "most_different"]


def kendall(a, b):
    """Give Kendall's tau-b along the last axis: how far two scores order alike.

    Pairs that both order alike, less those that they order otherwise, over the root of
    the numbers of pairs that each of them orders at all.

    Parameters
    ----------
    a, b : array, shape (..., n)
        Scores of the same n things.

    Returns
    -------
    array, shape (...)
        From -1 to 1, and zero where one of them ties all.

    References
    ----------
    M. G. Kendall (1945). The treatment of ties in ranking problems. *Biometrika*
    33(3), 239-251. https://doi.org/10.1093/biomet/33.3.239

    Examples
    --------
    Of six pairs, five are ordered alike:

    >>> round(float(kendall([1, 2, 3, 4], [1, 2, 4, 3])), 4)
    0.6667
    """
    a, b = (_orders(np.asarray(x)) for x in (a, b))
    pairs = np.sqrt((a**2).sum((-2, -1)) * (b**2).sum((-2, -1)))
    return (a * b).sum((-2, -1)) / np.where(pairs == 0, 1, pairs)


def _orders(x):
    """Give for each pair which is larger: 1, -1, or 0 for a tie."""
    return np.sign(x[..., :, None] - x[..., None, :]).astype(np.float32)


def jensen_shannon(a, b):
    """Give the Jensen-Shannon divergence of two rows of weights, in nats.

    It is the mean of both rows' divergences from their mean: zero if they are equal,
    and ``log 2`` if no key has weight in both.

    Parameters
    ----------
    a, b : array, shape (..., n)
        Weights that sum to one.

    Returns
    -------
    array, shape (...)
        The divergences.

    References
    ----------
    J. Lin (1991). Divergence measures based on the Shannon entropy. *IEEE Transactions
    on Information Theory* 37(1), 145-151. https://doi.org/10.1109/18.61115
    """
    return _surprise((a + b) / 2) - (_surprise(a) + _surprise(b)) / 2


def _surprise(weights):
    """Give the entropy in nats; no weight adds nothing."""
    logs = np.log(np.where(weights > 0, weights, 1))
    return -(weights * logs).sum(-1)


def most_different(weights, values, low, high):
    r"""Find the weights farthest from those given whose output is still near.

    .. math:: \max_b\ \mathrm{JS}(a, b) \quad\text{where}\quad
        b \ge 0,\ \sum_j b_j = 1,\ l \le \sum_j b_j z_j \le h

    Parameters
    ----------
    weights : array, shape (..., n)
        The given weights ``a``, at least two.
    values : array, shape (..., n)
        What each key would give with all the weight, ``z``: one number a key.
    low, high : array, shape (...)
        Bounds of the output, which hold that of the given weights; may be infinite.

    Returns
    -------
    divergence : array, shape (...)
        The largest Jensen-Shannon divergence, in nats.
    other : array, shape (..., n)
        Weights that reach it.

    Notes
    -----
    The divergence is convex in ``b``, so that it is largest at a corner of what is
    allowed. The corners lie on edges of the simplex: one key has all the weight, or
    two keys share it so that the output is exactly ``l`` or ``h``. All are tried, so
    the result is exact, and no adversary needs more than two keys.
    """
    weights, values = np.asarray(weights, float), np.asarray(values, float)
    n = weights.shape[-1]
    first, second = np.triu_indices(n, 1)
    z, other_z = values[..., first], values[..., second]
    ends = np.stack([low, high], -1)[..., :, None]  # (..., 2, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (ends - other_z[..., None, :]) / (z - other_z)[..., None, :]
    allowed = (share >= 0) & (share <= 1)  # (..., 2, pairs)
    share = np.where(allowed, share, 0)
    gains = _gain(weights[..., None, first], share)
    gains = gains + _gain(weights[..., None, second], 1 - share)
    gains = np.where(allowed, gains, -np.inf).reshape(*weights.shape[:-1], -1)
    fits = (values >= np.asarray(low)[..., None]) & (
        values <= np.asarray(high)[..., None]
    )
    alone = np.where(fits, _gain(weights, np.ones_like(weights)), -np.inf)
    best = np.concatenate([gains, alone], -1).argmax(-1)
    share = np.concatenate([share.reshape(gains.shape), np.ones_like(weights)], -1)
    owner = np.concatenate([np.tile(first, 2), np.arange(n)])[best]
    rest = np.concatenate([np.tile(second, 2), np.arange(n)])[best]
    share = np.take_along_axis(share, best[..., None], -1)
    keys = np.arange(n)
    other = share * (keys == owner[..., None])
    other = other + (1 - share) * (keys == rest[..., None])
    return jensen_shannon(weights, other), other


def _gain(weight, other):
    """Give what a key adds to the divergence if its other weight is not zero.

    What all keys would add with another weight of zero is left out.
    """
    both = (weight + other) / 2
    logs = [x * np.log(np.where(x > 0, x, 1)) for x in (weight, other, both)]
    return (logs[0] + logs[1]) / 2 - logs[2] - weight * np.log(2) / 2
