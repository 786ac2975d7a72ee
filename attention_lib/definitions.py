r"""The formulas, to read and to test against.

Each function is the textbook formula in float64 NumPy, on the last axis, and no
more: no masks, no speed, no care for overflow. The engines have functions of the
same names and are tested against these.
"""

import numpy as np

__all__ = [
    "attention",
    "elu_plus_one",
    "entmax",
    "entropy",
    "hardmax",
    "jacobian",
    "linear_attention",
    "log_softmax",
    "logsumexp",
    "normalize",
    "normalized_relu",
    "normalized_sigmoid",
    "normalized_tanh",
    "relu",
    "scalable_softmax",
    "sigmoid",
    "softmax",
    "softmax1",
    "softpick",
    "sparsemax",
    "top_k_softmax",
]


def softmax(scores, temperature=1.0):
    r"""Divide each exponential by their sum: ``e^(s / T) / sum e^(s / T)``.

    Examples
    --------
    >>> softmax(np.log([1, 2, 5]))
    array([0.125, 0.25 , 0.625])
    """
    positive = np.exp(np.asarray(scores, dtype=np.float64) / temperature)
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


def softmax1(scores, offset=0.0):
    """Add one key that has a score and no value: ``e^s / (e^offset + sum e^s)``.

    Examples
    --------
    >>> softmax1(np.log([1, 2]))
    array([0.25, 0.5 ])
    """
    positive = np.exp(np.asarray(scores, dtype=np.float64))
    return positive / (np.exp(offset) + positive.sum(axis=-1, keepdims=True))


def scalable_softmax(scores, scale=1.0):
    """Sharpen with the number of keys: ``softmax(scale log(n) s)``.

    Examples
    --------
    >>> scalable_softmax([0.0, 1.0])
    array([0.33333333, 0.66666667])
    """
    scores = np.asarray(scores, dtype=np.float64)
    return softmax(scale * np.log(scores.shape[-1]) * scores)


def sparsemax(scores):
    """Project on the simplex: ``max(s - tau, 0)``, where they sum to one.

    Examples
    --------
    >>> sparsemax([1.5, 1.0, 0.1])
    array([0.75, 0.25, 0.  ])
    """
    scores = np.asarray(scores, dtype=np.float64)
    falling = -np.sort(-scores, axis=-1)
    size = np.arange(1, scores.shape[-1] + 1)
    tau = ((falling.cumsum(axis=-1) - 1) / size).max(axis=-1, keepdims=True)
    return np.maximum(scores - tau, 0)


def entmax(scores, alpha=1.5):
    """Give ``max((alpha - 1) s - tau, 0)^(1 / (alpha - 1))``, which sum to one.

    Written with ``tau = (alpha - 1) (max s + t) - 1``, so that t lies between 0, where
    the largest weight alone is one, and its value where all n scores are equal.

    Examples
    --------
    >>> entmax([-2.0, 0.0, 0.5]).round(4)
    array([0.   , 0.326, 0.674])
    """
    if alpha == 1:
        return softmax(scores)
    scores = np.asarray(scores, dtype=np.float64)
    c, n = alpha - 1, scores.shape[-1]
    z = scores - scores.max(axis=-1, keepdims=True)
    low = np.zeros_like(z[..., :1])
    high = low + (1 - n**-c) / c
    for _ in range(100):
        t = (low + high) / 2
        weights = np.maximum(1 + c * (z - t), 0) ** (1 / c)
        too_much = weights.sum(axis=-1, keepdims=True) > 1
        low, high = np.where(too_much, t, low), np.where(too_much, high, t)
    return weights


def softpick(scores, eps=1e-6):
    """Give ``max(e^s - 1, 0) / (sum |e^s - 1| + eps)``: negative scores weigh zero.

    Examples
    --------
    >>> softpick(np.log([1, 3, 0.5]), eps=0)
    array([0. , 0.8, 0. ])
    """
    lifted = np.expm1(np.asarray(scores, dtype=np.float64))
    total = np.abs(lifted).sum(axis=-1, keepdims=True) + eps
    return np.maximum(lifted, 0) / total


def sigmoid(scores, bias=0.0):
    """Weigh each score alone: ``1 / (1 + e^-(s + bias))``, with any bias or "-log n".

    Examples
    --------
    >>> sigmoid(np.log([1, 3]))
    array([0.5 , 0.75])
    """
    scores = np.asarray(scores, dtype=np.float64)
    bias = -np.log(scores.shape[-1]) if isinstance(bias, str) else bias
    return 1 / (1 + np.exp(-(scores + bias)))


def relu(scores, power=1, mean=False):
    """Weigh each positive score by itself: ``max(s, 0)^power``, or that over n.

    Examples
    --------
    >>> relu([-1.0, 2.0], power=2)
    array([0., 4.])
    """
    scores = np.asarray(scores, dtype=np.float64)
    return np.maximum(scores, 0) ** power / (scores.shape[-1] if mean else 1)


def normalize(scores, eps=0.0):
    """Divide by the sum of the sizes: ``s / (sum |s| + eps)``.

    Examples
    --------
    >>> normalize([1.0, -3.0])
    array([ 0.25, -0.75])
    """
    scores = np.asarray(scores, dtype=np.float64)
    return scores / (np.abs(scores).sum(axis=-1, keepdims=True) + eps)


def normalized_relu(scores, power=1, eps=0.0):
    """Divide ``max(s, 0)^power`` by its sum and eps; 0 / 0 is set to 0.

    Examples
    --------
    >>> normalized_relu([1.0, -5.0, 3.0])
    array([0.25, 0.  , 0.75])
    """
    return normalize(relu(scores, power), eps or np.finfo(np.float64).tiny)


def normalized_sigmoid(scores, bias=0.0):
    """Divide ``sigmoid(s + bias)`` by its sum.

    Examples
    --------
    >>> normalized_sigmoid(np.log([1, 3]))
    array([0.4, 0.6])
    """
    return normalize(sigmoid(scores, bias))


def normalized_tanh(scores):
    """Divide ``1 + tanh s`` by its sum, as ``2 sigmoid(2 s)``, which it is.

    Written as it stands, its digits cancel where the score is far below zero.

    Examples
    --------
    >>> normalized_tanh(np.log([1, 3]) / 2)
    array([0.4, 0.6])
    """
    return normalize(2 * sigmoid(2 * np.asarray(scores, dtype=np.float64)))


def hardmax(scores):
    """Give all the weight to the largest score; those that tie share it.

    Examples
    --------
    >>> hardmax([1.0, 2.0, 2.0])
    array([0. , 0.5, 0.5])
    """
    scores = np.asarray(scores, dtype=np.float64)
    largest = scores == scores.max(axis=-1, keepdims=True)
    return largest / largest.sum(axis=-1, keepdims=True)


def top_k_softmax(scores, k):
    """Take softmax of the k largest scores; of those that tie, the first.

    Examples
    --------
    >>> top_k_softmax(np.log([1, 3, 1]), k=2)
    array([0.25, 0.75, 0.  ])
    """
    scores = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-scores, axis=-1, kind="stable")
    kept = np.argsort(order, axis=-1) < k  # the rank of each score
    positive = np.where(kept, np.exp(scores), 0)
    return positive / positive.sum(axis=-1, keepdims=True)


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


def elu_plus_one(x):
    """Make features positive: ``x + 1`` above zero, ``e^x`` below.

    Examples
    --------
    >>> elu_plus_one([2.0, 0.0, -np.log(2)])
    array([3. , 1. , 0.5])
    """
    x = np.asarray(x, dtype=np.float64)
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def linear_attention(query, key, value, feature_map=elu_plus_one, normalize=True):
    """Average the values with the products of the features as weights.

    ``w_j = phi(q) . phi(k_j)``, or that over their sum; shapes as in `attention`.

    Examples
    --------
    The weights are as 1 to 3:

    >>> linear_attention([[0.0]], [[0.0], [2.0]], [[40.0], [80.0]])
    array([[70.]])
    """
    query, key, value = (np.asarray(a, dtype=np.float64) for a in (query, key, value))
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if normalize:
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ value


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
