"""How a row of weights moves with its scores."""

from attention_lib import _check
from attention_lib._dispatch import cast, quiet, work_dtype
from attention_lib.weightings import get_weighting

__all__ = ["jacobian", "jacobian_norm"]


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
