"""Weightings as modules: what is learned, where it starts, and how it is kept."""

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from attention_lib import (
    Entmax,
    NormalizedSigmoid,
    NormalizedTanh,
    ReLU,
    ScalableSoftmax,
    Sigmoid,
    Softmax,
    Softmax1,
    Softpick,
    TopK,
    Weighting,
)
from attention_lib.nn import LearnedWeighting
from attention_lib.weightings import Pointwise

LEARNED = {
    "temperature": Softmax(0.7),
    "alpha": Entmax(1.3),
    "offset": Softmax1(-0.4),
    "scale": ScalableSoftmax(0.9),
    "bias": Sigmoid(0.2),
    "bias of shares": NormalizedSigmoid(0.2),
}
every_one = pytest.mark.parametrize(
    ("name", "weighting"), [(k.split()[0], w) for k, w in LEARNED.items()], ids=LEARNED
)
heads = pytest.mark.parametrize("num_heads", [None, 1, 3])


@dataclass(frozen=True, eq=False)
class Power(Pointwise):
    """A user's own weighting, ``|s|^power``."""

    power: Any = 2.0

    def phi(self, scores):
        return abs(scores) ** self.power

    def derivative(self, scores):
        return self.power * abs(scores) ** (self.power - 1) * scores.sign()


@every_one
@heads
def test_it_starts_as_the_weighting(name, weighting, num_heads, rng):
    module = LearnedWeighting(weighting, learned=(name,), num_heads=num_heads)
    (parameter,) = module.parameters()
    assert parameter.shape == (() if num_heads is None else (num_heads, 1, 1))
    now = getattr(module.weighting, name)
    torch.testing.assert_close(now, torch.full_like(now, getattr(weighting, name)))
    scores = torch.tensor(rng.normal(size=(2, 3, 5, 7)), dtype=torch.float32)
    torch.testing.assert_close(module(scores), weighting(scores))
    where = torch.tensor(rng.random((5, 7)) < 0.6)
    torch.testing.assert_close(
        module(scores.mT, axis=-2, where=where.mT).mT, weighting(scores, where=where)
    )


@every_one
@heads
def test_every_learned_parameter_gets_a_gradient(name, weighting, num_heads, rng):
    module = LearnedWeighting(weighting, learned=(name,), num_heads=num_heads).double()
    scores = torch.tensor(rng.normal(size=(3, 5, 7)))
    (stored,) = module.parameters()
    module(scores).square().sum().backward()
    step = 1e-6
    numeric = torch.zeros_like(stored)
    with torch.no_grad():
        for index in np.ndindex(*stored.shape):
            ends = []
            for move in (step, -2 * step):
                stored[index] += move
                ends.append(module(scores).square().sum())
            stored[index] += step
            numeric[index] = (ends[0] - ends[1]) / (2 * step)
    assert (numeric != 0).all()
    torch.testing.assert_close(stored.grad, numeric, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("start", [0.05, 1.0, 1.5, 2.0, 7.0])
@pytest.mark.parametrize(
    ("name", "rule"), [("alpha", Entmax), ("temperature", Softmax)]
)
def test_what_must_be_positive_stays_so_however_far_it_is_moved(name, rule, start):
    module = LearnedWeighting(rule(start), learned=(name,))
    assert getattr(module.weighting, name).item() == pytest.approx(start, rel=1e-6)
    (stored,) = module.parameters()
    for value in (-20.0, 20.0):
        with torch.no_grad():
            stored.fill_(value)
        assert getattr(module.weighting, name).item() == pytest.approx(np.exp(value))
        assert module(torch.tensor([0.0, 1.0])).isfinite().all()


@every_one
@heads
def test_saved_values_come_back(name, weighting, num_heads, tmp_path):
    module = LearnedWeighting(weighting, learned=(name,), num_heads=num_heads)
    with torch.no_grad():
        for stored in module.parameters():
            stored += torch.linspace(0.1, 0.3, stored.numel()).reshape(stored.shape)
    scores = torch.linspace(-1, 1, 2 * 3 * 5).reshape(2, 3, 1, 5)
    fresh = LearnedWeighting(weighting, learned=(name,), num_heads=num_heads)
    assert not torch.equal(fresh(scores), module(scores))
    torch.save(module.state_dict(), tmp_path / "state.pt")
    fresh.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    copied, pickled = copy.deepcopy(module), pickle.loads(pickle.dumps(module))
    for again in (fresh, copied, pickled):
        assert torch.equal(again(scores), module(scores))
    copied.reset_parameters()
    torch.testing.assert_close(copied(scores), weighting(scores))


def test_several_parameters_and_those_of_others_can_be_learned():
    module = LearnedWeighting(Power(), learned=("power",))
    module(torch.tensor([2.0, 3.0])).sum().backward()
    expected = 4 * np.log(2) + 9 * np.log(3)
    assert module.power.grad.item() == pytest.approx(expected, rel=1e-6)


def test_the_dtype_is_that_of_the_module():
    module = LearnedWeighting("entmax15", learned=("alpha",), num_heads=2)
    assert module.log_alpha.dtype == torch.float32
    scores = torch.randn(2, 3, 5)
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        module = module.to(dtype)
        assert module.log_alpha.dtype == dtype
        out = module(scores.to(dtype))
        assert out.dtype == dtype
        torch.testing.assert_close(out.float(), Entmax()(scores), rtol=0.05, atol=0.01)
    given = torch.tensor(0.3, dtype=torch.float64)
    module = LearnedWeighting(Softmax1(given), learned=("offset",))
    assert module.offset.dtype == torch.float64
    assert module.offset.data_ptr() != given.data_ptr()


def test_arrays_that_are_not_learned_move_with_the_module():
    offsets = torch.tensor([[[0.5]], [[-0.5]]], dtype=torch.float64)
    module = LearnedWeighting(Softmax1(offsets))
    assert not list(module.parameters())
    assert module.state_dict()["offset"].tolist() == offsets.tolist()
    assert module.float().weighting.offset.dtype == torch.float32
    assert module.to("meta").weighting.offset.device.type == "meta"
    module = LearnedWeighting(Softmax1(np.array([[[0.5]], [[-0.5]]])))
    torch.testing.assert_close(module.weighting.offset, offsets)
    scores = torch.zeros(2, 1, 3, dtype=torch.float64)
    torch.testing.assert_close(module(scores), Softmax1(offsets)(scores))


@pytest.mark.parametrize(
    ("weighting", "learned", "error", "message"),
    [
        (
            "softmax",
            ("alpha",),
            ValueError,
            "Softmax has no parameter 'alpha' to learn: it has temperature",
        ),
        (
            NormalizedTanh(),
            ("x",),
            ValueError,
            "NormalizedTanh has no parameter 'x' to learn: it has none",
        ),
        (Weighting(), ("x",), ValueError, "Weighting has no parameter 'x'"),
        (
            "relu",
            ("power",),
            TypeError,
            "ReLU's power cannot be learned: it must stay one number",
        ),
        (
            ReLU(mean=True),
            ("mean",),
            TypeError,
            "ReLU's mean is True: there is no number to start at",
        ),
        (TopK(2), ("k",), TypeError, "TopK's k cannot be learned"),
        (Softpick(), ("eps",), TypeError, "Softpick's eps cannot be learned"),
        (
            Sigmoid("-log n"),
            ("bias",),
            TypeError,
            "Sigmoid's bias is '-log n': there is no number",
        ),
        (
            Softmax1(-np.inf),
            ("offset",),
            ValueError,
            "Softmax1's offset must start at a finite number",
        ),
        (
            "softmax1",
            "offset",
            TypeError,
            "learned must be a tuple of names; got the string 'offset'",
        ),
        ("softmax1", ("offset",) * 2, ValueError, "learned names a parameter twice"),
        ("sofmax", (), ValueError, "unknown weighting 'sofmax'; known are"),
    ],
)
def test_what_cannot_be_learned_is_named(weighting, learned, error, message):
    with pytest.raises(error, match=message):
        LearnedWeighting(weighting, learned=learned)


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="num_heads must be at least 1; got 0"):
        LearnedWeighting("softmax1", learned=("offset",), num_heads=0)
    offsets = Softmax1(torch.zeros(3, 1, 1))
    message = (
        r"offset of shape \(3, 1, 1\) does not broadcast to the heads, \(2, 1, 1\)"
    )
    with pytest.raises(ValueError, match=message):
        LearnedWeighting(offsets, learned=("offset",), num_heads=2)


def test_it_says_what_it_is():
    module = LearnedWeighting("entmax15", learned=("alpha",), num_heads=2)
    expected = "Entmax(alpha=1.5), learned=('alpha',), num_heads=2"
    assert repr(module) == f"LearnedWeighting({expected})"
    module = LearnedWeighting(Softmax1(torch.zeros(2, 1, 1)))
    assert repr(module) == "LearnedWeighting(Softmax1(offset=<(2, 1, 1)>))"
