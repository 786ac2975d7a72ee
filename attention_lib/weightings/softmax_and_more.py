"""Softmax with one more key, and softmax sharpened with the number of keys."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from attention_lib import _check, definitions
from attention_lib._dispatch import cast, count, like, log_of, present, work_dtype
from attention_lib.weightings.jacobians import of_shares
from attention_lib.weightings.kinds import Exponential
from attention_lib.weightings.registry import Each, Verdict, registered, size
from attention_lib.weightings.streams import Stream

__all__ = ["ScalableSoftmax", "Softmax1", "scalable_softmax", "softmax1"]


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


@registered(
    "softmax1",
    definition=definitions.softmax1,
    bound=lambda x, w, offset=0.0: (16 + 2 * size(x) + abs(offset)) * w,
    laws=[
        Verdict(
            holds="non-negative, defined everywhere, continuous, keeps order, "
            "tells scores apart, odds ignore other keys, can abstain, "
            "streams here, permutation equivariant",
            breaks="sums to one, shift invariant, scale invariant, exact zeros, "
            "keeps its share",
        ),
    ],
    examples=({}, {"offset": -1.5}, {"offset": 2}, {"offset": Each(-2, 2)}),
)
@dataclass(frozen=True, eq=False)
class Softmax1(Exponential):
    """The weighting ``e^s / (e^offset + sum e^s)``; see `softmax1`.

    Parameters
    ----------
    offset : float or array, default 0.0
        Score of the extra key. An array has size 1 along the keys; in attention it
        broadcasts to (..., L, 1), so that shape (H, 1, 1) is one a head.

    Raises
    ------
    TypeError
        If `offset` is neither a number nor an array of numbers.
    ValueError
        If it is the number NaN.

    Notes
    -----
    As exact as `softmax1`: the relative error of a weight is at most
    ``(16 + 2 r + |offset|) eps``, with ``r`` the largest size of a score.

    References
    ----------
    Those of `softmax1`.

    Examples
    --------
    >>> Softmax1()(np.log([1, 2]))
    array([0.25, 0.5 ])
    """

    fades = True
    offset: Any = 0.0

    def __post_init__(self):
        """Refuse an offset that is NaN."""
        _check.real(self.offset, "offset")


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
    size of a score after it was multiplied, in rows of up to 30,000 keys. The largest
    product is taken off before the scores are multiplied, so none overflows.

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


@registered(
    "scalable_softmax",
    definition=definitions.scalable_softmax,
    bound=lambda x, w, scale=1.0: (
        (16 + 2 * abs(scale) * np.log(x.shape[-1]) * size(x)) * w
    ),
    laws=[
        Verdict(
            holds="non-negative, sums to one, defined everywhere, continuous, "
            "keeps order, tells scores apart, shift invariant, keeps its "
            "share, streams here, permutation equivariant",
            breaks="scale invariant, odds ignore other keys, exact zeros, can abstain",
        ),
    ],
    examples=({}, {"scale": 0.5}, {"scale": -1}, {"scale": Each(-1, 1)}),
)
@dataclass(frozen=True, eq=False)
class ScalableSoftmax(Exponential):
    """The weighting ``softmax(scale log(n) s)``; see `scalable_softmax`.

    Parameters
    ----------
    scale : float or array, default 1.0
        Factor of the logarithm of ``n``, the number of keys that take part. An array
        has size 1 along the keys; in attention it broadcasts to (..., L, 1).

    Raises
    ------
    TypeError
        If `scale` is neither a number nor an array of numbers.
    ValueError
        If it is the number NaN.

    Notes
    -----
    As exact as `scalable_softmax`: the relative error of a weight is at most
    ``(16 + 2 r) eps``, with ``r`` the largest size of a score after it was multiplied.

    References
    ----------
    That of `scalable_softmax`.

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
        return scores * self._factor(scores, n)

    def record(self, n=None):
        """Name softmax of a multiple of the scores, which may be below zero."""
        scale = self.scale
        if isinstance(scale, Real):
            sign, size = (-1 if scale < 0 else 1), abs(float(scale))
            return Stream(self.kind, "exp", sign=sign, multiplier=size * log_of(n))
        scale = _check.array(scale, "scale")
        scale = cast(scale, work_dtype(scale))
        sign = 1 - 2 * cast(scale < 0, scale.dtype)
        return Stream(self.kind, "exp", sign=sign, multiplier=abs(scale) * log_of(n))

    def slopes(self, scores):
        """Give softmax's, times the scale and the logarithm."""
        weights = self.weights(scores)
        n = count(scores, present(scores, None))
        return of_shares(weights, weights * self._factor(scores, n))

    def _factor(self, scores, n):
        return like(self.scale, scores) * log_of(n)
