"""What every weighting refuses, and what it says of it."""

import re

import numpy as np
import pytest
import torch

import attention_lib as al
from tests.weightings.every import one_of_each

INF, NAN = np.inf, np.nan


@one_of_each
def test_what_is_no_array_of_real_numbers_is_refused(engine, case):
    with pytest.raises(ValueError, match="x needs an axis of keys; got a single numb"):
        case.weigh(engine.array(1.0), **case.params)
    for bad in ([True, False], [1j, 2.0]):
        with pytest.raises(TypeError, match="x must hold real numbers; got dtype"):
            case.weigh(engine.array(bad), **case.params)
    with pytest.raises(ValueError, match="axis 2 is out of range for x with 2 axes"):
        case.weigh(engine.array(np.ones((3, 3))), 2, **case.params)


@one_of_each
def test_a_mixture_of_libraries_is_refused(case):
    with pytest.raises(TypeError, match="x is a torch Tensor, where is a NumPy array"):
        case.weigh(torch.zeros(3), where=np.ones(3, bool), **case.params)
    with pytest.raises(TypeError, match="x is a NumPy array, where is a torch Tensor"):
        case.weigh(np.zeros(3), where=torch.ones(3, dtype=torch.bool), **case.params)


ARRAYS = [
    (al.Softmax, "temperature"),
    (al.Softmax1, "offset"),
    (al.ScalableSoftmax, "scale"),
    (al.Entmax, "alpha"),
    (al.Sigmoid, "bias"),
    (al.NormalizedSigmoid, "bias"),
]


@pytest.mark.parametrize(("make", "name"), ARRAYS)
def test_an_array_has_size_one_along_the_axis(engine, make, name):
    scores = np.zeros((3, 5))
    wrong = make(**{name: engine.array(np.ones(5))})
    with pytest.raises(ValueError, match=rf"{name} of shape \(5,\) does not broadcast"):
        wrong(engine.array(scores))
    other = torch.ones(3, 1) if engine.device is None else np.ones((3, 1))
    with pytest.raises(TypeError, match=f"{name} is a "):
        make(**{name: other})(engine.array(scores))
    fine = make(**{name: engine.array(np.ones((3, 1)))})(
        engine.array(scores, "float32")
    )
    assert str(fine.dtype).removeprefix("torch.") == "float32"


@pytest.mark.parametrize("bad", [0, -1.0, NAN, INF])
def test_an_alpha_must_be_positive_and_finite(engine, bad):
    for alpha in (bad, engine.array([[1.0], [bad], [2.0]])):
        for call in (al.Entmax, lambda a: al.entmax(engine.array(np.ones(3)), a)):
            with pytest.raises(ValueError, match="alpha must be positive and finite"):
                call(alpha)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: al.Entmax("2"), TypeError, "alpha must"),
        (lambda: al.TopK(0), ValueError, "k must be at least 1; got 0"),
        (lambda: al.TopK(-2), ValueError, "k must be at least 1; got -2"),
        (lambda: al.TopK(1.5), TypeError, "k must be a whole number; got 1.5"),
        (lambda: al.TopK(4)(np.ones(3)), ValueError, "k must be at most the 3 keys"),
        (lambda: al.Softpick(-1), ValueError, "eps must not be negative; got -1"),
        (lambda: al.Softpick(NAN), ValueError, "eps must be finite; got nan"),
        (lambda: al.normalize([1.0], eps=-1), ValueError, "eps must not be negative"),
        (lambda: al.NormalizedReLU(eps=-1), ValueError, "eps must not be negative"),
        (lambda: al.NormalizedReLU(0), ValueError, "power must be positive and fin"),
        (lambda: al.ReLU(power=-1), ValueError, "power must be positive and finite"),
        (lambda: al.ReLU(power=True), TypeError, "power must be a number; got a bool"),
        (lambda: al.Sigmoid("log n"), ValueError, "bias must be a number or '-log n'"),
        (lambda: al.Sigmoid(NAN), ValueError, "bias must be a number; got nan"),
        (lambda: al.NormalizedSigmoid(NAN), ValueError, "bias must be a number; got"),
        (lambda: al.Softmax1(NAN), ValueError, "offset must be a number; got nan"),
        (lambda: al.ScalableSoftmax(NAN), ValueError, "scale must be a number; got"),
        (lambda: al.Softmax(0), ValueError, "temperature must be positive and fin"),
        (lambda: al.get_weighting(3), TypeError, "must be a name or a Weighting obj"),
        (lambda: al.get_weighting(al.Softmax), TypeError, "got Softmax"),
    ],
)
def test_a_bad_parameter_is_named(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()
