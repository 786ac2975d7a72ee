"""Weightings as a user would add them, of every kind, beside their plain formulas.

A formula takes one row of float64 NumPy scores, those that take part, and knows
nothing of masks, axes or engines.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from attention_lib import Softmax, definitions
from attention_lib._dispatch import is_tensor, namespace
from attention_lib.weightings import (
    Exponential,
    Pointwise,
    Selection,
    Sum,
    Threshold,
)


@dataclass(frozen=True, eq=False)
class OffByOne(Exponential):
    """Softmax with one more key, whose score is `offset` and whose value is zero."""

    offset: Any = 0.0


@dataclass(frozen=True, eq=False)
class Scalable(Exponential):
    """Softmax of the scores, multiplied by the logarithm of the number of keys."""

    scale: Any = 1.0
    uses_n = True

    def exponent(self, scores, n):
        if not hasattr(n, "shape"):
            n = namespace(scores).full_like(scores[..., :1], n)
        return scores * self.scale * namespace(scores).log(n)


class Squares(Sum):
    """Squares, divided by their sum."""

    def phi(self, scores):
        return scores**2

    def derivative(self, scores):
        return 2 * scores


class NormalizedReLU(Sum):
    """Positive parts, divided by their sum."""

    def phi(self, scores):
        return scores.clip(0)

    def derivative(self, scores):
        return namespace(scores).heaviside(scores, 0 * scores)


class SignedCubes(Sum):
    """Cubes, divided by the sum of their sizes and a little more."""

    eps = 0.5

    def phi(self, scores):
        return scores**3

    def derivative(self, scores):
        return 3 * scores**2


class SquaredReLU(Pointwise):
    """Squares of the positive scores."""

    def phi(self, scores, n=None):
        return scores.clip(0) ** 2

    def derivative(self, scores, n=None):
        return 2 * scores.clip(0)


class MeanExponential(Pointwise):
    """Exponentials, divided by the number of keys."""

    uses_n = True

    def phi(self, scores, n=None):
        return namespace(scores).exp(scores) / n

    def derivative(self, scores, n=None):
        return self.phi(scores, n)


class TextbookSparsemax(Threshold):
    """The projection on the simplex, by sorting."""

    alpha = 2.0

    def weigh(self, scores, where=None):
        xp = namespace(scores)
        if not scores.shape[-1]:
            return scores
        if where is not None:
            scores = xp.where(where, scores, xp.full_like(scores, -1e30))
        down = -xp.sort(-scores, -1).values if is_tensor(scores) else -np.sort(-scores)
        place = xp.cumsum(xp.ones_like(down), -1)
        tau = xp.amax((xp.cumsum(down, -1) - 1) / place, -1)[..., None]
        weights = (scores - tau).clip(0)
        return weights if where is None else weights * where

    @staticmethod
    def formula(scores):
        down = np.sort(scores)[::-1]
        bounds = (np.cumsum(down) - 1) / np.arange(1, len(down) + 1)
        tau = bounds[down > bounds][-1]
        return np.maximum(scores - tau, 0)


class TopOne(Selection):
    """All the weight to the largest score."""

    def weigh(self, scores, where=None):
        xp = namespace(scores)
        if not scores.shape[-1]:
            return scores
        if where is not None:
            scores = xp.where(where, scores, xp.full_like(scores, -1e30))
        best = scores == xp.amax(scores, -1)[..., None]
        best = best if where is None else best & where
        return xp.where(best, xp.ones_like(scores), xp.zeros_like(scores))


def scalable(scores):
    return definitions.softmax(scores * np.log(len(scores)))


FORMULAS = {
    Softmax(): definitions.softmax,
    Softmax(0.5): lambda s: definitions.softmax(2 * s),
    OffByOne(0.3): lambda s: np.exp(s) / (np.exp(0.3) + np.exp(s).sum()),
    Scalable(): scalable,
    Squares(): lambda s: s**2 / (s**2).sum(),
    NormalizedReLU(): lambda s: np.maximum(s, 0) / max(np.maximum(s, 0).sum(), 1e-300),
    SignedCubes(): lambda s: s**3 / (abs(s**3).sum() + 0.5),
    SquaredReLU(): lambda s: np.maximum(s, 0) ** 2,
    MeanExponential(): lambda s: np.exp(s) / len(s),
    TextbookSparsemax(): TextbookSparsemax.formula,
    TopOne(): lambda s: 1.0 * (s == s.max()),
}
FOLDABLE = [w for w in FORMULAS if w.kind in ("exponential", "sum", "pointwise")]
DIFFERENTIABLE = [w for w in FORMULAS if w.kind != "selection"]


def name_of(weighting):
    """Give the name of a weighting, for the names of tests."""
    if isinstance(weighting, Softmax) and weighting.temperature != 1:
        return "Softmax-0.5"
    return type(weighting).__name__
