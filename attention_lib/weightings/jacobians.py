"""Jacobians whose entry beside the diagonal is ``- u_i v_j``.

Every weighting here has one: it lets a Jacobian be given, and measured, by three rows
instead of a matrix.
"""

import numpy as np

from attention_lib._dispatch import is_tensor, namespace

__all__ = ["diagonal", "matrix", "norm", "of_shares"]


def of_shares(share, pull):
    """Give the rows of ``diag(v) - u v^T``, where the shares u sum to one.

    Then ``1 - u_i`` is the sum of the others, which keeps its digits where u_i is
    nearly one.
    """
    return pull * _sum_of_others(share), share, pull


def matrix(own, share, pull):
    """Build the matrix of `own` on the diagonal and ``- share_i pull_j`` beside it."""
    beside = 0 - share[..., :, None] * pull[..., None, :]  # never minus zero
    return namespace(own).where(_diagonal_of(own), own[..., None], beside)


def norm(own, share, pull):
    """Give the Frobenius norm of `matrix`, in memory that grows with the row."""
    xp = namespace(own)
    squares = (own**2 + share**2 * _sum_of_others(pull**2)).sum(-1)
    still = squares == 0  # where the root has no finite slope
    return xp.where(still, squares, xp.where(still, 1, squares) ** 0.5)


def diagonal(x):
    """Put each row of `x` on the diagonal of a matrix."""
    xp = namespace(x)
    return xp.where(_diagonal_of(x), x[..., None], xp.zeros_like(x[..., None]))


def _diagonal_of(x):
    n = x.shape[-1]
    if is_tensor(x):
        return namespace(x).eye(n, dtype=bool, device=x.device)
    return np.eye(n, dtype=bool)


def _sum_of_others(x):
    """Add up each row but for one entry, for each entry; nothing is subtracted."""
    xp = namespace(x)
    before = xp.cumsum(x, -1)
    after = xp.flip(xp.cumsum(xp.flip(x, (-1,)), -1), (-1,))
    none = xp.zeros_like(x[..., :1])
    left = xp.concatenate((none, before[..., :-1]), -1)
    return left + xp.concatenate((after[..., 1:], none), -1)
