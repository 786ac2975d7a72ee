"""Numbers that say how sharp a row of weights is, and how it moves."""

import math

from attention_lib import _check
from attention_lib._dispatch import cast, is_tensor, namespace, quiet, work_dtype
from attention_lib.movement import jacobian, jacobian_norm
from attention_lib.rollout import attention_rollout

__all__ = [
    "attention_rollout",
    "effective_support",
    "entropy",
    "jacobian",
    "jacobian_norm",
    "max_weight",
    "sink_mass",
    "support_size",
    "top_k_mass",
]


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
    wide = cast(weights, work_dtype(weights))
    with quiet(wide):
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
    wide = cast(weights, work_dtype(weights))
    with quiet(wide):
        return cast(namespace(wide).exp(entropy(wide)), weights.dtype)


def support_size(weights, tol=0):
    r"""Count the keys that have weight.

    .. math:: \#\{j : |w_j| > \mathrm{tol}\}

    Parameters
    ----------
    weights : array or Tensor of float, shape (..., n)
        Weights along the last axis.
    tol : float, default 0
        The size that a weight must exceed to be counted.

    Returns
    -------
    array or Tensor of int, shape (...)
        From 0 to n. A NaN is not counted.

    Raises
    ------
    ValueError
        If `tol` is negative, or NaN.

    Examples
    --------
    >>> int(support_size(np.array([0.75, 0.25, 0.0])))
    2
    """
    tol = _check.not_negative(tol, "tol")
    weights = _weights(weights)
    with quiet(weights):  # NumPy's float16 may hold no such `tol`
        return (abs(weights) > tol).sum(-1)


def top_k_mass(weights, k):
    r"""Add up the k largest weights of each row.

    .. math:: \sum_{i \le k} w_{(i)}, \qquad w_{(1)} \ge w_{(2)} \ge \dots

    Parameters
    ----------
    weights : array or Tensor of float, shape (..., n)
        Weights along the last axis.
    k : int
        Weights to add, from 1 to n.

    Returns
    -------
    array or Tensor, shape (...)
        For weights that sum to one, the share of the k keys that get most. NaN where
        a weight is.

    Raises
    ------
    ValueError
        If `k` is not from 1 to n.

    Examples
    --------
    >>> float(top_k_mass(np.array([0.25, 0.125, 0.5, 0.125]), k=2))
    0.75
    """
    weights = _weights(weights)
    k = _check.size(k, "k", least=1)
    if k > weights.shape[-1]:
        message = f"k must be at most the {weights.shape[-1]} weights of a row; got {k}"
        raise ValueError(message)
    wide = cast(weights, work_dtype(weights))
    xp = namespace(wide)
    # NaN is sorted to the end of a row, and so is among the largest.
    rising = xp.sort(wide, -1).values if is_tensor(wide) else xp.sort(wide, axis=-1)
    with quiet(wide):
        return cast(rising[..., wide.shape[-1] - k :].sum(-1), weights.dtype)


def sink_mass(weights, n=1):
    r"""Add up the weights of the first keys, where attention sinks form.

    .. math:: \sum_{j \le n} w_j

    Parameters
    ----------
    weights : array or Tensor of float, shape (..., n)
        Weights along the last axis.
    n : int, default 1
        Keys at the start to add, at least 0; all, if there are fewer.

    Returns
    -------
    array or Tensor, shape (...)
        For weights that sum to one, the share of those keys.

    Raises
    ------
    ValueError
        If `n` is negative.

    References
    ----------
    G. Xiao, Y. Tian, B. Chen, S. Han and M. Lewis (2024). Efficient streaming
    language models with attention sinks. https://arxiv.org/abs/2309.17453

    Examples
    --------
    >>> float(sink_mass(np.array([0.75, 0.125, 0.125])))
    0.75
    """
    weights, n = _weights(weights), _check.size(n, "n")
    wide = cast(weights, work_dtype(weights))
    with quiet(wide):
        return cast(wide[..., :n].sum(-1), weights.dtype)


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


def _weights(weights):
    weights = _check.array(weights, "weights")
    _check.axis_of(weights, -1, "weights")
    return weights
