"""Feature maps of linear attention, and the random ones that approach softmax."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from attention_lib import _check
from attention_lib._dispatch import (
    cast,
    is_tensor,
    kind_of,
    namespace,
    quiet,
    rectified,
    work_dtype,
)

__all__ = ["FeatureMap", "PositiveRandomFeatures"]


@dataclass(frozen=True, eq=False)
class PositiveRandomFeatures:
    r"""Random features whose products are, on average, softmax's exponentials.

    .. math::

        \varphi(x) = \frac{1}{\sqrt{m}} \bigl(e^{w_r \cdot x - |x|^2 / 2}\bigr)_{r
        \le m}, \qquad w_r \sim N(0, I), \qquad
        \operatorname{E} \varphi(q) \cdot \varphi(k) = e^{q \cdot k}

    Called on (..., n, d) it gives (..., n, m). `linear_attention` takes it as a
    feature map and then approaches softmax attention as m grows, with an error like
    ``m^(-1/2)``; give it ``scale=1 / np.sqrt(d)`` for softmax's usual scale.

    Parameters
    ----------
    projection : array or Tensor of float, shape (..., m, d)
        The ``w`` above, one a row; `draw` makes them. Leading axes broadcast with
        those of what it is called on.

    Raises
    ------
    ValueError
        If the projection is no matrix.

    Notes
    -----
    The exponents are never below ``-(|w| |x| + |x|^2 / 2)`` but may be far below what
    float32 can hold. So `linear_attention` subtracts from those of a query the largest
    of them, and from those of the keys the largest so far: both cancel in the division,
    and are put back without it.

    References
    ----------
    K. Choromanski, V. Likhosherstov, D. Dohan et al. (2021). Rethinking attention with
    Performers, lemma 1 and section 2.4. https://arxiv.org/abs/2009.14794

    Examples
    --------
    One feature, of ``w = 1``: the exponent of 2 is ``2 - 2^2 / 2``, which is zero.

    >>> PositiveRandomFeatures(np.array([[1.0]]))(np.array([[2.0]]))
    array([[1.]])
    """

    projection: Any

    def __post_init__(self):
        """Refuse what is no matrix."""
        w = _check.array(self.projection, "projection")
        if w.ndim < 2 or not w.shape[-2]:
            shape = tuple(w.shape)
            message = f"projection must be of shape (..., m, d), m > 0; got {shape}"
            raise ValueError(message)

    @classmethod
    def draw(cls, d, m, rng, *, orthogonal=True, like=None):
        """Draw m features for vectors of size d.

        Parameters
        ----------
        d, m : int
            Sizes of the vectors, and of the features.
        rng : numpy.random.Generator
            Source of chance.
        orthogonal : bool, default True
            Draw directions at right angles to each other, in blocks of d, with the
            lengths of independent ones: no bias, and a smaller error.
        like : Tensor, optional
            Give tensors, of its dtype and on its device.

        Returns
        -------
        PositiveRandomFeatures
            The feature map; float64 NumPy without `like`.

        Raises
        ------
        TypeError
            If `rng` is no Generator, or `orthogonal` is neither True nor False.
        ValueError
            If a size is not positive.
        """
        d, m = _check.size(d, "d", least=1), _check.size(m, "m", least=1)
        if not isinstance(rng, np.random.Generator):
            message = f"rng must be a numpy.random.Generator; got a {kind_of(rng)}"
            raise TypeError(message)
        w = rng.normal(size=(m, d))
        if _check.flag(orthogonal, "orthogonal"):
            blocks = [_rotation(rng.normal(size=(d, d))) for _ in range(0, m, d)]
            lengths = np.linalg.norm(w, axis=-1, keepdims=True)
            w = lengths * np.concatenate(blocks)[:m]
        if like is None:
            return cls(w)
        if not is_tensor(like):
            raise TypeError(f"like must be a torch Tensor; got a {kind_of(like)}")
        return cls(namespace(like).asarray(w, dtype=like.dtype, device=like.device))

    def __call__(self, x):
        """Give the features of `x`: (..., n, d) to (..., n, m)."""
        x = _check.array(x, "x")
        with quiet(x):
            logs = self.log_features(cast(x, work_dtype(x)))
            return cast(namespace(x).exp(logs), x.dtype)

    def log_features(self, x):
        """Give the logarithms of the features, which cannot overflow."""
        w = _check.array(self.projection, "projection")
        _check.same_library(x=x, projection=w)
        if x.shape[-1] != w.shape[-1]:
            sizes = f"{w.shape[-1]}; got {x.shape[-1]}"
            raise ValueError(f"the random features are of vectors of size {sizes}")
        products = x @ namespace(x).swapaxes(cast(w, x.dtype), -1, -2)
        squares = (x * x).sum(-1)[..., None]
        return products - squares / 2 - math.log(w.shape[-2]) / 2


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A feature map: a function of (..., n, E), and whether it gives logarithms."""

    function: Any
    in_logs: bool = False

    @classmethod
    def of(cls, given):
        """Take a feature map by its name, or as it is."""
        if given is None:
            return cls(lambda x: x)
        if isinstance(given, str):
            if given in FEATURE_MAPS:
                return cls(FEATURE_MAPS[given])
            known = ", ".join(map(repr, FEATURE_MAPS))
            message = f"unknown feature_map {given!r}; known are {known}"
            raise ValueError(message)
        if hasattr(given, "log_features"):
            return cls(given.log_features, in_logs=True)
        if callable(given):
            return cls(given)
        message = "feature_map must be a name, a callable or None; got a "
        raise TypeError(message + kind_of(given))

    def __call__(self, x):
        """Give the features of `x`, in its dtype, or their logarithms."""
        features = self.function(x)
        _check.same_library(query=x, features=features)
        if features.ndim < 2 or features.shape[-2] != x.shape[-2]:
            shapes = f"{tuple(features.shape)} for {tuple(x.shape)}"
            message = f"feature_map must keep all axes but the last; got {shapes}"
            raise ValueError(message)
        return cast(features, x.dtype)


def _elu_plus_one(x):
    """Give ``x + 1`` above zero and ``e^x`` below, with all digits."""
    xp = namespace(x)
    return xp.where(x > 0, x + 1, xp.exp(x.clip(None, 0)))


def _relu(x):
    return rectified(x, 1)


FEATURE_MAPS = {"elu_plus_one": _elu_plus_one, "relu": _relu}


def _rotation(gaussian):
    """Make a square matrix of normal numbers a rotation, each alike likely."""
    q, r = np.linalg.qr(gaussian)
    return q * np.sign(np.diag(r))
