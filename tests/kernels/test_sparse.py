"""Attention with sparsemax and entmax by kernels, against the definition."""

import numpy as np
import pytest
import torch

from attention_lib import Entmax, Sparsemax, definitions
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import row_rules as rules
from attention_lib.torch_backend.kernels import sparse_operators as operators
from tests.in_turn import in_turn
from tests.kernels.sparse_cases import (
    LENGTH,
    WEIGHTINGS,
    agree,
    alphas,
    by_kernel,
    mask_of,
    output,
    three,
)
from tests.oracle import attention_by_rows

FAMILIES = {"sparsemax": rules.SPARSEMAX.value}
MASKS = ["no mask", "causal", "bool", "additive", "causal and bool", "window"]


@in_turn("name", list(WEIGHTINGS))
def test_the_output_is_that_of_the_definition(name, rng):
    given = three(rng, heads=1)
    out = output(given, WEIGHTINGS[name], is_causal=True)
    alpha = WEIGHTINGS[name].alpha

    def formula(scores):
        return definitions.entmax(scores, alpha)

    arrays = [a.detach().double().numpy() for a in given]
    expected = attention_by_rows(*arrays, is_causal=True, formula=formula)
    np.testing.assert_allclose(out.detach().numpy(), expected, 2e-6, 2e-6)


@in_turn("kind", MASKS)
def test_output_and_gradients_under_every_mask(kind, rng):
    agree(three(rng, heads=1), WEIGHTINGS["squares"], **mask_of(kind, rng))


@in_turn(("name", "kind"), [("sparsemax", "causal"), ("near one", "window")])
def test_several_tiles_of_queries_and_of_keys(name, kind, rng):
    given = three(rng, heads=1, length=37, n_keys=41)
    agree(given, WEIGHTINGS[name], **mask_of(kind, rng, 37, 41))


@in_turn("kind", ["causal and additive"])
def test_an_alpha_for_each_head_and_its_gradient(kind, rng):
    alpha = alphas(1.0005, 1.7)
    given = three(rng, heads=2, kv_heads=1)
    agree(given, Entmax(alpha), [alpha], 4e-6, enable_gqa=True, **mask_of(kind, rng))


def test_an_alpha_for_each_query_and_its_gradient(rng):
    alpha = torch.linspace(1.05, 2, LENGTH).view(LENGTH, 1).requires_grad_()
    agree(three(rng, heads=1), Entmax(alpha), [alpha], 4e-6)


@in_turn("name", ["sparsemax", "squares"])
def test_sharp_and_flat_rows(name, rng):
    # Few keys with weight, by scores that are rounded where they are large, and all.
    for scale, error in (8.0, 3e-5), (0.01, 2e-6):
        agree(three(rng, heads=1), WEIGHTINGS[name], error=error, scale=scale)


def test_blocks_without_support_are_skipped_forward_and_backward(rng):
    query, key, value = three(rng, heads=1, length=32, n_keys=64)
    with torch.no_grad():
        query[:], key[:] = 0, 0
        query[:, :16, 0], query[:, 16:, 1] = 8, 8
        key[:, 20, 0], key[:, 50, 1] = 8, 8
    options = (None, None, None, 1.0, FAMILIES["sparsemax"], 1, False, 1.0, None)
    arrays = [a.detach()[None] for a in (query, key, value)]
    *_, marks = operators.attend(*arrays, *options)
    assert marks[0, 0].tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    # What is not listed is not read: its keys may be anything by now.
    out, top, edge, marks = operators.attend(*arrays, *options)
    spoiled = [a.clone() for a in arrays]
    spoiled[1][:, :, :16], spoiled[2][:, :, :16] = torch.nan, torch.nan
    saved = (*spoiled, None, None, None, top, edge, marks, *options[3:], False)
    in_query, in_key, in_value, _ = operators.attend_backward(
        torch.ones_like(out), *saved
    )
    assert in_query.isfinite().all()
    assert (in_key[:, :, :16] == 0).all()
    assert in_value[0, 0, [20, 50]].tolist() == [[16.0] * 3] * 2


def test_what_is_kept_grows_with_the_length(rng):
    sizes = []
    for n in (64, 256):
        arrays = [torch.zeros(1, 1, n, 16) for _ in range(3)]
        *_, top, edge, marks = operators._outputs(*arrays)
        sizes.append(sum(a.numel() * a.element_size() for a in (top, edge, marks)))
        assert marks.numel() == (n // 16) ** 2  # a byte for each tile of scores
    assert sizes[1] <= 4 * sizes[0] + 16**2


@pytest.mark.parametrize("dtype", [torch.float16])
@in_turn("name", ["sparsemax", "one alpha"])
def test_errors_in_sixteen_bits_are_those_of_one_matrix(dtype, name, rng):
    given = three(rng, heads=1, dtype=dtype)
    weighting = WEIGHTINGS[name]
    made = by_kernel(given, weighting, is_causal=True)
    pull = torch.linspace(-1, 1, made[0].numel()).reshape(made[0].shape)
    wide = [a.detach().double().requires_grad_() for a in given]
    out = attend(*wide, weighting=weighting, is_causal=True, method="dense")
    exact = out, *torch.autograd.grad(out, wide, pull.to(dtype).double())
    halves = [a.detach().clone().requires_grad_() for a in given]
    query, key, value = halves
    scores = (query @ key.mT / query.shape[-1] ** 0.5).float()
    scores = scores.masked_fill(
        ~torch.ones(scores.shape[-2:]).tril().bool(), -torch.inf
    )
    plain = weighting(scores).to(dtype) @ value
    peer = plain, *torch.autograd.grad(plain, halves, pull.to(dtype))
    for factor, ours, theirs, true in zip((2, 3, 3, 3), made, peer, exact, strict=True):
        allowed = factor * (theirs - true).abs().amax()
        assert (ours - true).abs().amax() <= allowed
        assert ours.dtype == dtype


def test_second_derivatives_are_the_eager_engines(rng):
    alpha = alphas(1.3, 1.8)
    given = [*three(rng, heads=2, length=5, n_keys=7), alpha]

    def twice(method):
        out = attend(*given[:3], weighting=Entmax(alpha), method=method, is_causal=True)
        first = torch.autograd.grad(out.square().sum(), given, create_graph=True)
        return torch.autograd.grad(sum(a.square().sum() for a in first), given)

    for ours, eager in zip(twice("triton"), twice("dense"), strict=True):
        torch.testing.assert_close(ours, eager, rtol=2e-4, atol=2e-4)
        assert eager.abs().amax() > 0.01


@pytest.mark.parametrize(
    ("weighting", "reason"),
    [
        (Entmax(1.0), "kernel takes no|1 < alpha"),
        (Entmax(0.7), "1 < alpha <= 2; got 0.7"),
        (Entmax(2.5), "1 < alpha <= 2; got 2.5"),
        ("hardmax", "own weightings; got Hardmax"),
    ],
)
def test_what_is_no_sparse_weighting_is_refused_with_a_reason(weighting, reason, rng):
    with pytest.raises(ValueError, match=f"'triton' is unavailable: .*({reason})"):
        attend(*three(rng), weighting=weighting, method="triton")


def test_other_refusals_say_why(rng):
    query, key, value = three(rng, width=300, length=2, n_keys=2)
    with pytest.raises(ValueError, match="up to 256 features; got 300"):
        attend(query, key, value, weighting="sparsemax", method="triton")
    query, key, value = three(rng, length=2, n_keys=2)
    bias = torch.zeros(2, 2, requires_grad=True)
    with pytest.raises(ValueError, match="no gradient in an additive mask"):
        attend(query, key, value, bias, weighting="sparsemax", method="triton")
    wide = [a.double() for a in (query, key, value)]
    with pytest.raises(ValueError, match="float32, float16 and bfloat16"):
        attend(*wide, weighting="sparsemax", method="triton")


def test_alphas_of_which_one_is_softmax_are_left_to_the_eager_way(rng):
    given, alpha = three(rng, heads=2), alphas(1.0, 1.5)
    out = attend(*given, weighting=Entmax(alpha), method="triton")
    expected = attend(*given, weighting=Entmax(alpha), method="dense")
    torch.testing.assert_close(out, expected)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_an_alpha_in_forward_mode_is_left_to_others(rng):
    given, alpha = three(rng, length=2, n_keys=3), torch.full((1, 1, 1), 1.5)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(alpha, torch.ones_like(alpha))
        with pytest.raises(ValueError, match="no rule for kernels"):
            attend(*given, weighting=Entmax(dual), method="triton")
    with pytest.raises(ValueError, match="cannot be looked at"):
        torch.func.grad(
            lambda a: attend(*given, weighting=Entmax(a), method="triton").sum()
        )(alpha)


def test_autocast_recasts_nothing(rng):
    given = three(rng, heads=1, length=3, n_keys=5)
    expected = by_kernel(given, Sparsemax())
    with torch.autocast("cpu", torch.bfloat16):
        made = by_kernel(given, Sparsemax())
    for a, b in zip(made, expected, strict=True):
        assert torch.equal(a, b)
