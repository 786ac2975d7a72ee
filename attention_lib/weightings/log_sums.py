"""Rows of a positive phi that can vanish, divided by their sum: sigmoid and tanh."""

from dataclasses import dataclass
from typing import Any

from attention_lib import _check, definitions
from attention_lib._dispatch import like, log_logistic, logistic, namespace
from attention_lib.weightings.kinds import LogSum
from attention_lib.weightings.registry import Each, Verdict, registered, size
from attention_lib.weightings.streams import Stream

__all__ = ["NormalizedSigmoid", "NormalizedTanh"]

FAR = 100.0


@registered(
    "normalized_sigmoid",
    definition=definitions.normalized_sigmoid,
    bound=lambda x, w, bias=0.0: (16 + 2 * (size(x) + abs(bias))) * w,
    laws=[
        Verdict(
            holds="non-negative, sums to one, defined everywhere, continuous, "
            "keeps order, odds ignore other keys, streams here, permutation "
            "equivariant",
            breaks="tells scores apart, shift invariant, scale invariant, exact "
            "zeros, can abstain, keeps its share",
        ),
    ],
    examples=({}, {"bias": -3.0}, {"bias": Each(-2, 2)}),
)
@dataclass(frozen=True, eq=False)
class NormalizedSigmoid(LogSum):
    r"""The weighting ``sigmoid(s + bias) / sum sigmoid(s + bias)``.

    .. math:: w_j = \frac{\sigma(x_j + b)}{\sum_k \sigma(x_k + b)}, \qquad
        \sigma(z) = \frac{1}{1 + e^{-z}}

    Parameters
    ----------
    bias : float or array, default 0.0
        Added to the scores; towards ``-inf`` the weights become softmax's. An array
        has size 1 along the keys; in attention it broadcasts to (..., L, 1).

    Raises
    ------
    TypeError
        If `bias` is neither a number nor an array of numbers.
    ValueError
        If it is the number NaN.

    Notes
    -----
    Computed as softmax of the logarithm of the sigmoid, so that it never meets 0/0.

    The relative error of a weight is at most ``(16 + 2 (r + |bias|)) eps``, with ``r``
    the largest size of a score, in rows of up to 30,000 keys.

    Examples
    --------
    >>> NormalizedSigmoid()(np.log([1, 3])).round(6)
    array([0.4, 0.6])
    """

    bias: Any = 0.0

    def __post_init__(self):
        """Refuse a bias that is NaN."""
        _check.real(self.bias, "bias")

    fades = True

    def log_phi(self, scores):
        """Give the logarithm of the sigmoid."""
        return log_logistic(scores + like(self.bias, scores))

    def record(self, n=None):
        """Name the sigmoid of a shifted score, by its logarithm."""
        return Stream(self.kind, "sigmoid", self.log_phi, shift=self.bias, logs=True)

    def log_derivative(self, scores):
        """Differentiate `log_phi`."""
        return logistic(-(scores + like(self.bias, scores)))


@registered(
    "normalized_tanh",
    definition=definitions.normalized_tanh,
    bound=lambda x, w: (16 + 4 * size(x)) * w,
    laws=[
        Verdict(
            holds="non-negative, sums to one, defined everywhere, continuous, "
            "keeps order, odds ignore other keys, streams here, permutation "
            "equivariant",
            breaks="tells scores apart, shift invariant, scale invariant, exact "
            "zeros, can abstain, keeps its share",
        ),
    ],
)
@dataclass(frozen=True, eq=False)
class NormalizedTanh(LogSum):
    r"""The weighting ``(1 + tanh s) / sum (1 + tanh s)``.

    .. math:: w_j = \frac{1 + \tanh x_j}{\sum_k (1 + \tanh x_k)}

    Notes
    -----
    Since ``1 + tanh s = 2 sigmoid(2 s)`` it is the normalised sigmoid of twice the
    score.

    The relative error of a weight is at most ``(16 + 4 r) eps``, with ``r`` the largest
    size of a score, in rows of up to 30,000 keys.

    Examples
    --------
    >>> NormalizedTanh()(np.log([1, 3]) / 2).round(6)
    array([0.4, 0.6])
    """

    fades = True

    def log_phi(self, scores):
        """Give the logarithm of ``sigmoid(2 s)``."""
        return 2 * half_log_logistic(scores)

    def log_derivative(self, scores):
        """Differentiate `log_phi`."""
        return 2 * logistic(-2 * scores)

    def record(self, n=None):
        """Name the sigmoid of twice the score, by half its logarithm: it is finite."""
        rule = half_log_logistic
        return Stream(self.kind, "sigmoid", rule, multiplier=2.0, logs=True)


def half_log_logistic(x):
    """Give half of ``log(1 / (1 + e^-2x))``, finite wherever `x` is."""
    low = x < -FAR  # where 1 + e^-2x is e^-2x
    xp = namespace(x)
    near = log_logistic(2 * xp.where(low, xp.zeros_like(x), x)) / 2
    return xp.where(low, x, near)
