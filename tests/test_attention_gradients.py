"""Gradients of attention in torch: every method, masks, transforms and the edges."""

from functools import partial

import pytest
import torch

from attention_lib import Softmax, masks, multi_head_attention
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend import blocks as torch_blocks
from attention_lib.torch_backend import general as in_torch
from tests.derivatives import gradcheck, gradgradcheck

pytestmark = [
    # torch itself calls this when forward mode is used for the first time,
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
    # and runs its own kernel over a batch one by one.
    pytest.mark.filterwarnings("ignore:There is a performance drop"),
]
METHODS = ["auto", "dense", "streaming", "sdpa"]
every_method = pytest.mark.parametrize("method", METHODS)
KINDS = ["no mask", "bool", "additive", "causal", "causal and bool"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(in_torch, "DENSE_SCORES", 0)
    monkeypatch.setattr(in_torch, "BLOCK_SCORES", 2 * 2 * 5)
    monkeypatch.setattr(torch_blocks, "FEWEST", 1)
    monkeypatch.setattr(torch_blocks, "MOST", 2)


@pytest.fixture
def three(rng, device):
    def made(n, features):
        a = torch.tensor(rng.normal(size=(2, n, features)), device=device)
        return a.requires_grad_()

    return made(3, 2), made(5, 2), made(5, 2)


def mask_of(kind, like):
    """Give the mask of a kind, in which the second query sees no key."""
    where = torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]).bool()
    where = where.to(like.device)
    bias = torch.linspace(-1, 1, 15, dtype=like.dtype, device=like.device)
    bias = bias.reshape(3, 5).masked_fill(~where, -torch.inf)
    return {
        "no mask": {},
        "bool": {"attn_mask": where},
        "additive": {"attn_mask": bias},
        "causal": {"is_causal": True},
        "causal and bool": {"attn_mask": where, "is_causal": True},
    }[kind]


@every_method
@pytest.mark.parametrize("kind", KINDS)
def test_first_derivatives(method, kind, three):
    mask = mask_of(kind, three[0])
    ask = partial(attend, **mask, method=method)
    assert gradcheck(ask, three)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("softcap", [None, 1.5])
def test_second_derivatives_and_forward_mode_of_dense(kind, softcap, three):
    options = {**mask_of(kind, three[0]), "softcap": softcap}

    def dense(*qkv):
        return attend(*qkv, **options, method="dense")

    def auto(*qkv):
        return attend(*qkv, **options)

    assert gradcheck(dense, three, check_forward_ad=True)
    assert gradgradcheck(dense, three)
    tangents = tuple(map(torch.ones_like, three))
    plain = tuple(a.detach() for a in three)
    ahead = torch.func.jvp(dense, plain, tangents)[1]
    torch.testing.assert_close(torch.func.jvp(auto, plain, tangents)[1], ahead)
    with torch.autograd.forward_ad.dual_level():
        make = torch.autograd.forward_ad.make_dual
        duals = [make(a, t) for a, t in zip(plain, tangents, strict=True)]
        out = torch.autograd.forward_ad.unpack_dual(auto(*duals))
    torch.testing.assert_close(out.tangent, ahead)


@every_method
@pytest.mark.parametrize("kind", KINDS)
def test_batches_and_jacobians_of_functions(method, kind, three):
    query, key, value = (a.detach() for a in three)
    mask = mask_of(kind, query)

    def ask(query):
        return attend(query, key, value, **mask, method=method)

    stack = torch.stack([query, 2 * query, -query])
    expected = torch.stack([ask(q) for q in stack])
    torch.testing.assert_close(torch.vmap(ask)(stack), expected)
    expected = torch.autograd.functional.jacobian(ask, query)
    torch.testing.assert_close(torch.func.jacrev(ask)(query), expected)
    if method in ("auto", "dense"):
        torch.testing.assert_close(torch.func.jacfwd(ask)(query), expected)

    def hear(value):
        return attend(query, key, value, **mask, method=method)

    expected = torch.autograd.functional.jacobian(hear, value)
    torch.testing.assert_close(torch.func.jacrev(hear)(value), expected)


@pytest.mark.parametrize("method", ["auto", "dense"])
def test_gradients_for_each_example_of_a_batch(method, three):
    query, key, value = (a.detach() for a in three)

    def loss(query, key, value):
        return attend(query, key, value, is_causal=True, method=method).square().sum()

    by_head = torch.vmap(torch.func.grad(loss))(query, key, value)
    for head in range(2):
        expected = torch.func.grad(loss)(query[head], key[head], value[head])
        torch.testing.assert_close(by_head[head], expected)


@every_method
def test_a_query_without_keys_gets_and_gives_no_gradient(method, three):
    where = mask_of("bool", three[0])["attn_mask"]
    for mask in (where, torch.where(where, 0.0, -torch.inf).double()):
        grads = torch.autograd.grad(
            attend(*three, mask, method=method)[:, 1].sum(), three, allow_unused=True
        )
        for grad in grads:
            assert grad is None or (grad == 0).all()
        grads = torch.autograd.grad(attend(*three, mask, method=method).sum(), three)
        assert (grads[0][:, 1] == 0).all()
        assert all(grad.isfinite().all() for grad in grads)


@every_method
@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("kind", ["bool", "additive", "causal"])
def test_what_is_masked_reaches_no_gradient(method, poison, kind, three):
    if kind == "causal":  # three queries see the first three keys only
        hidden, mask = [3, 4], {"is_causal": True}
    else:
        hidden, where = [1, 4], torch.ones(3, 5, dtype=torch.bool)
        where[1], where[:, hidden] = False, False
        where = where.to(three[0].device)
        bias = torch.where(where, 0.0, -torch.inf).to(three[0].dtype)
        mask = {"attn_mask": where if kind == "bool" else bias}
    expected = torch.autograd.grad(attend(*three, **mask).square().sum(), three)
    with torch.no_grad():
        three[1][:, hidden], three[2][:, hidden] = poison, poison
    out = attend(*three, **mask, method=method)
    actual = torch.autograd.grad(out.square().sum(), three)
    torch.testing.assert_close(actual, expected)


@every_method
def test_queries_before_a_causal_nan_keep_their_gradient(method, three):
    def slope():
        out = attend(*three, is_causal=True, method=method)
        return torch.autograd.grad(out[:, :2].square().sum(), three[0])[0][:, :2]

    expected = slope()
    with torch.no_grad():
        three[1][:, 2], three[2][:, 2] = torch.nan, torch.inf
    torch.testing.assert_close(slope(), expected)


@pytest.mark.parametrize("method", ["auto", "dense", "streaming"])
@pytest.mark.parametrize("masked_poison", [0.0, torch.nan, torch.inf])
def test_a_temperature_for_each_head_is_learned(method, masked_poison, three):
    query, key, value = (a.detach() for a in three)
    mask = masks.padding([4], 5, like=query)[:, 0]
    key[:, 4] = masked_poison
    temperature = torch.tensor([0.5, 2.0], dtype=query.dtype, device=query.device)
    temperature = temperature[:, None, None].requires_grad_()

    def warm(t):
        return attend(query, key, value, mask, weighting=Softmax(t), method=method)

    assert gradcheck(warm, temperature)


@every_method
def test_an_additive_mask_gets_a_gradient(method, three):
    bias = torch.linspace(-1, 1, 15, dtype=three[0].dtype, device=three[0].device)
    bias = bias.reshape(3, 5).requires_grad_()
    rest = [a.detach() for a in three]
    assert gradcheck(lambda b: attend(*rest, b, method=method), bias)
    warm = Softmax(0.5)
    assert gradcheck(lambda b: attend(*rest, b, weighting=warm, method=method), bias)


@every_method
def test_gradients_flow_through_shared_heads(method, three):
    query = torch.cat(2 * [three[0].detach()]).requires_grad_()

    def grouped(*qkv):
        return attend(*qkv, is_causal=True, enable_gqa=True, method=method)

    assert gradcheck(grouped, (query, *three[1:]))


def test_streaming_keeps_no_matrix_for_the_backward_pass(monkeypatch):
    n, saved = 256, []
    given = [torch.randn(n, 4, requires_grad=True) for _ in range(3)]
    monkeypatch.setattr(in_torch, "BLOCK_SCORES", 16 * n)

    def note(tensor):
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        attend(*given, method="streaming").sum().backward()
    assert max(saved, default=0) <= 16 * n


def test_multi_head_attention_has_derivatives(three):
    matrices = [torch.randn(2, 2, dtype=torch.float64, requires_grad=True)] * 4
    x = three[0].detach().cpu().requires_grad_()

    def attend_to_itself(x, *matrices):
        return multi_head_attention(x, *matrices, num_heads=2, is_causal=True)

    assert gradcheck(attend_to_itself, (x, *matrices))


def test_without_gradients_none_is_kept(three):
    with torch.no_grad():
        for method in METHODS:
            assert not attend(*three, method=method).requires_grad
