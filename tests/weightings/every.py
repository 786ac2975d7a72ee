"""Every weighting with several parameters, beside its textbook form."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

import attention_lib as al
from attention_lib import definitions
from attention_lib.weightings import REGISTRY
from attention_lib.weightings.registry import Each
from tests.in_rotation import WHOLE


@dataclass(frozen=True)
class Case:
    """One weighting with its parameters."""

    name: str
    definition: Callable  # of scores, on the last axis, and the parameters
    make: Callable | None = None  # the class of the object, where it is public
    rule: Callable | None = None  # the row function, where there is one
    params: dict = field(default_factory=dict)
    power: float = 1.0  # compare so powered weights: they are ill-conditioned before
    normalises: bool = True
    bound: Callable | None = None  # as in the registry
    shifts: bool = False  # whether a common shift changes nothing

    def __str__(self):
        given = (f"{k}={v}" for k, v in self.params.items())
        return f"{self.name}({', '.join(given)})".replace(" ", "")

    @property
    def plain(self):
        """Whether each parameter is a number or a flag."""
        return not any(isinstance(v, Each | str) for v in self.params.values())

    @property
    def numbers(self):
        """Whether each parameter is one number."""
        return not any(isinstance(value, Each) for value in self.params.values())

    def drawn(self, rng, rows, prepare=lambda a: a):
        """Give the parameters for scores of a shape with size 1 along the keys."""
        return {
            name: prepare(rng.uniform(value.low, value.high, rows))
            if isinstance(value, Each)
            else value
            for name, value in self.params.items()
        }

    def weigh(self, x, axis=-1, where=None, **params):
        """Weigh by the object, or by the row function where there is none."""
        if self.make is None:
            return self.rule(x, axis=axis, where=where, **params)
        return self.make(**params)(x, axis, where=where)

    def expected(self, scores, **params):
        """Weigh by the definition, row by row where a parameter has one a row."""
        arrays = [name for name, value in params.items() if np.ndim(value)]
        if not arrays:
            return self.definition(scores, **params)
        (name,) = arrays
        values = np.broadcast_to(params[name], (*scores.shape[:-1], 1))
        out = np.empty(scores.shape)
        for row in np.ndindex(scores.shape[:-1]):
            given = params | {name: float(values[row][0])}
            out[row] = self.definition(scores[row], **given)
        return out


def _shares(scores, eps=0.0):
    return definitions.normalize(scores, eps or 1e-300)  # 0 / 0 is 0


def _cases(entry):
    """Give the cases of a weighting as it is registered."""
    for params in entry.examples:
        alpha = params.get("alpha", 1.5)
        yield Case(
            entry.name,
            entry.definition,
            entry.make,
            getattr(al, entry.name, None),
            params,
            alpha - 1 if isinstance(alpha, int) and alpha > 2 else 1.0,
            entry.make.kind != "pointwise",
            entry.bound,
            any("shift invariant" in said.holds for said in entry.laws),
        )


def _shares_bound(x, w, eps=0.0):
    return 8 * abs(w)


CASES = [
    *(case for entry in REGISTRY for case in _cases(entry)),
    *(
        Case("normalize", _shares, None, al.normalize, params, bound=_shares_bound)
        for params in ({}, {"eps": 0.5})
    ),
]

# One of each, with its defaults.
ONE_OF_EACH = [
    case
    for i, case in enumerate(CASES)
    if case.name not in [before.name for before in CASES[:i]]
]
# Enough where the values of a number change no step: the defaults, and whatever is an
# array, a word, a flag or an alpha, by which the way is chosen.
A_WAY_EACH = [
    case
    for case in CASES
    if case in ONE_OF_EACH
    or "alpha" in case.params
    or not case.plain
    or any(value is True for value in case.params.values())
]
# For a test that takes long.
FEWER = CASES if WHOLE else A_WAY_EACH
every_case = pytest.mark.parametrize("case", CASES, ids=str)
one_of_each = pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)


def shorter(params, n):
    """Give the parameters for a row of n keys: at most n of them are chosen."""
    return params | {"k": min(params["k"], n)} if "k" in params else params
