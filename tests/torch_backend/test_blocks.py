"""Blocks give what one matrix gives, gradients too, in memory that grows with n."""

import pytest
import torch

import attention_lib as al
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend import blocks
from attention_lib.torch_backend import general as in_torch
from tests.derivatives import gradcheck
from tests.in_rotation import in_rotation
from tests.in_turn import in_turn
from tests.weightings.every import FEWER, shorter

OBJECTS = [case for case in FEWER if case.make is not None]
SMOOTH = [case for case in OBJECTS if case.name != "hardmax"]
every_case = pytest.mark.parametrize("case", OBJECTS, ids=str)
every_smooth = pytest.mark.parametrize("case", SMOOTH, ids=str)
KINDS = ["no mask", "bool", "one row", "padding", "additive", "causal", "causal, bool"]
# batch, query heads, key heads, queries, keys, features of keys and of values
SIZES = PLAIN, SHARED, LONG, ONE, SHORT = (
    ((2, 3), (2, 3), 7, 11, 5, 3),
    ((2, 6), (2, 3), 11, 7, 5, 5),
    ((1, 2), (1, 2), 13, 5, 3, 3),
    ((3,), (1,), 1, 1, 2, 2),
    ((2,), (2,), 3, 5, 2, 2),
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)
    monkeypatch.setattr(in_torch, "BLOCK_SCORES", 2 * 3 * 11)
    monkeypatch.setattr(blocks, "FEWEST", 2)
    monkeypatch.setattr(blocks, "MOST", 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


def arrays(sizes, rng, device, dtype=torch.float64):
    heads, kv_heads, length, n_keys, d_key, d_value = sizes
    shapes = (*heads, length, d_key), (*kv_heads, n_keys, d_key)
    shapes = (*shapes, (*kv_heads, n_keys, d_value))
    return [
        torch.tensor(rng.normal(size=s), dtype=dtype, device=device).requires_grad_()
        for s in shapes
    ]


def mask_of(kind, length, n_keys, rng, like):
    """Give the options of a mask, in which the third query sees no key."""
    where = torch.tensor(rng.random((length, n_keys)) < 0.6, device=like.device)
    if length > 2:
        where[2] = False
    bias = torch.tensor(rng.normal(size=(length, n_keys))).to(like)
    return {
        "no mask": {},
        "bool": {"attn_mask": where},
        "one row": {"attn_mask": where[0]},
        "padding": {"attn_mask": where[-1][(None,) * (like.ndim - 1)]},
        "additive": {"attn_mask": bias.masked_fill(~where, -torch.inf)},
        "causal": {"is_causal": True},
        "causal, bool": {"attn_mask": where, "is_causal": True},
    }[kind]


def both(given, options, params, close=1e-10):
    """Compare outputs and gradients, also those of the parameters, with dense's."""
    learned = [p for p in params if isinstance(p, torch.Tensor) and p.requires_grad]
    results = []
    for method in ("streaming", "dense"):
        out = attend(*given, **options, method=method)
        pull = torch.linspace(-1, 1, out.numel()).to(out).reshape(out.shape)
        slopes = torch.autograd.grad(
            out, [*given, *learned], pull, materialize_grads=True, allow_unused=True
        )
        results.append((out, *slopes))
    torch.testing.assert_close(*results, rtol=close, atol=close)


@in_rotation("case", SMOOTH, {"sizes": SIZES, "kind": KINDS})
def test_outputs_and_gradients_are_those_of_one_matrix(case, kind, sizes, rng, device):
    given = arrays(sizes, rng, device)
    length, n_keys = sizes[2:4]
    options = mask_of(kind, length, n_keys, rng, given[0])
    rows = (sizes[0][-1], 1, 1)
    params = case.drawn(
        rng, rows, lambda a: torch.tensor(a, device=device, requires_grad=True)
    )
    params = shorter(params, n_keys)
    options["enable_gqa"] = sizes[0][-1] != sizes[1][-1]
    options["weighting"] = case.make(**params)
    both(given, options, params.values())


@every_case
@in_turn("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_each_dtype_is_as_exact_as_it_is_wide(case, dtype, rng, device):
    given = arrays(PLAIN, rng, device, dtype)
    params = case.drawn(rng, (3, 1, 1), lambda a: torch.tensor(a, device=device))
    options = {"weighting": case.make(**params), "is_causal": True}
    exact = [a.detach().double() for a in given]
    wide = {k: v.double() if hasattr(v, "double") else v for k, v in params.items()}
    expected = attend(
        *exact, is_causal=True, weighting=case.make(**wide), method="dense"
    )
    for method in ("streaming", "auto"):
        out = attend(*given, **options, method=method)
        assert out.dtype == dtype
        eps = torch.finfo(dtype).eps
        wild = case.power != 1  # where a weight near zero is ill-conditioned
        bound = (1e-2 if wild else 20 * eps) * max(1, expected.abs().max().item())
        assert (out.double() - expected).abs().max() <= bound


@every_smooth
def test_derivatives_are_differences(case, rng, device):
    given = arrays(SHORT, rng, device)
    params = case.drawn(
        rng, (2, 1, 1), lambda a: torch.tensor(a, device=device, requires_grad=True)
    )
    names = [name for name, a in params.items() if isinstance(a, torch.Tensor)]

    def call(query, key, value, *learned):
        weighting = case.make(**params | dict(zip(names, learned, strict=True)))
        return attend(query, key, value, weighting=weighting, is_causal=True)

    learned = [params[name] for name in names]
    assert gradcheck(call, [*given, *learned])


@pytest.mark.quick
@pytest.mark.parametrize("name", ["sparsemax", "softpick", "relu", "normalized_relu"])
def test_scores_of_exactly_zero_are_where_the_kinks_are(name, device):
    query = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64, device=device)
    key = torch.tensor([[[0.0, 3.0], [1.0, 0.0], [-1.0, 0.0]]]).to(query)
    given = [a.requires_grad_() for a in (query, key, key.clone())]
    both(given, {"weighting": name, "scale": 1.0}, ())


@pytest.mark.parametrize("weighting", [al.Softmax1(), al.Softpick(), al.Entmax()])
def test_what_is_kept_for_the_way_back_grows_with_the_length(weighting, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)
    n, saved = 512, []
    given = [torch.randn(2, n, 4, requires_grad=True) for _ in range(3)]
    mask = torch.ones(n, dtype=torch.bool)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: saved.append(t.numel()) or t, lambda t: t
    ):
        attend(*given, mask, weighting=weighting).sum().backward()
    assert max(saved) <= 2 * n * 4


@pytest.mark.parametrize("weighting", ["sigmoid", "softmax1"])
def test_second_derivatives_are_refused_not_left_out(weighting, rng, device):
    query, key, value = arrays(SHORT, rng, device)
    out = attend(query, key, value, weighting=weighting)
    (slope,) = torch.autograd.grad(out.sum(), query, create_graph=True)
    with pytest.raises(RuntimeError, match="need method='dense'"):
        (slope.sum() + query.square().sum()).backward()


@pytest.mark.parametrize("weighting", ["softmax1", "entmax15", "normalized_sigmoid"])
def test_autocast_does_not_reach_into_the_blocks(weighting, rng, device):
    given = arrays(PLAIN, rng, device, torch.float32)
    expected = attend(*given, weighting=weighting)
    with torch.autocast(device, dtype=torch.bfloat16):
        out = attend(*given, weighting=weighting)
        (slope,) = torch.autograd.grad(out.sum(), given[1])
    torch.testing.assert_close(out, expected)
    (expected,) = torch.autograd.grad(expected.sum(), given[1])
    torch.testing.assert_close(slope, expected)


@pytest.mark.parametrize("offset", [-torch.inf, torch.inf, 800.0, -800.0])
def test_far_sinks_leave_finite_gradients(offset, rng, device):
    given = arrays(SHORT, rng, device)
    offset = torch.full((2, 1, 1), offset, dtype=torch.float64, device=device)
    offset.requires_grad_()
    out = attend(*given, weighting=al.Softmax1(offset))
    slopes = torch.autograd.grad(out.sum(), [*given, offset])
    assert all(slope.isfinite().all() for slope in slopes)
    expected = attend(*given) if offset[0] < 0 else 0 * out
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize(
    "weighting", ["sparsemax", "entmax15", al.Entmax(1.2)], ids=str
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_threshold_is_found_wherever_the_scores_lie(weighting, dtype, rng, device):
    given = [a.detach() for a in arrays(PLAIN, rng, device)]
    query, key, value = (a.to(dtype) for a in given)
    query, key = (a.mul(4).round() for a in (query, key))  # whole numbers, as scores
    eps, lowest = torch.finfo(dtype).eps, torch.finfo(dtype).min
    options = {"weighting": weighting, "scale": 0.25}
    some = torch.tensor(rng.random((7, 11)) < 0.5, device=device)
    few = some.to(dtype).masked_fill(some, lowest)  # a mask that is added
    few[2] = 0
    for added in (0.0, 2.0**10, -(2.0**20), few):
        bias = added + torch.zeros(7, 11).to(value)
        out = attend(query, key, value, bias, **options)
        bias = bias if added is few else 0 * bias
        exact = (a.double() for a in (query, key, value, bias))
        expected = attend(*exact, **options, method="dense")
        size = 1 if added is few else max(1, abs(added))
        close = min(64 * size * eps, 2.0**-12)
        torch.testing.assert_close(out.double(), expected, rtol=close, atol=close)
    for added in (-1e9, lowest):  # few digits of the scores are left, or none
        bias = torch.full((7, 11), added, dtype=dtype, device=device)
        out, expected = (
            attend(query, key, value, bias, **options, method=method)
            for method in ("streaming", "dense")
        )
        torch.testing.assert_close(out, expected)
