r"""The formulas, to read and to test against.

Each function is the textbook formula in float64 NumPy, on the last axis, and no
more: no masks, no speed, no care for overflow. The engines have functions of the
same names and are tested against these.
"""

import numpy as np

__all__ = ["attention", "entropy", "jacobian", "log_softmax", "logsumexp", "softmax"]


def softmax(scores):
    r"""Divide each exponential by their sum: ``e^s / sum e^s``.

    Examples
    --------
    >>> softmax(np.log([1, 2, 5]))
    array([0.125, 0.25 , 0.625])
    """
    positive = np.exp(np.asarray(scores, dtype=np.float64))
    return positive / positive.sum(axis=-1, keepdims=True)


def log_softmax(scores):
    """Take the logarithm of softmax: ``s - logsumexp(s)``.

    Examples
    --------
    >>> np.exp(log_softmax(np.log([1, 2, 5])))
    array([0.125, 0.25 , 0.625])
    """
    return np.asarray(scores, dtype=np.float64) - logsumexp(scores)[..., None]


def logsumexp(scores):
    """Take the logarithm of the sum of the exponentials: ``log sum e^s``.

    Examples
    --------
    >>> bool(np.isclose(logsumexp(np.log([1, 2, 5])), np.log(8)))
    True
    """
    return np.log(np.exp(np.asarray(scores, dtype=np.float64)).sum(axis=-1))


def attention(query, key, value, weighting=softmax):
    """Average the values with the weights of the scaled scores of each query.

    ``query`` is (..., L, E), ``key`` (..., S, E) and ``value`` (..., S, Ev); the
    scores are the dot products, divided by the square root of E.

    Examples
    --------
    A query of zeros has no preference, so it gets the mean of the values:

    >>> attention([[0.0]], [[1.0], [2.0]], [[10.0], [20.0]])
    array([[15.]])
    """
    query, key, value = (np.asarray(a, dtype=np.float64) for a in (query, key, value))
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    return weighting(scores) @ value


def entropy(weights):
    """Weigh the surprise of each weight by itself: ``-sum w log w``, in nats.

    Examples
    --------
    >>> bool(np.isclose(entropy([0.25, 0.25, 0.25, 0.25]), np.log(4)))
    True
    """
    weights = np.asarray(weights, dtype=np.float64)
    surprise = -np.log(np.where(weights == 0, 1, weights))
    return (weights * surprise).sum(axis=-1)


def jacobian(weighting, scores, step=1e-6):
    """Differentiate a weighting by central differences: ``J[i, j] = dw_i / ds_j``.

    Examples
    --------
    >>> jacobian(softmax, [0.0, 0.0]).round(6)
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    scores = np.asarray(scores, dtype=np.float64)
    moves = step * np.eye(scores.shape[-1])
    scores = scores[..., None, :]
    change = weighting(scores + moves) - weighting(scores - moves)
    return np.swapaxes(change / (2 * step), -1, -2)
