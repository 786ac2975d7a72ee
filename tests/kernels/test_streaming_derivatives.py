"""Gradients of streaming attention in its parameters, and second derivatives."""

import pytest
import torch

from attention_lib import scaled_dot_product_attention as attend
from attention_lib.weightings import (
    NormalizedSigmoid,
    ScalableSoftmax,
    Sigmoid,
    Softmax,
    Softmax1,
)
from tests.kernels.streaming_cases import (
    LENGTH,
    both,
    in_double,
    mask_of,
    one_of_each,
    same,
    three,
    weighting_of,
)

LEARNED = {
    "temperature": Softmax,
    "scale": ScalableSoftmax,
    "offset": Softmax1,
    "bias": Sigmoid,
    "normalised bias": NormalizedSigmoid,
}


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("rows", [(2, 1, 1), (LENGTH, 1)])
def test_a_parameter_of_each_head_or_query_has_its_gradient(name, rows, rng):
    learned = torch.tensor(rng.uniform(0.5, 1.5, rows)).float().requires_grad_()
    mask = mask_of("causal and bool", rng)
    both(three(rng, heads=2), LEARNED[name](learned), [learned], error=4e-6, **mask)


def test_a_parameter_learns_where_nothing_else_does(rng):
    learned = torch.tensor(0.4, requires_grad=True)
    given = [a.detach() for a in three(rng)]
    slopes = []
    for method, dtype in (("triton", torch.float32), ("dense", torch.float64)):
        own = learned.detach().to(dtype).requires_grad_()
        out = attend(
            *(a.to(dtype) for a in given), weighting=Softmax1(own), method=method
        )
        slopes += torch.autograd.grad(out.square().sum(), own)
    same(slopes[:1], slopes[1:])


@one_of_each
def test_second_derivatives_are_those_of_one_matrix(case, rng):
    given = three(rng, length=5, n_keys=7)
    weighting, learned = weighting_of(case, rng)
    results = []
    for method in ("triton", "dense"):
        leaves, own = given, (weighting, learned)
        if method == "dense":
            leaves = [a.detach().double().requires_grad_() for a in given]
            own = in_double(weighting, learned)
        out = attend(*leaves, weighting=own[0], is_causal=True, method=method)
        wanted = [*leaves, *own[1]]
        first = torch.autograd.grad(
            out.square().sum(), wanted, create_graph=True, allow_unused=True
        )
        second = torch.autograd.grad(
            sum(a.square().sum() for a in first if a is not None), wanted,
            materialize_grads=True, allow_unused=True,
        )  # fmt: skip
        results.append((*first, *second))
    same(*results, 1e-5)


@pytest.mark.parametrize("kind", ["additive", "bool"])
def test_the_second_way_back_knows_masks_and_softcap(kind, rng):
    given = three(rng, heads=2, kv_heads=1, length=5, n_keys=7)
    options = mask_of(kind, rng, 5, 7) | {"softcap": 2.0, "enable_gqa": True}
    offset = torch.tensor([[[0.3]], [[-0.5]]], requires_grad=True)
    results = []
    for method, dtype in (("triton", torch.float32), ("dense", torch.float64)):
        leaves = [a.detach().to(dtype).requires_grad_() for a in (*given, offset)]
        mask = options["attn_mask"]
        mask = mask.to(dtype) if mask.is_floating_point() else mask
        out = attend(*leaves[:3], **options | {"attn_mask": mask}, method=method,
                     weighting=Softmax1(leaves[3]))  # fmt: skip
        first = torch.autograd.grad(out.square().sum(), leaves, create_graph=True)
        total = sum(a.square().sum() for a in first)
        results.append((*first, *torch.autograd.grad(total, leaves)))
    same(*results, 1e-5)


def test_a_softcap_is_differentiated(rng):
    for cap in (0.5, 20.0):
        both(three(rng), "normalized_sigmoid", softcap=cap, is_causal=True)


def test_autocast_recasts_nothing(rng):
    given = [20 * a.detach() for a in three(rng)]
    outside = attend(*given, weighting="softpick", method="triton")
    with torch.autocast("cpu", torch.bfloat16):
        inside = attend(*given, weighting="softpick", method="triton")
    torch.testing.assert_close(inside, outside, rtol=0, atol=0)


def test_two_runs_are_one_to_the_bit(rng):
    given = three(rng, heads=4, kv_heads=2, length=5)
    runs = []
    for _ in range(2):
        out = attend(*given, enable_gqa=True, method="triton")
        runs.append((out, *torch.autograd.grad(out.square().sum(), given)))
    for one, other in zip(*runs, strict=True):
        assert torch.equal(one, other)
