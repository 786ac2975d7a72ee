"""The library's table of edges, for rows by the kernel: its own tests, in float32."""

import inspect
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib.torch_backend.kernels import row_operators
from tests.engines import Engine
from tests.kernels.test_rows import TAKEN, by_kernel, gradients, mask
from tests.weightings import test_every_edge as edges

INF, NAN = np.inf, np.nan
# Of sparse rows each alpha, by which the kernel is chosen; of others the defaults.
NORMALISING = [
    c
    for c in TAKEN
    if c.normalises and c.numbers and (not c.params or "alpha" in c.params)
]
POINTWISE = [c for c in TAKEN if not c.normalises and c.numbers]
ONE_OF_EACH = [c for c in TAKEN if c.params == {}]
LAWS = [
    (edges.test_nan_or_infinity_spoils_its_row_and_no_other, NORMALISING,
     {"poison": [NAN, INF], "n_keys": [61]}),
    (edges.test_nan_spoils_one_entry_of_a_pointwise_kind, POINTWISE, {}),
    (edges.test_pointwise_kinds_have_limits, POINTWISE, {}),
    (edges.test_a_row_of_minus_infinity_is_nan, NORMALISING, {"masked": [False, True]}),
    (edges.test_one_minus_infinity_weighs_nothing, ONE_OF_EACH, {}),
    (edges.test_a_fully_masked_row_is_zero, ONE_OF_EACH,
     {"dtype": ["float32", "float16"], "n_keys": [5]}),
    (edges.test_huge_scores_do_not_overflow, ONE_OF_EACH, {"dtype": ["float32"]}),
    (edges.test_equal_scores_get_equal_weights, ONE_OF_EACH, {"level": [0.0, 7.0]}),
]  # fmt: skip
NO_CASE = [
    edges.test_an_offset_of_minus_infinity_gives_softmax,
    edges.test_a_pointwise_count_is_of_those_that_take_part,
    edges.test_a_product_beyond_the_dtype_is_taken_relative_to_the_largest,
]


@dataclass(frozen=True)
class Single(Engine):
    """Torch, to which numbers go in float32 unless another dtype is asked for."""

    def array(self, x, dtype=None):
        x = np.asarray(x)
        plain = "float32" if x.dtype.kind == "f" else None
        return super().array(x, dtype or plain)


SINGLE = Single("torch", "cpu")
__all__ = ["by_kernel"]


@pytest.mark.parametrize(
    ("law", "case"), [(law, case) for law, cases, _ in LAWS for case in cases],
    ids=lambda a: a.__name__.removeprefix("test_") if inspect.isfunction(a) else str(a),
)  # fmt: skip
def test_the_law_of_an_edge_holds(law, case, rng, by_kernel):
    (options,) = [more for other, _, more in LAWS if other is law]
    test = inspect.unwrap(law)
    given = {"engine": SINGLE, "case": case, "rng": rng}
    asked = inspect.signature(test).parameters
    for values in product(*options.values()):
        now = given | dict(zip(options, values, strict=True))
        test(**{name: now[name] for name in asked})
    assert all(by_kernel)


@pytest.mark.parametrize("law", NO_CASE)
def test_so_does_that_of_a_parameter(law, rng, by_kernel, monkeypatch):
    given = {"engine": SINGLE, "rng": rng}
    monkeypatch.setattr(np.testing, "assert_allclose", _close)
    law(**{name: given[name] for name in inspect.signature(law).parameters})
    assert all(by_kernel)


def _close(actual, expected, rtol, right=np.testing.assert_allclose):
    right(actual, expected, max(rtol, 1e-6))


@pytest.mark.parametrize("n", [1, 5])
def test_rows_of_one_key_and_no_rows(n, by_kernel):
    one = torch.tensor([[0.5] * n])
    for case in ONE_OF_EACH:
        assert case.weigh(one[:0]).shape == (0, n)
        expected = case.weigh(one.double())
        torch.testing.assert_close(case.weigh(one).double(), expected)


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("long", [False, True])
def test_what_takes_no_part_gets_and_gives_no_gradient(case, long, rng, monkeypatch):
    if long:
        monkeypatch.setattr(row_operators, "IN_REGISTERS", 8)
        monkeypatch.setattr(row_operators, "TILE", 16)
    shape = (2, 21)
    where = torch.tensor(mask(rng, shape))
    pull = torch.tensor(rng.normal(size=shape), dtype=torch.float32)
    scores = torch.tensor(rng.normal(size=shape), dtype=torch.float32)
    clean = gradients(case, scores, where, case.params, pull.where(where, 0))
    assert (clean[1][~where] == 0).all()
    assert (clean[1][1] == 0).all()
    for poison in (NAN, INF, -INF):
        spoilt = [a.masked_fill(~where, poison) for a in (scores, pull)]
        scores_, pull_ = spoilt
        x = scores_.clone().requires_grad_()
        weights = case.weigh(x, where=where)
        (slope,) = torch.autograd.grad(weights, x, pull_)
        torch.testing.assert_close([weights, slope], clean, rtol=0, atol=0)


def test_equal_scores_at_the_bounds_of_a_dtype(by_kernel):
    lowest = torch.finfo(torch.float32).min
    scores = torch.tensor([[lowest] * 3, [-lowest] * 3])
    for weigh in (al.softmax, al.sparsemax, al.entmax):
        torch.testing.assert_close(weigh(scores), torch.full((2, 3), 1 / 3))
    assert all(by_kernel)
