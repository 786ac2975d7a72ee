"""Rows in which chosen keys alone have weight: the largest, or the k largest."""

from dataclasses import dataclass

from attention_lib import _check, definitions
from attention_lib._dispatch import full, is_tensor, largest, masked, namespace
from attention_lib._engines import engine_of
from attention_lib.weightings.jacobians import of_shares
from attention_lib.weightings.kinds import Selection
from attention_lib.weightings.registry import Verdict, gap, registered
from attention_lib.weightings.streams import lost, seen

__all__ = ["Hardmax", "TopK", "hardmax", "top_k_softmax"]


def hardmax(x, axis=-1, *, where=None):
    r"""Give all the weight to the largest score; those that tie share it.

    .. math:: w_j = \frac{[x_j = \max_k x_k]}{\sum_i [x_i = \max_k x_k]}

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
        Weights. Their derivatives are zero, where there are any. NaN and empty rows as
        in `softmax`.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    Each share is the number ``1 / ties``, rounded once.

    Examples
    --------
    >>> hardmax(np.array([1.0, 2.0, 2.0]))
    array([0. , 0.5, 0.5])
    """
    return Hardmax()(x, axis, where=where)


def top_k_softmax(x, k, axis=-1, *, where=None):
    r"""Take softmax of the k largest scores; every other weight is zero.

    .. math:: w_j = \frac{[j \in K] \, e^{x_j}}{\sum_{i \in K} e^{x_i}}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    k : int
        Keys that get weight, from 1 to the length of the axis: exactly so many, or all
        that take part if they are fewer. Of scores that tie, the first come first.
        Of an empty axis any k takes nothing.
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
        As `softmax`; or if `k` is not from 1 to the length of the axis.

    Notes
    -----
    The relative error of a weight is at most ``(16 + d) eps``, where ``d`` is the
    distance of its score from the largest.

    References
    ----------
    A. Gupta, G. Dar, S. Goodman, D. Ciprut and J. Berant (2021). Memory-efficient
    transformers via top-k attention. https://arxiv.org/abs/2106.06899

    Examples
    --------
    >>> top_k_softmax(np.log([1, 3, 1]), k=2)
    array([0.25, 0.75, 0.  ])
    """
    return TopK(k)(x, axis, where=where)


@registered(
    "top_k_softmax",
    definition=definitions.top_k_softmax,
    bound=lambda x, w, k: (16 + gap(x)) * w,
    laws=[
        Verdict(
            holds="non-negative, sums to one, defined everywhere, keeps order, "
            "shift invariant, exact zeros, keeps its share",
            breaks="continuous, tells scores apart, scale invariant, odds ignore "
            "other keys, can abstain, streams here, permutation equivariant",
            params={"k": 2},
        ),
    ],
    strings={},
    examples=({"k": 1}, {"k": 3}),
)
@dataclass(frozen=True, eq=False)
class TopK(Selection):
    """The weighting softmax of the k largest scores; see `top_k_softmax`.

    Parameters
    ----------
    k : int
        Keys that get weight, at least 1.

    Raises
    ------
    TypeError
        If `k` is not a whole number.
    ValueError
        If it is less than one; when it weighs, if a row has fewer keys.

    Notes
    -----
    As exact as `top_k_softmax`: the relative error of a weight is at most
    ``(16 + d) eps``, with ``d`` the distance of its score from the largest.

    References
    ----------
    That of `top_k_softmax`.

    Examples
    --------
    >>> TopK(2)(np.log([1, 3, 1]))
    array([0.25, 0.75, 0.  ])
    """

    k: int

    def __post_init__(self):
        """Refuse a k that is not at least one."""
        _check.size(self.k, "k", least=1)

    def check_keys(self, n):
        """Refuse a k beyond the keys of a row, unless there are none at all."""
        if self.k > n > 0:
            raise ValueError(f"k must be at most the {n} keys of a row; got {self.k}")

    fades = True

    def weigh(self, scores, where=None):
        """Weigh along the last axis."""
        if not scores.shape[-1]:
            return 0 * scores
        kept = self._largest(scores, where)
        weights = engine_of(scores).rows.softmax(scores, kept)
        rows = lost(seen(scores, where))
        nan = full((), float("nan"), weights)
        return masked(namespace(scores).where(rows, nan, weights), where)

    def slopes(self, scores):
        """Give softmax's, of the keys that are kept."""
        weights = self.weigh(scores)
        return of_shares(weights, weights)

    def _largest(self, scores, where):
        """Tell the k largest that take part; of those that tie, the first."""
        xp = namespace(scores)
        low = full((), -float("inf"), scores)
        known = scores if where is None else xp.where(where, scores, low)
        if is_tensor(scores):
            order = xp.argsort(known.detach(), dim=-1, descending=True, stable=True)
            kept = order.argsort(-1) < self.k
        else:
            order = xp.argsort(-known, axis=-1, kind="stable")
            kept = xp.argsort(order, axis=-1) < self.k
        return kept if where is None else kept & where


@registered(
    "hardmax",
    definition=definitions.hardmax,
    bound=lambda x, w: w,
    laws=[
        Verdict(
            holds="non-negative, sums to one, defined everywhere, keeps order, "
            "shift invariant, scale invariant, exact zeros, keeps its "
            "share, permutation equivariant",
            breaks="continuous, tells scores apart, odds ignore other keys, can "
            "abstain, streams here",
        ),
    ],
)
@dataclass(frozen=True, eq=False)
class Hardmax(Selection):
    """The weighting of the largest score alone; see `hardmax`.

    Notes
    -----
    As exact as `hardmax`: each share is the number ``1 / ties``, rounded once.

    Examples
    --------
    >>> Hardmax()(np.array([1.0, 3.0]))
    array([0., 1.])
    """

    fades = True

    def weigh(self, scores, where=None):
        """Weigh along the last axis."""
        xp = namespace(scores)
        if not scores.shape[-1]:
            return 0 * scores
        top = largest(scores, where)
        best = scores == top
        if where is not None:
            best = best & where
        ties = best.sum(-1)[..., None]
        share = xp.where(best, xp.ones_like(scores), xp.zeros_like(scores))
        share = share / xp.where(ties == 0, xp.ones_like(ties), ties)
        rows = lost(seen(scores, where))
        return masked(xp.where(rows, full((), float("nan"), share), share), where)

    def slopes(self, scores):
        """Give zeros: a small change of the scores changes no weight."""
        weights = self.weigh(scores)
        return of_shares(weights, 0 * weights)
