"""Multi-head attention as a module: the function's values, sizes, and training."""

import copy
import pickle

import pytest
import torch

from attention_lib import Entmax, Softmax1, multi_head_attention
from attention_lib.nn import MultiHeadAttention


def matrices(module):
    """Give the matrices as the function takes them."""
    return [
        linear.weight.T
        for linear in (module.query, module.key, module.value, module.out)
    ]


@pytest.mark.quick
@pytest.mark.parametrize("num_kv_heads", [None, 1, 2])
@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize(
    "weighting", ["softmax", Entmax(1.3)], ids=["softmax", "entmax"]
)
def test_it_is_the_function_of_the_same_matrices(
    num_kv_heads, cross, weighting, rng, device
):
    sizes = {"num_kv_heads": num_kv_heads, "memory_dim": 5 if cross else None}
    module = MultiHeadAttention(12, 4, **sizes, weighting=weighting, bias=False)
    module = module.double().to(device)
    x = torch.tensor(rng.normal(size=(3, 7, 12)), device=device)
    memory = torch.tensor(rng.normal(size=(3, 11, 5)), device=device) if cross else None
    bias = torch.tensor(rng.normal(size=(7, 11 if cross else 7)), device=device)
    for masked in (
        {},
        {"is_causal": True},
        {"attn_mask": bias > -1},
        {"attn_mask": bias},
    ):
        expected = multi_head_attention(
            x,
            *matrices(module),
            4,
            num_kv_heads=num_kv_heads,
            memory=memory,
            weighting=weighting,
            **masked,
        )
        torch.testing.assert_close(module(x, memory, **masked), expected)
    one = module(x[0], None if memory is None else memory[0])
    torch.testing.assert_close(one, module(x, memory)[0])


def test_it_is_torchs_own_with_biases(rng):
    ours = MultiHeadAttention(12, 4).double()
    theirs = torch.nn.MultiheadAttention(12, 4, batch_first=True).double()
    with torch.no_grad():
        for linear in (ours.query, ours.key, ours.value, ours.out):
            linear.bias.normal_()
        parts = (ours.query, ours.key, ours.value)
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.tensor(rng.normal(size=(3, 7, 12)))
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0])


def test_it_starts_with_biases_of_zero_and_matrices_of_one_size():
    module = MultiHeadAttention(64, 4)
    for linear in (module.query, module.key, module.value, module.out):
        assert (linear.bias == 0).all()
        assert linear.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.1)
    before = module.query.weight.clone()
    module.reset_parameters()
    assert not torch.equal(module.query.weight, before)
    assert MultiHeadAttention(8, 2, bias=False).query.bias is None


def test_one_parameter_a_head_or_one_for_all():
    for per_head, shape in [(True, (4, 1, 1)), (False, ())]:
        module = MultiHeadAttention(
            12, 4, weighting="entmax15", learned=("alpha",), per_head=per_head
        )
        assert module.attention.weighting.alpha.shape == shape
        x = torch.randn(2, 5, 12)
        module(x).square().sum().backward()
        assert (module.attention.rule.log_alpha.grad != 0).all()
        plain = MultiHeadAttention(12, 4, weighting="entmax15")
        plain.load_state_dict(module.state_dict(), strict=False)
        torch.testing.assert_close(plain(x), module(x))


def test_weights_are_dropped_in_training_only():
    module = MultiHeadAttention(12, 4, dropout=0.5)
    x = torch.randn(2, 5, 12)
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


def test_it_can_be_copied_saved_cast_compiled_and_autocast():
    module = MultiHeadAttention(12, 4, weighting="softmax1", learned=("offset",))
    x = torch.randn(2, 5, 12)
    expected = module(x, is_causal=True)
    fresh = MultiHeadAttention(12, 4, weighting="softmax1", learned=("offset",))
    fresh.load_state_dict(module.state_dict())
    for again in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), fresh):
        assert torch.equal(again(x, is_causal=True), expected)
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, is_causal=True), expected)
    mask = torch.zeros(5, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = module(x, is_causal=True, attn_mask=mask)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), expected, rtol=0.1, atol=0.05)
    out = module.double()(x.double(), is_causal=True)
    torch.testing.assert_close(out.float(), expected)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(
    ("weighting", "method"),
    [("softmax", "auto"), ("softmax1", "streaming"), ("softmax1", "dense")],
)
def test_under_autocast_only_the_projections_are_rounded(
    weighting, method, is_causal, device
):
    module = MultiHeadAttention(12, 4, weighting=weighting, method=method)
    module, x = module.to(device), torch.randn(2, 5, 12, device=device)
    rounded = torch.autocast(device, dtype=torch.bfloat16)
    with rounded:
        out = module(x, is_causal=is_causal)
        parts = [linear(x) for linear in (module.query, module.key, module.value)]
    heads = [part.unflatten(-1, (4, 3)).transpose(1, 2) for part in parts]
    assert all(part.dtype == out.dtype == torch.bfloat16 for part in parts)
    found = module.attention(*heads, is_causal=is_causal)
    with rounded:
        expected = module.out(found.transpose(1, 2).flatten(-2))
    assert torch.equal(out, expected)


def test_what_does_not_fit_is_refused():
    for sizes, message in [
        ((10, 4), "embed_dim 10 is not a multiple of num_heads 4"),
        ((0, 1), "embed_dim must be at least 1; got 0"),
        ((4, 0), "num_heads must be at least 1; got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            MultiHeadAttention(*sizes)
    with pytest.raises(
        ValueError, match="num_heads 4 is not a multiple of num_kv_heads 3"
    ):
        MultiHeadAttention(12, 4, num_kv_heads=3)
    for flag in ("per_head", "bias"):
        with pytest.raises(TypeError, match=f"{flag} must be True or False; got 'no'"):
            MultiHeadAttention(12, 4, **{flag: "no"})
    with pytest.raises(ValueError, match="Softmax has no parameter 'alpha' to learn"):
        MultiHeadAttention(12, 4, learned=("alpha",))
    module = MultiHeadAttention(12, 4, memory_dim=5)
    message = r"x must be of shape \(..., length, 12\); got \(3, 5\)"
    with pytest.raises(ValueError, match=message):
        module(torch.ones(3, 5), torch.ones(3, 5))
    with pytest.raises(ValueError, match=r"memory must be of shape \(..., length, 5\)"):
        module(torch.ones(3, 12))


def test_it_says_what_it_is():
    lines = repr(MultiHeadAttention(12, 4, num_kv_heads=2)).splitlines()
    assert lines[1].strip() == "embed_dim=12, num_heads=4, num_kv_heads=2"


@pytest.mark.parametrize(
    ("rule", "name", "start", "goal"),
    [(Entmax, "alpha", 1.2, 1.9), (Softmax1, "offset", 0.0, 1.5)],
    ids=["alpha", "sink"],
)
def test_the_parameter_of_a_teacher_is_learned(rule, name, start, goal):
    torch.manual_seed(0)
    teacher = MultiHeadAttention(8, 2, weighting=rule(goal))
    module = MultiHeadAttention(8, 2, weighting=rule(start), learned=(name,))
    module.load_state_dict(teacher.state_dict(), strict=False)
    with torch.no_grad():
        module.out.weight.mul_(0.9)  # so that the matrices have to move too
    x = 2 * torch.randn(32, 6, 8)
    wanted = teacher(x).detach()
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    losses = []
    for _ in range(150):
        loss = (module(x) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20
    learned = getattr(module.attention.weighting, name)
    assert (abs(learned - goal) < 0.6 * abs(start - goal)).all()
