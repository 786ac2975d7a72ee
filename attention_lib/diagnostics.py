"""Numbers that say how sharp a row of weights is, and how it moves."""

import math

from attention_lib import _check
from attention_lib._dispatch import cast, namespace, quiet
from attention_lib.weightings import get_weighting

__all__ = ["effective_support", "entropy", "jacobian", "max_weight"]


def entropy(weights, base=math.e):
    r"""Measure how evenly a row of weights is spread.

    .. math:: H(w) = -\sum_j w_j \log w_j

    Parameters
    ----------
    weights : array or Tensor of float, shape (..., n)
        Weights along the last axis; a weight of zero adds nothing.
    base : float, default e
        Base of the logarithm: e gives nats, 2 gives bits.

    Returns
    -------
    array or Tensor, shape (...)
        Zero where one key has all the weight; ``log n`` where all are equal. NaN
        where a weight is NaN or negative.

    Raises
    ------
    ValueError
        If `base` is not positive, or one.

    References
    ----------
    C. E. Shannon (1948). A mathematical theory of communication. *Bell System
    Technical Journal* 27(3), 379-423.
    https://doi.org/10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    Two equal weights are worth one bit:

    >>> float(entropy(np.array([0.5, 0.5, 0.0]), base=2))
    1.0
    """
    base = _check.positive(_check.number(base, "base"), "base")
    if base == 1:
        raise ValueError("base must not be 1: every logarithm would be infinite")
    weights = _weights(weights)
    xp = namespace(weights)
    wide = cast(weights, _check.work_dtype(weights))
    with quiet():
        logs = xp.log(xp.where(wide == 0, xp.ones_like(wide), wide))
        surprise = 0 - (wide * logs).sum(-1)  # -0.0 would be odd to read
        return cast(surprise / math.log(base), weights.dtype)


def effective_support(weights):
    r"""Count the keys that a row of weights attends to, in effect.

    .. math:: e^{H(w)}

    Parameters
    ----------
    weights : array or Tensor of float, shape (..., n)
        Weights along the last axis.

    Returns
    -------
    array or Tensor, shape (...)
        Number of equal weights that have the same entropy: from 1 to n, for
        weights that sum to one.

    Examples
    --------
    >>> effective_support(np.array([0.25, 0.25, 0.25, 0.25, 0.0])).round(9)
    np.float64(4.0)
    """
    weights = _weights(weights)
    wide = cast(weights, _check.work_dtype(weights))
    return cast(namespace(wide).exp(entropy(wide)), weights.dtype)


def max_weight(weights):
    r"""Give the largest weight of each row.

    .. math:: \max_j w_j

    Parameters
    ----------
    weights : array or Tensor of float, shape (..., n)
        Weights along the last axis, at least one.

    Returns
    -------
    array or Tensor, shape (...)
        The largest weight; NaN where one is NaN.

    Raises
    ------
    ValueError
        If there are no weights.

    Examples
    --------
    >>> float(max_weight(np.array([0.2, 0.7, 0.1])))
    0.7
    """
    weights = _weights(weights)
    if not weights.shape[-1]:
        raise ValueError("weights has no entries, so none is the largest")
    return namespace(weights).amax(weights, -1)


def jacobian(weighting, x):
    r"""Give the derivatives of a weighting in closed form.

    .. math:: J_{ij} = \frac{\partial w_i}{\partial x_j}, \qquad
        J_\mathrm{softmax} = \operatorname{diag}(w) - w w^T

    Parameters
    ----------
    weighting : str or Weighting
        The map from scores to weights.
    x : array or Tensor of float, shape (..., n)
        Scores along the last axis.

    Returns
    -------
    array or Tensor like `x`, shape (..., n, n)
        How weight i (rows) moves with score j (columns).

    Raises
    ------
    TypeError
        If the weighting gives no closed form.

    References
    ----------
    J. S. Bridle (1990). Probabilistic interpretation of feedforward
    classification network outputs, with relationships to statistical pattern
    recognition. *Neurocomputing*, 227-236.
    https://doi.org/10.1007/978-3-642-76153-9_28

    Examples
    --------
    >>> jacobian("softmax", np.log([1, 3]))
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    x = _check.array(x, "x")
    _check.axis_of(x, -1)
    with quiet():
        moves = get_weighting(weighting).jacobian(cast(x, _check.work_dtype(x)))
    return cast(moves, x.dtype)


def _weights(weights):
    weights = _check.array(weights, "weights")
    _check.axis_of(weights, -1, "weights")
    return weights
