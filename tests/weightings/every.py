"""Every weighting with several parameters, beside its textbook form."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

import attention_lib as al
from attention_lib import definitions


@dataclass(frozen=True)
class Each:
    """A parameter with one value a row, drawn between two numbers."""

    low: float
    high: float


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

    def __str__(self):
        given = (f"{k}={v}" for k, v in self.params.items())
        return f"{self.name}({', '.join(given)})".replace(" ", "")

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


def _softmax(scores, temperature=1.0):
    return definitions.softmax(scores / temperature)


def _sigmoid(scores, bias=0.0):
    bias = -np.log(scores.shape[-1]) if bias == "-log n" else bias
    return definitions.sigmoid(scores, bias)


def _shared_sigmoid(scores, bias=0.0):
    return definitions.normalize(definitions.sigmoid(scores, bias))


def _shares(scores, eps=0.0):
    return definitions.normalize(scores, eps or 1e-300)  # 0 / 0 is 0


def _shared_relu(scores, power=1, eps=0.0):
    return _shares(definitions.relu(scores, power), eps)


def _shared_tanh(scores):
    return definitions.normalize(1 + np.tanh(scores))


def _cases(name, definition, make, rule, *params, **options):
    return [Case(name, definition, make, rule, p, **options) for p in params]


CASES = [
    *_cases(
        "softmax",
        _softmax,
        al.Softmax,
        al.softmax,
        *({}, {"temperature": 0.5}, {"temperature": Each(0.5, 2)}),
    ),
    *_cases(
        "softmax1",
        definitions.softmax1,
        al.Softmax1,
        al.softmax1,
        *({}, {"offset": -1.5}, {"offset": 3}, {"offset": Each(-2, 2)}),
    ),
    *_cases(
        "scalable_softmax",
        definitions.scalable_softmax,
        al.ScalableSoftmax,
        al.scalable_softmax,
        *({}, {"scale": 0.43}, {"scale": -1}, {"scale": Each(-1, 1)}),
    ),
    *_cases("sparsemax", definitions.sparsemax, al.Sparsemax, al.sparsemax, {}),
    *_cases(
        "entmax",
        definitions.entmax,
        al.Entmax,
        al.entmax,
        *({}, {"alpha": 1}, {"alpha": 2}, {"alpha": 0.5}, {"alpha": 1.01}),
        *({"alpha": 1.3}, {"alpha": Each(0.5, 2)}),
    ),
    Case("entmax", definitions.entmax, al.Entmax, al.entmax, {"alpha": 4}, 3.0),
    *_cases(
        "softpick",
        definitions.softpick,
        al.Softpick,
        al.softpick,
        *({}, {"eps": 0}, {"eps": 0.5}),
    ),
    *_cases(
        "sigmoid",
        _sigmoid,
        al.Sigmoid,
        al.sigmoid,
        *({}, {"bias": -2.5}, {"bias": "-log n"}, {"bias": Each(-2, 2)}),
        normalises=False,
    ),
    *_cases(
        "relu",
        definitions.relu,
        al.ReLU,
        al.relu,
        *({}, {"power": 2}, {"power": 3, "mean": True}, {"mean": True}),
        {"power": 0.5},
        normalises=False,
    ),
    *_cases("normalize", _shares, None, al.normalize, {}, {"eps": 0.5}),
    *_cases(
        "normalized_sigmoid",
        _shared_sigmoid,
        al.NormalizedSigmoid,
        None,
        *({}, {"bias": 1.5}, {"bias": Each(-2, 2)}),
    ),
    *_cases(
        "normalized_relu",
        _shared_relu,
        al.NormalizedReLU,
        None,
        *({}, {"power": 2}, {"power": 2, "eps": 0.1}),
    ),
    *_cases("normalized_tanh", _shared_tanh, al.NormalizedTanh, None, {}),
    *_cases("hardmax", definitions.hardmax, al.Hardmax, al.hardmax, {}),
    *_cases(
        "top_k_softmax",
        definitions.top_k_softmax,
        al.TopK,
        al.top_k_softmax,
        *({"k": 1}, {"k": 3}),
    ),
]

# One of each, with its defaults.
ONE_OF_EACH = [
    case
    for i, case in enumerate(CASES)
    if case.name not in [before.name for before in CASES[:i]]
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
one_of_each = pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)


def shorter(params, n):
    """Give the parameters for a row of n keys: at most n of them are chosen."""
    return params | {"k": min(params["k"], n)} if "k" in params else params
