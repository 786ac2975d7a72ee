"""Sparse rows: sparsemax, and alpha-entmax between and beyond it and softmax."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

from attention_lib import _check
from attention_lib._engines import entmax_of, rows_of
from attention_lib.weightings.base import Threshold, like

__all__ = ["Entmax", "Sparsemax", "entmax", "sparsemax"]


def sparsemax(x, axis=-1, *, where=None):
    r"""Project a row of scores on the simplex: most weights are exactly zero.

    .. math:: w_j = [x_j - \tau]_+, \qquad \sum_j w_j = 1

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys, along which the weights sum to one.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read.

    Returns
    -------
    array or Tensor like `x`
        Weights: non-negative, and zero below a threshold that all keys set. NaN and
        empty rows as in `softmax`.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    Newton's method on the threshold, which for this function is Michelot's finite
    algorithm; a last division makes the sum one to within 4 ulps for up to 30,000 keys.

    References
    ----------
    A. F. T. Martins and R. F. Astudillo (2016). From softmax to sparsemax: a sparse
    model of attention and multi-label classification.
    https://arxiv.org/abs/1602.02068

    Examples
    --------
    A lead of one takes everything; a smaller one is shared:

    >>> sparsemax(np.array([2.0, 1.0, 0.1]))
    array([1., 0., 0.])
    >>> sparsemax(np.array([1.5, 1.0, 0.1]))
    array([0.75, 0.25, 0.  ])
    """
    return Sparsemax()(x, axis, where=where)


def entmax(x, alpha=1.5, axis=-1, *, where=None):
    r"""Weigh by a power above a threshold: between softmax and sparsemax, and beyond.

    .. math:: w_j = \bigl[(\alpha - 1) x_j - \tau\bigr]_+^{1 / (\alpha - 1)},
        \qquad \sum_j w_j = 1

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    alpha : float or array of size 1 along `axis`, default 1.5
        Positive. 1 is softmax and 2 is sparsemax; above 1 weights can be zero; below,
        none is, and the weights fall like a power of the score. A gradient flows into
        it.
    axis : int, default -1
        Axis of the keys, along which the weights sum to one.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read.

    Returns
    -------
    array or Tensor like `x`
        Weights. NaN and empty rows as in `softmax`.

    Raises
    ------
    TypeError, ValueError
        As `softmax`; or if `alpha` is not positive and finite.

    Notes
    -----
    The threshold is found by Newton's method on the norm of the weights; what the sum
    is then off by is taken out of them. It is one to within 4 ulps for up to 30,000
    keys (6 for alpha = 1 in torch, which is torch's softmax). Far above 2 a weight near
    the threshold changes without bound with its score, so its digits are not those of
    the exact one: the condition above holds to rounding *before* the power is taken.

    References
    ----------
    B. Peters, V. Niculae and A. F. T. Martins (2019). Sparse sequence-to-sequence
    models. https://arxiv.org/abs/1905.05702

    G. M. Correia, V. Niculae and A. F. T. Martins (2019). Adaptively sparse
    transformers. https://arxiv.org/abs/1909.00015

    Examples
    --------
    >>> entmax(np.array([-2.0, 0.0, 0.5])).round(4)
    array([0.   , 0.326, 0.674])
    """
    return Entmax(alpha)(x, axis, where=where)


@dataclass(frozen=True, eq=False)
class Sparsemax(Threshold):
    """The weighting ``max(s - tau, 0)``; see `sparsemax`.

    Examples
    --------
    >>> Sparsemax()(np.array([1.5, 1.0, 0.1]))
    array([0.75, 0.25, 0.  ])
    """

    alpha = 2.0

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        return entmax_of(scores).entmax(scores, self.alpha, where)


@dataclass(frozen=True, eq=False)
class Entmax(Threshold):
    """The weighting ``max((alpha - 1) s - tau, 0)^(1 / (alpha - 1))``; see `entmax`.

    Parameters
    ----------
    alpha : float or array, default 1.5
        Positive. An array has size 1 along the keys; in attention it broadcasts to
        (..., L, 1), so that shape (H, 1, 1) is one a head.

    Examples
    --------
    >>> Entmax(alpha=2)(np.array([1.5, 1.0, 0.1]))
    array([0.75, 0.25, 0.  ])
    """

    alpha: Any = 1.5

    def __post_init__(self):
        """Refuse an alpha that is not positive and finite."""
        _check.positive(self.alpha, "alpha")

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        if isinstance(self.alpha, Real) and self.alpha == 1:
            return rows_of(scores).softmax(scores, scores.ndim - 1, where)
        return entmax_of(scores).entmax(scores, like(self.alpha, scores), where)
