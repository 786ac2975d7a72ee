"""Numbers that say how sharp a row of weights is, and how it moves."""

import math

import numpy as np

from attention_lib import _check
from attention_lib._dispatch import (
    cast,
    full,
    is_tensor,
    namespace,
    quiet,
    work_dtype,
)
from attention_lib.weightings import get_weighting
from attention_lib.weightings.jacobians import diagonal

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
    return (abs(_weights(weights)) > tol).sum(-1)


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
    with quiet(x):
        moves = get_weighting(weighting).jacobian(cast(x, work_dtype(x)))
    return cast(moves, x.dtype)


def jacobian_norm(weighting, x):
    r"""Measure how much a row of weights moves with its scores.

    .. math:: \|J\|_F = \sqrt{\sum_{ij} \left(
        \frac{\partial w_i}{\partial x_j}\right)^2}

    Parameters
    ----------
    weighting : str or Weighting
        The map from scores to weights.
    x : array or Tensor of float, shape (..., n)
        Scores along the last axis.

    Returns
    -------
    array or Tensor like `x`, shape (...)
        The Frobenius norm of the Jacobian: zero where no score moves any weight, as
        in a saturated softmax.

    Raises
    ------
    TypeError
        If the weighting gives no closed form.

    Notes
    -----
    Takes O(n) of memory a row: the matrix is a diagonal and one product of two vectors,
    and is not built. A weighting with a ``jacobian`` of its own takes O(n^2).

    Examples
    --------
    Two keys of equal weight, each entry of the matrix a quarter:

    >>> float(jacobian_norm("softmax", np.array([0.0, 0.0])))
    0.5
    """
    x = _check.array(x, "x")
    _check.axis_of(x, -1)
    with quiet(x):
        norm = get_weighting(weighting).jacobian_norm(cast(x, work_dtype(x)))
    return cast(norm, x.dtype)


def attention_rollout(layers, residual=0.5):
    r"""Follow attention through layers, back to the tokens at the start.

    .. math::

        R_n = \hat A_n \hat A_{n-1} \cdots \hat A_1, \qquad
        \hat A = \operatorname{rows}\bigl(r I + (1 - r) A\bigr)

    where rows divides each row by its sum.

    Parameters
    ----------
    layers : sequence of arrays or Tensors of float, shape (..., L, L)
        The weights of each layer, from the first to the last. Leading axes broadcast,
        and each of their places is followed alone. As a head of one layer is no
        continuation of the same head of another, average over heads first, as the
        paper does: ``[weights.mean(-3) for weights in layers]``.
    residual : float, default 0.5
        ``r`` above, from 0 to 1: how much of a token goes past the layer, as through
        a residual connection.

    Returns
    -------
    array or Tensor like the layers, shape (..., L, L)
        How much of token i after the last layer (rows) comes from token j before the
        first (columns). Rows sum to one, but for a row of zeros where ``residual`` is
        zero: it stays zero. NaN where it comes from a NaN.

    Raises
    ------
    TypeError
        If layers are of two libraries or dtypes.
    ValueError
        If there are no layers, one is not square, their sizes differ or `residual` is
        not from 0 to 1.

    References
    ----------
    S. Abnar and W. Zuidema (2020). Quantifying attention flow in transformers,
    section 3. https://arxiv.org/abs/2005.00928

    Examples
    --------
    Twice, the second token takes all from the first and passes half of itself on:

    >>> weights = np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> attention_rollout([weights, weights])
    array([[1.  , 0.  ],
           [0.75, 0.25]])
    """
    residual = _check.number(residual, "residual")
    if not 0 <= residual <= 1:
        raise ValueError(f"residual must lie between 0 and 1; got {residual}")
    layers = _square(layers)
    rollout = None
    with quiet(layers[0]):
        for weights in layers:
            mixed = _past(cast(weights, work_dtype(weights)), residual)
            rollout = mixed if rollout is None else mixed @ rollout
        return cast(rollout, layers[0].dtype)


def _past(weights, residual):
    """Mix weights with the identity, and let their rows sum to one."""
    xp = namespace(weights)
    same = diagonal(full(weights.shape[-1:], residual, weights))
    mixed = same + (1 - residual) * weights
    total = mixed.sum(-1)[..., None]
    return mixed / xp.where(total == 0, xp.ones_like(total), total)


def _square(layers):
    """Take the weights of layers: square matrices of one size, library and dtype."""
    layers = [_check.array(a, f"layer {i}") for i, a in enumerate(layers)]
    if not layers:
        raise ValueError("layers is empty: there is nothing to follow")
    _check.same_library(**{f"layer {i}": a for i, a in enumerate(layers)})
    size = layers[0].shape[-1] if layers[0].ndim else 0
    for i, weights in enumerate(layers):
        shape = tuple(weights.shape)
        if shape[-2:] != (size, size):
            message = f"layer {i} must be of shape (..., {size}, {size}); got {shape}"
            raise ValueError(message)
        if weights.dtype != layers[0].dtype:
            dtypes = f"{layers[0].dtype} and {weights.dtype}"
            raise TypeError(f"layers 0 and {i} differ in dtype: {dtypes}")
    try:
        np.broadcast_shapes(*(tuple(a.shape) for a in layers))
    except ValueError:
        shapes = [tuple(a.shape) for a in layers]
        message = f"the leading axes of the layers do not broadcast: {shapes}"
        raise ValueError(message) from None
    return layers


def _weights(weights):
    weights = _check.array(weights, "weights")
    _check.axis_of(weights, -1, "weights")
    return weights
