"""States of tensors go in and out of torch's transforms."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, make_dataclass
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

from attention_lib import (
    LinearState,
    PositiveRandomFeatures,
    _pytrees,
    linear_attention,
)

PROJECTION = torch.linspace(-1, 1, 15, dtype=torch.float64).reshape(5, 3)
every_map = pytest.mark.parametrize(
    "feature_map",
    ["elu_plus_one", PositiveRandomFeatures(PROJECTION)],
    ids=["elu_plus_one", "random"],
)


@pytest.fixture
def three(rng):
    return [torch.tensor(rng.normal(size=(4, 2, 6, 3))) for _ in range(3)]


def same(actual, expected):
    """Refuse two states, or outputs with states, that differ."""
    leaves = [pytree.tree_flatten(a) for a in (actual, expected)]
    assert leaves[0][1] == leaves[1][1]
    torch.testing.assert_close(leaves[0][0], leaves[1][0], rtol=1e-12, atol=1e-12)


def stacked(results):
    return pytree.tree_map(lambda *a: torch.stack(a), *results)


@every_map
@pytest.mark.parametrize("is_causal", [True, False])
def test_a_state_goes_through_vmap_as_through_a_loop(feature_map, is_causal, three):
    def start(*qkv):
        options = {"feature_map": feature_map, "return_state": True}
        return linear_attention(*qkv, is_causal, **options)

    def go_on(state, *qkv):
        options = {"feature_map": feature_map, "return_state": True}
        return linear_attention(*qkv, is_causal, state=state, **options)

    _, state = torch.func.vmap(start)(*three)
    rows = list(zip(*three, strict=True))
    states = [start(*row)[1] for row in rows]
    assert isinstance(state, LinearState)
    assert (state.max is None) == (feature_map == "elu_plus_one")
    same(state, stacked(states))
    actual = torch.func.vmap(go_on)(state, *three)
    same(actual, stacked([go_on(s, *r) for s, r in zip(states, rows, strict=True)]))


@every_map
def test_a_state_has_gradients(feature_map, three):
    query, key, value = (a[0] for a in three)
    _, state = linear_attention(
        query, key, value, feature_map=feature_map, return_state=True
    )

    def loss(state):
        options = {"feature_map": feature_map, "state": state}
        return linear_attention(query, key, value, **options).square().sum()

    slope = torch.func.grad(loss)(state)
    assert isinstance(slope, LinearState)
    products = state.products.clone().requires_grad_()
    loss(LinearState(products, state.total, state.max)).backward()
    torch.testing.assert_close(slope.products, products.grad)


@dataclass(frozen=True, eq=False)
class Kept:
    """A class with a field of each kind."""

    first: Any = None
    second: Any = None
    name: Any = None


def test_fields_that_are_none_or_static_survive():
    _pytrees.register(Kept, ("first", "second"), ("name",))
    rule = object()
    for given in (Kept(second=torch.ones(3), name=rule), Kept(name=rule), Kept()):
        doubled = pytree.tree_map(lambda x: 2 * x, given)
        assert doubled.first is None
        assert doubled.name is given.name
        assert (doubled.second is None) == (given.second is None)
    out = torch.func.vmap(lambda x: Kept(x, None, rule))(torch.ones(3))
    assert torch.equal(out.first, torch.ones(3))
    assert out.second is None
    assert out.name is rule


def test_another_thread_may_be_first(monkeypatch):
    cls = make_dataclass("Shared", ["x"])

    @contextmanager
    def waited_for():
        pytree.register_pytree_node(cls, lambda a: ([a.x], None), lambda x, _: cls(*x))
        yield

    monkeypatch.setattr(_pytrees, "LOCK", waited_for())
    _pytrees.register(cls, ("x",))
    assert pytree.tree_leaves(cls(1)) == [1]


def test_a_class_that_is_known_stays_as_it_is():
    cls = make_dataclass("Mine", ["x"])
    pytree.register_pytree_node(cls, lambda a: ([], a.x), lambda _, x: cls(x))
    _pytrees.register(cls, ("x",))
    assert pytree.tree_leaves(cls(1)) == []


def test_states_of_arrays_bring_no_torch():
    code = (
        "import sys, numpy, attention_lib\n"
        "ones = numpy.ones((2, 3))\n"
        "attention_lib.linear_attention(ones, ones, ones, return_state=True)\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
