"""The fold by kernels: a block's state is the eager one, and merges into all."""

from itertools import pairwise

import pytest
import torch

from attention_lib import State, finalize, merge, partial_attention
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend import attention
from attention_lib.weightings import get_weighting
from tests.in_turn import in_turn
from tests.kernels.streaming_cases import (
    mask_of,
    one_of_each,
    same,
    three,
    weighting_of,
)

SOFTMAX1 = get_weighting("softmax1")
FIELDS = ("out", "max", "total", "seen")


def fold(given, weighting, cuts=(9,), mask=None, **options):
    """Fold blocks of keys, the last first."""
    query, key, value = given
    edges = [0, *cuts, key.shape[-2]]
    n_keys = key.shape[-2] if weighting.uses_n else None
    whole = State.identity()
    for start, stop in reversed(list(pairwise(edges))):
        some = slice(start, stop)
        cut = mask if mask is None or mask.shape[-1] == 1 else mask[..., some]
        part = partial_attention(
            query, key[..., some, :], value[..., some, :], cut, key_offset=start,
            weighting=weighting, n_keys=n_keys, **options,
        )  # fmt: skip
        whole = merge(whole, part)
    return whole


@one_of_each
@in_turn("kind", ["no mask", "additive", "causal"])
def test_a_state_is_that_of_the_matrix(case, kind, rng):
    weighting, _ = weighting_of(case, rng)
    if weighting.uses_n:
        return
    options = mask_of(kind, rng)
    mask, given = options.pop("attn_mask", None), three(rng)
    wide = [a.detach().double() for a in given]
    ours = partial_attention(
        *given, mask, weighting=weighting, query_offset=2, **options
    )
    mask = None if mask is None else mask.double()
    theirs = partial_attention(
        *wide, mask, weighting=weighting, query_offset=2, **options
    )
    for name in FIELDS:
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.shape == other.shape
            torch.testing.assert_close(
                one.double(), other.double(), rtol=5e-6, atol=5e-6
            )


@one_of_each
def test_merged_states_are_attention_and_carry_its_gradients(case, rng):
    weighting, _ = weighting_of(case, rng)
    given = three(rng)
    out = finalize(fold(given, weighting))
    wide = [a.detach().double().requires_grad_() for a in given]
    expected = attend(*wide, weighting=weighting, method="dense")
    results = []
    for leaves, made in ((given, out), (wide, expected)):
        pull = torch.linspace(-1, 1, made.numel()).reshape(made.shape).to(made)
        results.append((made, *torch.autograd.grad(made, leaves, pull)))
    same(*results, 5e-6)


@pytest.mark.parametrize("name", ["softmax", "normalized_sigmoid", "softpick"])
def test_second_derivatives_of_a_state(name, rng):
    given, results = three(rng, length=3, n_keys=5), []
    for dtype in (torch.float32, torch.float64):
        leaves = [a.detach().to(dtype).requires_grad_() for a in given]
        out = finalize(fold(leaves, get_weighting(name), (2,)))
        first = torch.autograd.grad(out.square().sum(), leaves, create_graph=True)
        total = sum(a.square().sum() for a in first)
        results.append((*first, *torch.autograd.grad(total, leaves)))
    same(*results, 1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_the_states_of_halves_are_in_float32(dtype, rng):
    given = three(rng, dtype=dtype)
    state = fold(given, SOFTMAX1, is_causal=True, scale=0.3)
    assert state.out.dtype == state.total.dtype == torch.float32
    out = finalize(state)
    assert out.dtype == dtype
    wide = [a.detach().double().requires_grad_() for a in given]
    expected = attend(*wide, is_causal=True, scale=0.3, weighting=SOFTMAX1)
    slopes = torch.autograd.grad(out.float().square().sum(), given)
    exact = torch.autograd.grad(expected.square().sum(), wide)
    error = 5e-6 if dtype == torch.float32 else 5e-3
    same([out, *slopes], [expected, *exact], error)


def test_the_fold_asks_the_kernel(rng, monkeypatch):
    asked, right = [], attention.part
    monkeypatch.setattr(
        attention, "part", lambda *given: asked.append(right(*given)) or asked[-1]
    )
    fold(three(rng), SOFTMAX1, is_causal=True)
    assert len(asked) == 2
    assert all(part is not None for part in asked)
    fold([a.double() for a in three(rng)], SOFTMAX1)
    assert asked[2:] == [None, None]
