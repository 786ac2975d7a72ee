"""The logarithm of softmax, the log-sum-exp, and softmax in one pass."""

from attention_lib import _check
from attention_lib._dispatch import cast, full, move_axis, namespace, quiet, work_dtype
from attention_lib._engines import engine_of
from attention_lib.weightings.exponential import Softmax

__all__ = ["log_softmax", "logsumexp", "online_softmax"]


def log_softmax(x, axis=-1, *, where=None, temperature=1.0):
    r"""Take the logarithm of softmax, exact even where one entry dominates.

    .. math:: \log w_j = \frac{x_j}{T} - \log \sum_k e^{x_k / T}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get ``-inf`` and are never read.
    temperature : float or array of size 1 along `axis`, default 1.0
        ``T`` above, in the units of `x`.

    Returns
    -------
    array or Tensor like `x`
        Logarithms of the weights, in nats: zero at most.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    The largest entry adds exactly one to the sum, so the sum's logarithm is
    ``log1p`` of the other entries: a weight of ``1 - 1e-20`` has the logarithm
    ``-1e-20``, and not zero.

    The relative error is at most ``(8 + r) eps`` at ``T = 1``, with ``r`` the range of
    the scores, in rows of up to 30,000 keys.

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham (2021). Accurately computing the
    log-sum-exp and softmax functions. *IMA Journal of Numerical Analysis* 41(4),
    2311-2330. https://doi.org/10.1093/imanum/draa038

    Examples
    --------
    >>> log_softmax(np.array([0.0, -50.0]))
    array([-1.92874985e-22, -5.00000000e+01])
    """
    x, axis, where = _rows(x, axis, where)
    with quiet(x):
        record = Softmax(temperature).turned(axis, x).stream()
        logs = engine_of(x).rows.log_softmax(*_last(x, axis, where), record.multiplier)
        return cast(move_axis(logs, -1, axis), x.dtype)


def logsumexp(x, axis=-1, *, where=None, keepdims=False):
    r"""Take the logarithm of the sum of exponentials: a smooth maximum.

    .. math:: \operatorname{lse}(x) = \log \sum_j e^{x_j}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others are never read.
    keepdims : bool, default False
        Keep the axis, with size 1.

    Returns
    -------
    array or Tensor like `x`, without `axis`
        At least the largest entry, and at most ``log n`` more. ``-inf`` where
        nothing takes part; ``+inf`` where an entry is.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    With ``m`` the largest entry, the error is at most ``(4 (lse - m) + |lse| + |m|)
    eps`` in rows of up to 30,000 entries: it is ``m`` plus a logarithm that keeps all
    its digits where one entry dominates.

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham (2021). Accurately computing the
    log-sum-exp and softmax functions. *IMA Journal of Numerical Analysis* 41(4),
    2311-2330. https://doi.org/10.1093/imanum/draa038

    Examples
    --------
    Two equal scores add ``log 2``:

    >>> logsumexp(np.array([1000.0, 1000.0])).round(6)
    np.float64(1000.693147)
    """
    keepdims = _check.flag(keepdims, "keepdims")
    x, axis, where = _rows(x, axis, where)
    with quiet(x):
        total = engine_of(x).rows.logsumexp(*_last(x, axis, where))
        total = move_axis(total, -1, axis) if keepdims else total[..., 0]
        return cast(total, x.dtype)


def online_softmax(blocks):
    r"""Keep the maximum and the sum of exponentials while the scores come in blocks.

    .. math::

        m' = \max(m, \max_j x_j), \qquad
        l' = l \, e^{m - m'} + \sum_j e^{x_j - m'}

    Parameters
    ----------
    blocks : iterable of arrays or Tensors of float, shape (..., n_block)
        Blocks of the same rows along the last axis; their lengths may differ.

    Yields
    ------
    maximum, total : arrays or Tensors, shape (...)
        The largest score so far and the sum of exponentials relative to it, in
        float32 for 16-bit blocks: after the last block the weights are
        ``e^(x - maximum) / total``.

    Raises
    ------
    TypeError
        If a block is boolean or complex.
    ValueError
        If a block has no axis, or other rows than the first.

    References
    ----------
    M. Milakov and N. Gimelshein (2018). Online normalizer calculation for
    softmax. https://arxiv.org/abs/1805.02867

    Examples
    --------
    The second block has a larger score, so the first sum shrinks by ``1 / 4``:

    >>> scores = np.log([1, 1, 4, 2])
    >>> for maximum, total in online_softmax([scores[:2], scores[2:]]):
    ...     print(f"{np.exp(maximum):.3f} {total:.3f}")
    1.000 2.000
    4.000 2.000
    """
    peak = total = None
    for given in blocks:
        _check.same_library(**{"the first block": peak, "a later block": given})
        block = _check.array(given, "a block")
        _check.axis_of(block, -1, "a block")
        block = cast(block, work_dtype(block))
        rows = tuple(block.shape[:-1])
        if peak is None:
            peak, total = full(rows, -float("inf"), block), full(rows, 0.0, block)
        elif rows != tuple(peak.shape):
            message = f"a block has rows of shape {rows}, the first {tuple(peak.shape)}"
            raise ValueError(message)
        if block.shape[-1]:
            peak, total = _absorb(block, peak, total)
        yield peak, total


def _absorb(block, peak, total):
    """Take one block of scores into the running maximum and sum."""
    xp = namespace(block)
    with quiet(block):
        top = xp.maximum(peak, xp.amax(block, -1))
        base = xp.where(top == -float("inf"), xp.zeros_like(top), top)
        fresh = xp.exp(block - base[..., None]).sum(-1)
        return top, total * xp.exp(peak - base) + fresh


def _rows(x, axis, where):
    """Take the arguments that every row function shares."""
    x = _check.array(x, "x")
    return x, _check.axis_of(x, axis), _check.where(where, x)


def _last(x, axis, where):
    """Give the scores, in the dtype to compute in, and the mask, with the keys last."""
    scores = cast(move_axis(x, axis, -1), work_dtype(x))
    if where is None:
        return scores, None
    where = namespace(x).broadcast_to(where, x.shape)
    return scores, move_axis(where, axis, -1)
