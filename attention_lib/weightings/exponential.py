"""Softmax and its logarithm: the row functions, and the weighting."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from attention_lib import _check
from attention_lib._dispatch import cast, full, namespace, quiet
from attention_lib._engines import rows_of
from attention_lib.weightings.base import Exponential, like
from attention_lib.weightings.jacobians import of_shares

__all__ = [
    "ScalableSoftmax",
    "Softmax",
    "Softmax1",
    "log_softmax",
    "logsumexp",
    "online_softmax",
    "scalable_softmax",
    "softmax",
    "softmax1",
]

# A temperature in this range may multiply the query, as 1 / T, without overflow.
FOLDED = (1e-6, 1e6)


def softmax(x, axis=-1, *, where=None, temperature=1.0):
    r"""Weigh each entry by the exponential of its score.

    .. math:: w_j = \frac{e^{x_j / T}}{\sum_k e^{x_k / T}}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless. float16 and bfloat16 are computed in float32;
        integers become float64 (NumPy) or torch's default dtype.
    axis : int, default -1
        Axis of the keys, along which the weights sum to one.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read.
    temperature : float or array of size 1 along `axis`, default 1.0
        ``T`` above, in the units of `x`. As it falls to zero the largest
        scores share all the weight; as it grows the weights become equal.

    Returns
    -------
    array or Tensor like `x`
        Weights: non-negative, and zero only where the exponential underflows
        or nothing takes part. A row in which nothing takes part is all zeros.
        A NaN or ``+inf`` makes every entry of its row that takes part NaN, and
        so does a row of ``-inf`` alone.

    Raises
    ------
    TypeError
        If `x` is boolean or complex, or arrays and tensors are mixed.
    ValueError
        If `temperature` is not positive and finite, `axis` is out of range, or
        `where` does not broadcast to `x`.

    Notes
    -----
    Subtracting the largest score leaves the weights unchanged and makes every
    exponent non-positive, so nothing overflows. It buys range, not accuracy
    (Blanchard, Higham and Higham, 2021).

    The relative error of a weight is at most ``(16 + 2 d / T) eps``, where ``d`` is
    the distance of its score from the largest and ``eps`` that from one to the next
    number, in rows of up to 30,000 keys; below the smallest normal number digits end.

    References
    ----------
    J. S. Bridle (1990). Probabilistic interpretation of feedforward
    classification network outputs, with relationships to statistical pattern
    recognition. *Neurocomputing*, 227-236.
    https://doi.org/10.1007/978-3-642-76153-9_28

    P. Blanchard, D. J. Higham and N. J. Higham (2021). Accurately computing the
    log-sum-exp and softmax functions. *IMA Journal of Numerical Analysis* 41(4),
    2311-2330. https://doi.org/10.1093/imanum/draa038

    Examples
    --------
    Softmax undoes the logarithm, up to a common factor:

    >>> softmax(np.log([1, 2, 5]))
    array([0.125, 0.25 , 0.625])

    What does not take part leaves its share to the others:

    >>> softmax(np.log([1, 2, 5]), where=np.array([True, True, False]))
    array([0.33333333, 0.66666667, 0.        ])
    """
    x, axis, where = _rows(x, axis, where)
    temperature = _temperature(temperature, x, axis)
    return rows_of(x).softmax(x, axis, where, temperature)


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
    temperature = _temperature(temperature, x, axis)
    return rows_of(x).log_softmax(x, axis, where, temperature)


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
    x, axis, where = _rows(x, axis, where)
    return rows_of(x).logsumexp(x, axis, where, keepdims)


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
        block = cast(block, _check.work_dtype(block))
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


def softmax1(x, axis=-1, *, where=None, offset=0.0):
    r"""Weigh as softmax does, with one more key that has a score and no value.

    .. math:: w_j = \frac{e^{x_j}}{e^b + \sum_k e^{x_k}}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read.
    offset : float or array of size 1 along `axis`, default 0.0
        ``b`` above, the score of the extra key: 0 is "off by one"; a learned one is a
        sink, and a gradient flows into it. ``-inf`` gives softmax.

    Returns
    -------
    array or Tensor like `x`
        Weights that sum to less than one: the extra key has the rest. NaN as in
        `softmax`.

    Raises
    ------
    TypeError, ValueError
        As `softmax`; or if `offset` is NaN.

    Notes
    -----
    Computed as softmax divided by ``1 + e^(b - lse)``, where lse is the log-sum-exp of
    the row: nothing overflows.

    The relative error of a weight is at most ``(16 + 2 r + |b|) eps``, with ``r`` the
    largest size of a score, in rows of up to 30,000 keys.

    References
    ----------
    E. Miller (2023). Attention is off by one.
    https://www.evanmiller.org/attention-is-off-by-one.html

    OpenAI (2025). gpt-oss-120b & gpt-oss-20b model card, section 2.2.
    https://arxiv.org/abs/2508.10925

    Examples
    --------
    Where nothing matches, nothing is attended to:

    >>> softmax1(np.array([-100.0, -100.0])).round(9)
    array([0., 0.])
    >>> softmax1(np.log([1, 2]))
    array([0.25, 0.5 ])
    """
    return Softmax1(offset)(x, axis, where=where)


def scalable_softmax(x, axis=-1, *, where=None, scale=1.0):
    r"""Sharpen softmax with the logarithm of the number of keys.

    .. math:: w = \operatorname{softmax}(s \log(n) \, x)

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read. ``n``
        counts those that do.
    scale : float or array of size 1 along `axis`, default 1.0
        ``s`` above, with a gradient.

    Returns
    -------
    array or Tensor like `x`
        Weights as of `softmax`. A row of one key gets weight one.

    Raises
    ------
    TypeError, ValueError
        As `softmax`; or if `scale` is NaN.

    Notes
    -----
    The relative error of a weight is at most ``(16 + 2 r) eps``, with ``r`` the largest
    size of a score after it was multiplied, in rows of up to 30,000 keys. A row is
    NaN where that product is beyond the largest number of the dtype it is computed in.

    References
    ----------
    K. M. Nakanishi (2025). Scalable-Softmax is superior for attention, equation 2.
    https://arxiv.org/abs/2501.19399

    Examples
    --------
    Of two keys, one with a lead of 1: odds of ``2 ** 1`` to one.

    >>> scalable_softmax(np.array([1.0, 0.0]))
    array([0.66666667, 0.33333333])
    """
    return ScalableSoftmax(scale)(x, axis, where=where)


@dataclass(frozen=True, eq=False)
class Softmax(Exponential):
    r"""The weighting ``e^(s / T) / sum e^(s / T)``; see `softmax`.

    Parameters
    ----------
    temperature : float or array, default 1.0
        ``T`` above, positive. An array has size 1 along the keys; in attention
        it broadcasts to (..., L, 1), so that shape (H, 1, 1) is one a head.

    Raises
    ------
    ValueError
        If `temperature` is not positive and finite.

    References
    ----------
    A. Vaswani, N. Shazeer, N. Parmar et al. (2017). Attention is all you need.
    https://arxiv.org/abs/1706.03762

    Examples
    --------
    At half the temperature the odds are squared:

    >>> Softmax(temperature=0.5)(np.log([1, 2]))
    array([0.2, 0.8])
    """

    temperature: Any = 1.0

    def __post_init__(self):
        """Refuse a temperature that is not positive and finite."""
        _check.positive(self.temperature, "temperature")

    def __call__(self, x, axis=-1, *, where=None):
        """Weigh the entries of `x` along `axis`; see `softmax`."""
        return softmax(x, axis, where=where, temperature=self.temperature)

    def exponent(self, scores, n):
        """Divide the scores by the temperature."""
        return scores / _like(self.temperature, scores)

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        temperature = _like(self.temperature, scores)
        return rows_of(scores).softmax(scores, scores.ndim - 1, where, temperature)

    def slopes(self, scores):
        """Give those of ``(diag(w) - w w^T) / T``."""
        weights = self.rows(scores)
        return of_shares(weights, weights / _like(self.temperature, scores))

    def constant_multiplier(self):
        """Give ``1 / T``, where it is one number that a query can be multiplied by."""
        temperature = self.temperature
        if isinstance(temperature, Real) and FOLDED[0] <= temperature <= FOLDED[1]:
            return 1 / float(temperature)
        return None


@dataclass(frozen=True, eq=False)
class Softmax1(Exponential):
    """The weighting ``e^s / (e^offset + sum e^s)``; see `softmax1`.

    Parameters
    ----------
    offset : float or array, default 0.0
        Score of the extra key. An array has size 1 along the keys; in attention it
        broadcasts to (..., L, 1), so that shape (H, 1, 1) is one a head.

    Examples
    --------
    >>> Softmax1()(np.log([1, 2]))
    array([0.25, 0.5 ])
    """

    offset: Any = 0.0

    def __post_init__(self):
        """Refuse an offset that is NaN."""
        _check.real(self.offset, "offset")


@dataclass(frozen=True, eq=False)
class ScalableSoftmax(Exponential):
    """The weighting ``softmax(scale log(n) s)``; see `scalable_softmax`.

    Parameters
    ----------
    scale : float or array, default 1.0
        Factor of the logarithm. An array has size 1 along the keys; in attention it
        broadcasts to (..., L, 1).

    Examples
    --------
    >>> ScalableSoftmax(scale=2)(np.array([1.0, 0.0]))
    array([0.8, 0.2])
    """

    uses_n = True
    scale: Any = 1.0

    def __post_init__(self):
        """Refuse a scale that is NaN."""
        _check.real(self.scale, "scale")

    def exponent(self, scores, n):
        """Multiply by the scale and the logarithm of the number of keys."""
        return scores * self.factor(scores, n)

    def slopes(self, scores):
        """Give softmax's, times the scale and the logarithm."""
        weights = self.rows(scores)
        factor = self.factor(scores, scores.shape[-1])
        return of_shares(weights, weights * factor)

    def factor(self, scores, n):
        """Give what multiplies the scores, for rows in which `n` keys take part."""
        if isinstance(n, int):
            return like(self.scale, scores) * math.log(max(n, 1))
        xp = namespace(scores)
        return like(self.scale, scores) * xp.log(
            xp.clip(cast(n, scores.dtype), 1, None)
        )


def _rows(x, axis, where):
    """Take the arguments that every row function shares."""
    x = _check.array(x, "x")
    return x, _check.axis_of(x, axis), _check.where(where, x)


def _temperature(temperature, x, axis):
    """Take a temperature for the rows of `x`: a number, or one a row."""
    _check.positive(temperature, "temperature")
    if not isinstance(temperature, Real):
        _check.same_library(x=x, temperature=temperature)
        temperature = _check.array(temperature, "temperature")
        rows = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
        _check.broadcastable(temperature, rows, "temperature", "the rows")
    return _like(temperature, x)


def _like(temperature, scores):
    """Give a temperature in the dtype of the scores, neither zero nor infinite in it.

    It then promotes nothing, and a limit that it was meant to approach is reached.
    """
    dtype, xp = _check.work_dtype(scores), namespace(scores)
    low, high = float(xp.finfo(dtype).tiny), float(xp.finfo(dtype).max)
    if isinstance(temperature, Real):
        return min(max(float(temperature), low), high)
    with quiet(scores):
        return xp.clip(cast(temperature, dtype), low, high)
