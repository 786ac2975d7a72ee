"""Sparse rows: sparsemax, and alpha-entmax between and beyond it and softmax."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

from attention_lib import _check, definitions
from attention_lib._dispatch import (
    is_tensor,
    like,
    namespace,
    numberless,
    recorded,
)
from attention_lib._engines import engine_of
from attention_lib.weightings.jacobians import of_shares
from attention_lib.weightings.kinds import Threshold
from attention_lib.weightings.registry import Each, Verdict, registered
from attention_lib.weightings.streams import Stream

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

    The error of a weight is at most ``8 eps``, however small it is, in rows of up to
    30,000 keys: all weights share the error of the threshold.

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

    Up to alpha = 2 the error of a weight is at most ``8 eps``, however small it is, in
    rows of up to 30,000 keys; beyond it no bound holds for all scores.

    The steps end by a look at the numbers, so no graph can hold them: ``make_fx``,
    ``torch.export`` and ``torch.compile(fullgraph=True)`` refuse entmax and sparsemax.
    On meta and fake tensors both give the shape.

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


class _Entmax(Threshold):
    """What sparsemax and entmax share: all but the number alpha."""

    fades = True

    def weigh(self, scores, where=None):
        """Weigh along the last axis."""
        engine, alpha = engine_of(scores), self.alpha
        if isinstance(alpha, Real) and alpha == 1:
            return engine.rows.softmax(scores, where)
        if is_tensor(scores) and (recorded() or numberless(scores)):
            return self._without_numbers(scores)
        return engine.entmax.entmax(scores, like(alpha, scores), where)

    def _without_numbers(self, scores):
        """Give what has the shape of weights; refuse to be recorded."""
        if recorded():
            message = f"{type(self).__name__} looks at numbers to find its threshold"
            raise RuntimeError(f"{message}: make_fx cannot record it")
        return scores * like(self.alpha, scores)

    def record(self, n=None):
        """Name the rule and its alpha; no part of a row has a threshold."""
        return Stream(self.kind, "entmax", power=self.alpha)

    def slopes(self, scores):
        """Give those of ``diag(h) - h h^T / sum h``, where ``h = w^(2 - alpha)``."""
        xp = namespace(scores)
        weights = self.weigh(scores)
        inside = xp.where(weights > 0, weights, xp.ones_like(weights))
        alpha = like(self.alpha, scores)
        slopes = xp.where(weights > 0, inside ** (2 - alpha), 0 * weights)
        return of_shares(slopes / slopes.sum(-1)[..., None], slopes)


def _entmax_bound(x, w, alpha=1.5):
    """Give a bound up to alpha = 2; beyond it none is stated."""
    return 8.0 if alpha <= 2 else None


@registered(
    "sparsemax",
    definition=definitions.sparsemax,
    bound=lambda x, w: 8.0,
    laws=[
        Verdict(
            holds="non-negative, sums to one, defined everywhere, continuous, "
            "keeps order, shift invariant, exact zeros, keeps its share, "
            "permutation equivariant",
            breaks="tells scores apart, scale invariant, odds ignore other keys, "
            "can abstain, streams here",
        ),
    ],
)
@dataclass(frozen=True, eq=False)
class Sparsemax(_Entmax):
    """The weighting ``max(s - tau, 0)``; see `sparsemax`.

    The threshold ``tau`` is the number with which the weights of a row sum to one.

    Notes
    -----
    As exact as `sparsemax`: the error of a weight is at most ``8 eps``, however small
    it is.

    References
    ----------
    That of `sparsemax`.

    Examples
    --------
    >>> Sparsemax()(np.array([1.5, 1.0, 0.1]))
    array([0.75, 0.25, 0.  ])
    """

    alpha = 2.0


@registered(
    "entmax",
    definition=definitions.entmax,
    bound=_entmax_bound,
    laws=[
        Verdict(
            holds="non-negative, sums to one, defined everywhere, continuous, "
            "keeps order, shift invariant, exact zeros, keeps its share, "
            "permutation equivariant",
            breaks="tells scores apart, scale invariant, odds ignore other keys, "
            "can abstain, streams here",
        ),
    ],
    strings={"entmax15": {}},
    examples=(
        {},
        {"alpha": 1},
        {"alpha": 2},
        {"alpha": 0.5},
        {"alpha": 1.01},
        {"alpha": 1.3},
        {"alpha": Each(0.5, 2)},
        {"alpha": 4},
    ),
)
@dataclass(frozen=True, eq=False)
class Entmax(_Entmax):
    """The weighting ``max((alpha - 1) s - tau, 0)^(1 / (alpha - 1))``; see `entmax`.

    Parameters
    ----------
    alpha : float or array, default 1.5
        Positive. An array has size 1 along the keys; in attention it broadcasts to
        (..., L, 1), so that shape (H, 1, 1) is one a head.

    Raises
    ------
    TypeError
        If `alpha` is neither a number nor an array of numbers.
    ValueError
        If it is not positive and finite.

    Notes
    -----
    As exact as `entmax`: up to alpha = 2 the error of a weight is at most ``8 eps``,
    however small it is.

    References
    ----------
    Those of `entmax`.

    Examples
    --------
    >>> Entmax(alpha=2)(np.array([1.5, 1.0, 0.1]))
    array([0.75, 0.25, 0.  ])
    """

    alpha: Any = 1.5

    def __post_init__(self):
        """Refuse an alpha that is not positive and finite."""
        _check.positive(self.alpha, "alpha")
