"""The maps from scores to weights that the experiments compare, by name.

Most are the library's. The others exist to make a point, and are derived here from the
library's kinds, as a user would: two powers of the positive part, exponentials and
scores that are divided by the number of keys only, exponentials less one, tanh, squares
over their sum, equal weights, softmax at a temperature that adapts to its entropy, and
the kernel of linear attention. Two have a number that is trained.
"""

from dataclasses import dataclass

import torch

from attention_lib import Weighting, entropy, softmax, weightings
from attention_lib._dispatch import namespace
from attention_lib.weightings import Exponential, Pointwise, Sum

__all__ = [
    "MAPS",
    "AdaptiveTemperature",
    "ExpMean",
    "ExpMinusOne",
    "LearnedScale",
    "LearnedSink",
    "Linear",
    "Raw",
    "Squares",
    "Tanh",
    "Uniform",
    "get_map",
]


@dataclass(frozen=True, eq=False)
class Raw(Pointwise):
    """The scores themselves, or their n-th part.

    Parameters
    ----------
    mean : bool, default False
        Divide by the number of keys that take part.
    """

    mean: bool = False

    @property
    def uses_n(self):
        """Whether the weights are divided by the number of keys."""
        return self.mean

    def phi(self, scores, n=None):
        """Give each score, or its n-th part."""
        return scores / n if self.mean else scores

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        return (0 * scores + 1) / (n if self.mean else 1)


class ExpMean(Pointwise):
    """Exponentials divided by the number of keys, and not by their sum."""

    uses_n = True

    def phi(self, scores, n=None):
        """Give ``e^s / n``."""
        return torch.exp(scores) / n

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        return self.phi(scores, n)


class ExpMinusOne(Pointwise):
    """Exponentials without the share of one that every key gets."""

    def phi(self, scores, n=None):
        """Give ``e^s - 1``."""
        return namespace(scores).expm1(scores)

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        return namespace(scores).exp(scores)


class Tanh(Pointwise):
    """The hyperbolic tangent of each score: weights of both signs."""

    def phi(self, scores, n=None):
        """Give ``tanh s``."""
        return torch.tanh(scores)

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        return 1 - self.phi(scores) ** 2


class Squares(Sum):
    """Squares of the scores, divided by their sum: a negative score counts as well."""

    def phi(self, scores):
        """Give ``s²``."""
        return scores**2

    def derivative(self, scores):
        """Differentiate `phi`."""
        return 2 * scores


class Uniform(Sum):
    """The same weight for every key, whatever its score."""

    def phi(self, scores):
        """Give one."""
        return 0 * scores + 1

    def derivative(self, scores):
        """Differentiate `phi`: zero."""
        return 0 * scores


class Linear(Sum):
    """Shares of ``f(q) . f(k)`` with ``f(x) = elu(x) + 1``: no exponential of a score.

    References
    ----------
    A. Katharopoulos, A. Vyas, N. Pappas and F. Fleuret (2020). Transformers are RNNs.
    https://arxiv.org/abs/2006.16236
    """

    @staticmethod
    def features(x):
        """Give the positive features of queries or keys."""
        return torch.nn.functional.elu(x) + 1

    def phi(self, scores):
        """Give the score itself, which the features make positive."""
        return scores

    def derivative(self, scores):
        """Differentiate `phi`."""
        return 0 * scores + 1


class AdaptiveTemperature(Weighting):
    """Softmax of scores that are multiplied by a polynomial of its own entropy.

    It is softmax itself where the entropy is at most 0.5, and where the polynomial is
    below one: up to an entropy of about 0.85, and from about 5.9 on.

    References
    ----------
    P. Veličković, C. Perivolaropoulos, F. Barbero and R. Pascanu (2024). softmax is
    not enough (for sharp out-of-distribution). https://arxiv.org/abs/2410.01104
    """

    kind = "softmax of softmax"  # which is no kind that streams
    FIT = (-0.037, 0.481, -2.3, 4.917, -1.791)  # from the fourth power down
    LEAST = 0.5

    def sharpening(self, spread):
        """Give what the scores are multiplied by, for an entropy."""
        xp, fit = namespace(spread), 0 * spread
        for coefficient in self.FIT:
            fit = fit * spread + coefficient
        return xp.where(spread > self.LEAST, fit.clip(1), 1 + 0 * spread)

    def weigh(self, scores, where=None):
        """Weigh once, and again at the temperature that this asks for."""
        once = entropy(softmax(scores, where=where))[..., None]
        return softmax(scores * self.sharpening(once), where=where)


class LearnedSink(Exponential):
    """Softmax with one more key, whose value is zero and whose score is trained."""

    @staticmethod
    def with_score(score):
        """Give the weighting for a score of that key, of shape (replicas, 1, 1, 1)."""
        return weightings.Softmax1(score)


class LearnedScale(weightings.ScalableSoftmax):
    """Softmax of scores times log n, and times a factor that is trained."""

    @staticmethod
    def with_scale(scale):
        """Give the weighting for a factor, of shape (replicas, 1, 1, 1)."""
        return weightings.ScalableSoftmax(scale)


# What a name in a table stands for, made anew at each call.
MAPS = {
    "softmax": weightings.Softmax,
    "off-by-one": weightings.Softmax1,
    "learned sink": LearnedSink,
    "scalable softmax": LearnedScale,
    "sparsemax": weightings.Sparsemax,
    "entmax-1.5": weightings.Entmax,
    "sig": weightings.Sigmoid,
    "sig+b": lambda: weightings.Sigmoid(bias="-log n"),
    "sig/Σ": weightings.NormalizedSigmoid,
    "relu": weightings.ReLU,
    "relu/n": lambda: weightings.ReLU(mean=True),
    "relu³": lambda: weightings.ReLU(power=3),
    "exp/n": ExpMean,
    "e^s − 1": ExpMinusOne,
    "raw": Raw,
    "raw/n": lambda: Raw(mean=True),
    "tanh": Tanh,
    "adaptive temperature": AdaptiveTemperature,
    "s²/Σ": Squares,
    "linear": Linear,
    "uniform": Uniform,
}


def get_map(name):
    """Give a map by its name in the tables, or the weighting itself."""
    return MAPS[name]() if isinstance(name, str) else weightings.get_weighting(name)
